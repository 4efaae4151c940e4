"""The nine smart attributes, declared once: how they are read, shown, sorted, filtered and exported."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from django.utils.safestring import SafeString

from crm import cells, moments
from crm.tables.columns import (
    OLDEST_OR_NEWEST,
    SOONEST_OR_FURTHEST,
    WEAKEST_OR_STRONGEST,
    Column,
    Look,
    Source,
    Values,
    register,
)
from crm.tables.filters import register_filter
from crm.tables.walking import IndexWalk, MemberWalk, Walk
from intelligence.attribute_calculations import STRENGTHS, members_counted, times_counted
from intelligence.attribute_filters import strength_filter, strongest_filter, time_filter
from intelligence.recordkinds import RECORD_KINDS, RecordKind
from intelligence.strength import grade, today_score

GROUP = "Communication intelligence"
STRENGTH, STRONGEST = "Connection strength", "Strongest connection"

# The stored answers as `v`.
STORED = "JOIN {insight} v ON v.{record} = r.id"
# Between two sweeps an event may have started: for those few rows the calendar's part is read from
# the timeline instead.
DUE = "v.next_calendar_at <= %(now)s"
_CALENDAR = ", ".join(
    f"CASE WHEN due THEN {end}.{part} ELSE s.{end}_calendar_{field} END AS {end}_calendar_{field}"
    for end in ("first", "last", "next")
    for part, field in (("at", "at"), ("member", "member_id"), ("all_day", "all_day"))
)
SETTLED = f"""
    JOIN LATERAL (
        SELECT s.first_email_at, s.first_email_member_id, s.last_email_at, s.last_email_member_id,
               s.score, s.strongest_id, {_CALENDAR}
        FROM {{insight}} s
        CROSS JOIN LATERAL (SELECT coalesce(s.next_calendar_at <= %(now)s, false) AS due) d
        LEFT JOIN LATERAL ({{first}}) first ON due
        LEFT JOIN LATERAL ({{last}}) last ON due
        LEFT JOIN LATERAL ({{next}}) next ON due
        WHERE s.{{record}} = r.id
    ) v ON true
"""
PROBE = """
    SELECT t.occurred_at AS at, t.member_id AS member, t.is_all_day AS all_day FROM {{interaction}} t
    WHERE d.due AND t.{{record}} = r.id AND t.kind = 2 AND t.occurred_at {compare} %(now)s
    ORDER BY t.occurred_at {order}, t.member_id, t.is_all_day LIMIT 1
"""

# Times come as seconds: a page has three hundred, and the driver takes longest over timestamps.
EMAIL_FIELDS = ("date_part('epoch', v.{end}_email_at)", "v.{end}_email_member_id")
CALENDAR_FIELDS = (
    "date_part('epoch', v.{end}_calendar_at)",
    "v.{end}_calendar_member_id",
    "v.{end}_calendar_all_day",
)

Kind = Literal["email", "meeting"]


class Touch(NamedTuple):
    """One interaction, as far as an attribute shows it."""

    at: datetime
    kind: Kind
    member_id: int
    is_all_day: bool = False


def first_of(values: Values) -> Touch | None:
    """The earlier of e-mail and meeting; at equal instants the meeting."""
    email, meeting = email_of(values[:2]), meeting_of(values[2:])
    return min((one for one in (meeting, email) if one), key=lambda one: one.at, default=None)


def last_of(values: Values) -> Touch | None:
    email, meeting = email_of(values[:2]), meeting_of(values[2:])
    return max((one for one in (meeting, email) if one), key=lambda one: one.at, default=None)


def email_of(values: Values) -> Touch | None:
    seconds, member_id = values
    return Touch(_moment(seconds), "email", member_id) if seconds is not None else None


def meeting_of(values: Values) -> Touch | None:
    seconds, member_id, is_all_day = values
    if seconds is None:
        return None
    return Touch(_moment(seconds), "meeting", member_id, bool(is_all_day))


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@dataclass(frozen=True, slots=True)
class Attribute:
    """An interaction attribute: which stored time it sorts by, and how its value is put together."""

    name: str
    label: str
    icon: str
    key: str
    fields: tuple[str, ...]
    touch: Any
    description: str


def _both(end: str) -> tuple[str, ...]:
    return _fields(end, (*EMAIL_FIELDS, *CALENDAR_FIELDS))


def _fields(end: str, patterns: Sequence[str]) -> tuple[str, ...]:
    return tuple(pattern.format(end=end) for pattern in patterns)


INTERACTIONS = (
    Attribute(
        "last_interaction", "Last interaction", "dot-end", "last_at", _both("last"), last_of,
        "The most recent email or meeting anyone in the workspace had with the record.",
    ),
    Attribute(
        "next_calendar_interaction", "Next calendar interaction", "cal-next", "next_calendar_at",
        _fields("next", CALENDAR_FIELDS), meeting_of,
        "The soonest meeting anyone in the workspace has scheduled with the record.",
    ),
    Attribute(
        "last_email_interaction", "Last email interaction", "mail-last", "last_email_at",
        _fields("last", EMAIL_FIELDS), email_of,
        "The latest email between anyone in the workspace and the record.",
    ),
    Attribute(
        "last_calendar_interaction", "Last calendar interaction", "cal-last", "last_calendar_at",
        _fields("last", CALENDAR_FIELDS), meeting_of,
        "The latest meeting with the record that has started.",
    ),
    Attribute(
        "first_interaction", "First interaction", "dot-start", "first_at", _both("first"), first_of,
        "The first email or meeting anyone in the workspace had with the record.",
    ),
    Attribute(
        "first_email_interaction", "First email interaction", "mail-first", "first_email_at",
        _fields("first", EMAIL_FIELDS), email_of,
        "The earliest email between anyone in the workspace and the record.",
    ),
    Attribute(
        "first_calendar_interaction", "First calendar interaction", "cal-first", "first_calendar_at",
        _fields("first", CALENDAR_FIELDS), meeting_of,
        "The earliest meeting with the record.",
    ),
)  # fmt: skip


# In a file of everything, which scripts read.
EXPORTED = (
    "first_interaction", "last_interaction", "first_email_interaction", "last_email_interaction",
    "first_calendar_interaction", "last_calendar_interaction", "next_calendar_interaction",
    "connection_strength", "strongest_connection",
)  # fmt: skip


def register_attributes() -> None:
    for kind in RECORD_KINDS:
        columns = [_interaction_column(kind, attribute) for attribute in INTERACTIONS]
        columns[1:1] = [_strength_column(kind), _strongest_column(kind)]
        placed = [replace(one, export_place=EXPORTED.index(one.name) + 1) for one in columns]
        register(kind.name, *placed, default_sort="-last_interaction")
        times = [time_filter(kind, one.name, one.label, one.icon, key=one.key) for one in INTERACTIONS]
        times[1:1] = [strength_filter(kind, STRENGTH), strongest_filter(kind, STRONGEST)]
        register_filter(kind.name, *times)


def _interaction_column(kind: RecordKind, attribute: Attribute) -> Column:
    def cell(look: Look, values: Values) -> SafeString:
        return touch_cell(look, attribute.touch(values))

    def export(look: Look, values: Values) -> Sequence[str]:
        touch = attribute.touch(values)
        if touch is None:
            return "", "", ""
        return moments.machine(touch.at), touch.kind, look.faces[touch.member_id].email

    name = attribute.name
    is_ahead = attribute.key.startswith("next")
    return Column(
        name=name,
        label=attribute.label,
        icon=attribute.icon,
        width=244 if is_ahead else 204,
        walk=_insight_walk(kind, attribute.key, "timestamptz"),
        select=attribute.fields,
        source=_source(kind),
        cell=cell,
        group=GROUP,
        description=attribute.description,
        orders=SOONEST_OR_FURTHEST if is_ahead else OLDEST_OR_NEWEST,
        is_newest_first=not is_ahead,
        is_smart=True,
        exports=(name, f"{name}_kind", f"{name}_member"),
        export=export,
        calculations=times_counted(attribute.key),
    )


def touch_cell(look: Look, touch: Touch | None) -> SafeString:
    """The last interaction of all is also the last of its kind: each is drawn once."""
    if touch is None:
        return cells.EMPTY
    if touch not in look.drawn:
        at, kind, member_id, is_all_day = touch
        face = look.faces.get(member_id)
        look.drawn[touch] = cells.moment(at, kind=kind, face=face, now=look.now, is_all_day=is_all_day)
    return look.drawn[touch]


def _strength_column(kind: RecordKind) -> Column:
    return Column(
        name="connection_strength",
        label=STRENGTH,
        icon="strength",
        width=160,
        walk=_insight_walk(kind, "score", "float8"),
        select=("v.score",),
        source=_source(kind),
        cell=lambda look, values: strength_cell(look, values[0]),
        group=GROUP,
        description="How well the workspace knows the record: every day in touch counts, recent ones more.",
        orders=WEAKEST_OR_STRONGEST,
        is_newest_first=True,
        is_smart=True,
        exports=("connection_strength", "connection_score"),
        export=_export_strength,
        calculations=STRENGTHS,
    )


def strength_cell(look: Look, score: float | None) -> SafeString:
    found = grade(score, _today(look.now))
    return cells.strength(found.level, found.word) if found else cells.EMPTY


def _export_strength(look: Look, values: Values) -> Sequence[str]:
    today = _today(look.now)
    found = grade(values[0], today)
    return (found.word, f"{today_score(values[0], today):.4f}") if found else ("", "")


def _strongest_column(kind: RecordKind) -> Column:
    def cell(look: Look, values: Values) -> SafeString:
        face = look.faces.get(values[0])
        return cells.person(face, f"{face.name} has the strongest connection") if face else cells.EMPTY

    def export(look: Look, values: Values) -> Sequence[str]:
        return (look.faces[values[0]].email if values[0] else "",)

    return Column(
        name="strongest_connection",
        label=STRONGEST,
        icon="crown",
        width=172,
        walk=MemberWalk(table=kind.names["insight"], pk=kind.names["record"], key="strongest_id"),
        select=("v.strongest_id",),
        source=_source(kind),
        cell=cell,
        group=GROUP,
        description="The member of the workspace who knows the record best.",
        is_smart=True,
        exports=("strongest_connection",),
        export=export,
        calculations=members_counted("v.strongest_id"),
    )


def _source(kind: RecordKind) -> Source:
    probes = {
        "first": PROBE.format(compare="<=", order="ASC"),
        "last": PROBE.format(compare="<=", order="DESC"),
        "next": PROBE.format(compare=">", order="ASC"),
    }
    probed = {name: kind.sql(probe) for name, probe in probes.items()}
    return Source(kind.sql(STORED), DUE, SETTLED.format(**kind.names, **probed))


def _insight_walk(kind: RecordKind, key: str, key_type: str) -> Walk:
    table = f"{kind.names['insight']} w WHERE w.workspace_id = %(workspace)s"
    pk = f"w.{kind.names['record']}"
    return IndexWalk(
        source=table,
        pk=pk,
        key=f"w.{key}",
        key_type=key_type,
        origin=(kind.names["insight"], kind.names["record"]),
        rest=f"{table} AND w.{key} IS NULL",
        rest_pk=pk,
        is_whole=True,
    )


def _today(now: datetime) -> Any:
    return now.astimezone(UTC).date()
