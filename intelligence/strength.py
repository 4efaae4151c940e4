"""How strong is this relationship: the one place where the formula and its constants live.

    S = r · Σ over days d ≤ today with contact  w(d) · 2^(−(today − d)/H)
    w(d) = b · n^¼     b = 2 if they met that day, else 1 if the member wrote, else ¾
    r = 1 if the member has written to them and they to him, or they have met; else ½

Forward decay (Cormode et al., ICDE 2009) stores the sum with a fixed landmark L instead of today:
score = r · Σ w(d) · 2^((d − L)/H). S is the score times 2^(−(today − L)/H), the same factor for
every row, so ordering by the stored score is ordering by strength and never goes stale.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from math import floor, log2

HALF_LIFE_DAYS = 30
LANDMARK = date(2020, 1, 1)
MET, WROTE, HEARD = 2.0, 1.0, 0.75
ONE_WAY = 0.5
MAIL_CROWD = 25  # recipients above which a mail says nothing about a tie
MEETING_CROWD = 20  # attendees above which a meeting does not
# Sums in another order differ in the last bits; a grade must not.
SLACK = 1e-9


@dataclass(frozen=True, slots=True)
class Grade:
    level: int
    word: str
    threshold: float


GRADES = (
    Grade(5, "Very strong", 12.0),
    Grade(4, "Strong", 6.0),
    Grade(3, "Good", 2.5),
    Grade(2, "Weak", 0.75),
    Grade(1, "Very weak", 0.0),
)


def growth(day: date) -> float:
    """2^((day − L)/H): what a contact of weight one on this day adds to the stored score."""
    return 2.0 ** ((day - LANDMARK).days / HALF_LIFE_DAYS)


def today_score(score: float, today: date) -> float:
    """S: the stored score as it counts today."""
    return score / growth(today)


def landmark_threshold(threshold: float, today: date) -> float:
    """The stored score from which a tie reaches `threshold` today. Every decision about a grade,
    pill or filter, compares with this number."""
    return (threshold - SLACK) * growth(today) if threshold > 0 else 0.0


def grade(score: float | None, today: date) -> Grade | None:
    """None for a record that was never in touch."""
    if score is None:
        return None
    return next(g for g in GRADES if score >= landmark_threshold(g.threshold, today))


def weight(contacts: int, *, met: bool, wrote: bool) -> float:
    """w(d): what one day in touch counts for on the day itself."""
    return (MET if met else WROTE if wrote else HEARD) * contacts**0.25


def fading(days: int) -> float:
    """2^(−days/H): how much of a contact is left after so many days."""
    return 2.0 ** (-days / HALF_LIFE_DAYS)


def next_drop(score: float | None, today: date) -> tuple[date, Grade] | None:
    """The first day on which the tie is a grade lower if nothing happens, and that grade. None where
    it can fall no lower."""
    current = grade(score, today)
    if score is None or current is None or not current.threshold:
        return None
    day = LANDMARK + timedelta(days=floor(HALF_LIFE_DAYS * log2(score / (current.threshold - SLACK))) + 1)
    # The logarithm may be a bit off just where a day begins: what decides is the comparison.
    while score < landmark_threshold(current.threshold, day - timedelta(days=1)):
        day -= timedelta(days=1)
    while score >= landmark_threshold(current.threshold, day):
        day += timedelta(days=1)
    lower = grade(score, day)
    return (day, lower) if lower else None


def score_sql(alias: str) -> str:
    """The aggregate over contact-day rows `alias` of one pair that gives its stored score."""
    base = f"CASE WHEN {alias}.met THEN {MET} WHEN {alias}.written > 0 THEN {WROTE} ELSE {HEARD} END"
    # PostgreSQL refuses what is too small for a float8, where nothing is meant all the same.
    halvings = f"greatest(({alias}.day - DATE '{LANDMARK}')::float8 / {HALF_LIFE_DAYS}, -1000)"
    weight = f"({base})::float8 * power({alias}.contacts::float8, 0.25::float8)"
    return (
        f"CASE WHEN bool_or({alias}.met) OR (bool_or({alias}.written > 0) AND bool_or({alias}.heard > 0)) "
        f"THEN 1 ELSE {ONE_WAY} END::float8 * coalesce("
        f"sum({weight} * power(2::float8, {halvings}) ORDER BY {alias}.day)"
        f" FILTER (WHERE {alias}.contacts > 0), 0)"
    )
