"""What the smart attributes can be narrowed by: times, kinds, members and grades."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date

from crm.cells import Face
from crm.records import read_id
from crm.tables.filters import (
    EMPTINESS,
    IS_EMPTY,
    Asked,
    BadFilter,
    Condition,
    Filterable,
    Operator,
)
from crm.tables.times import AHEAD, PAST, time_condition
from intelligence.recordkinds import RecordKind
from intelligence.strength import GRADES, landmark_threshold

ME = "me"


def _kinds(faces: Mapping[int, Face]) -> Sequence[tuple[str, str]]:
    return (("email", "email"), ("meeting", "meeting"))


def _members(faces: Mapping[int, Face]) -> Sequence[tuple[str, str]]:
    return ((ME, "me"), *((str(face.pk), face.name) for face in faces.values()))


def _grades(faces: Mapping[int, Face]) -> Sequence[tuple[str, str]]:
    return tuple((one.word, one.word) for one in GRADES)


WITH = Operator("with", "with", "choice", _members)
KIND_IS = Operator("kind_is", "is", "choice", _kinds)
GRADE_OPERATORS = (
    Operator("is", "is", "choice", _grades),
    Operator("at_least", "is at least", "choice", _grades, takes_one=True),
    Operator("at_most", "is at most", "choice", _grades, takes_one=True),
    *EMPTINESS,
)
MEMBER_OPERATORS = (Operator("is", "is", "choice", _members), *EMPTINESS)


def time_filter(kind: RecordKind, name: str, label: str, icon: str, *, key: str) -> Filterable:
    """`key` is the stored time. first_at and last_at are the earlier or later of both kinds."""
    is_ahead = key.startswith("next")
    has_both = key in {"first_at", "last_at"}
    member = _member_of(key)

    def condition(operator: Operator, values: tuple[str, ...], asked: Asked) -> Condition:
        match operator.name:
            case "kind_is":
                return _kind_condition(key, values)
            case "with":
                # The time says nothing new, but has an index: few have a meeting to come.
                return (
                    f"(f.{key} IS NOT NULL AND {member} = ANY(%(value)s::bigint[]))",
                    _member_ids(values, asked),
                )
            case "is_empty" | "is_not_empty":
                return _empty_condition(f"f.{key}", operator)
        return time_condition(
            f"f.{key}", operator, values[0], asked, is_ahead=is_ahead, all_day=all_day_of(key, "f")
        )

    return Filterable(
        name,
        label,
        icon,
        (kind.names["insight"], kind.names["record"]),
        (
            *(AHEAD if is_ahead else PAST),
            *([KIND_IS] if has_both else []),
            WITH,
            *EMPTINESS,
        ),
        condition,
        is_smart=True,
    )


def strength_filter(kind: RecordKind, label: str) -> Filterable:
    return Filterable(
        "connection_strength",
        label,
        "strength",
        (kind.names["insight"], kind.names["record"]),
        GRADE_OPERATORS,
        _grade_condition,
        is_smart=True,
    )


def strongest_filter(kind: RecordKind, label: str) -> Filterable:
    def condition(operator: Operator, values: tuple[str, ...], asked: Asked) -> Condition:
        if operator in EMPTINESS:
            return _empty_condition("f.strongest_id", operator)
        return "f.strongest_id = ANY(%(value)s::bigint[])", _member_ids(values, asked)

    source = (kind.names["insight"], kind.names["record"])
    return Filterable(
        "strongest_connection", label, "crown", source, MEMBER_OPERATORS, condition, is_smart=True
    )


def _empty_condition(key: str, operator: Operator) -> Condition:
    negation = "" if operator is IS_EMPTY else "NOT "
    return f"({key} IS {negation}NULL OR %(value)s::text IS NULL)", ""


# At equal instants the meeting counts; a time is null where there is none.
_IS_MEETING = {
    "first_at": "(f.first_calendar_at IS NOT NULL AND f.first_calendar_at = f.first_at)",
    "last_at": "(f.last_calendar_at IS NOT NULL AND f.last_calendar_at = f.last_at)",
}


def all_day_of(key: str, row: str) -> str:
    """What says of a row of insights that this time is a date; nothing where none is."""
    end = key.split("_")[0]
    if "email" in key:
        return ""
    flag = f"{row}.{end}_calendar_all_day"
    return f"({flag} AND {row}.{end}_calendar_at = {row}.{key})" if key in _IS_MEETING else flag


def _kind_condition(key: str, values: tuple[str, ...]) -> Condition:
    if not set(values) <= {"email", "meeting"}:
        raise BadFilter("Choose email or meeting.")
    kind = f"CASE WHEN {_IS_MEETING[key]} THEN 'meeting' ELSE 'email' END"
    return f"(f.{key} IS NOT NULL AND {kind} = ANY(%(value)s::text[]))", list(values)


def _member_of(key: str) -> str:
    if key in _IS_MEETING:
        end = key.removesuffix("_at")
        return (
            f"CASE WHEN {_IS_MEETING[key]} THEN f.{end}_calendar_member_id ELSE f.{end}_email_member_id END"
        )
    return f"f.{key.removesuffix('_at')}_member_id"


def _member_ids(values: tuple[str, ...], asked: Asked) -> list[int]:
    ids = [asked.member_id if value == ME else read_id(value) for value in values]
    if None in ids:
        raise BadFilter("Choose a member.")
    return [one for one in ids if one is not None]


def _grade_condition(operator: Operator, values: tuple[str, ...], asked: Asked) -> Condition:
    """A grade is a range of the stored score with a moved threshold, so a plain index serves it."""
    if operator in EMPTINESS:
        return _empty_condition("f.score", operator)
    places = sorted(_place(value) for value in values)
    today = asked.now.astimezone(UTC).date()
    match operator.name:
        case "at_least":
            ranges = [(places[-1], 0)]
        case "at_most":
            ranges = [(len(GRADES) - 1, places[0])]
        case _:
            ranges = [(place, place) for place in places]
    limits = [limit for weakest, strongest in ranges for limit in _limits(weakest, strongest, today)]
    within = " OR ".join(
        f"(f.score >= (%(value)s::float8[])[{2 * n + 1}] AND f.score < (%(value)s::float8[])[{2 * n + 2}])"
        for n in range(len(ranges))
    )
    return f"({within})", limits


def _place(word: str) -> int:
    for place, one in enumerate(GRADES):
        if one.word.casefold() == word.casefold():
            return place
    raise BadFilter("There is no such grade.")


def _limits(weakest: int, strongest: int, today: date) -> list[float]:
    upper = landmark_threshold(GRADES[strongest - 1].threshold, today) if strongest else float("inf")
    return [landmark_threshold(GRADES[weakest].threshold, today), upper]


def grade_limits(today: date) -> list[float]:
    """From where to where each grade reaches, the strongest first."""
    return [limit for place in range(len(GRADES)) for limit in _limits(place, place, today)]


def grade_counts() -> str:
    """An aggregate over scores `v`, with %(grades)s: how many have each grade, the strongest first."""
    parts = ", ".join(
        f"count(*) FILTER (WHERE v.score >= (%(grades)s::float8[])[{2 * place + 1}]"
        f" AND v.score < (%(grades)s::float8[])[{2 * place + 2}])"
        for place in range(len(GRADES))
    )
    return f"ARRAY[{parts}]"
