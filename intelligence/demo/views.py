"""Views that the demo's founder has saved for everyone."""

from dataclasses import dataclass

from crm.models import Member, SavedView
from crm.records import COMPANY, PERSON, RecordType
from crm.tables.columns import default_columns
from crm.tables.saved_views import save_view


@dataclass(frozen=True, slots=True)
class View:
    kind: RecordType
    name: str
    sort: str
    filters: tuple[str, ...]


VIEWS = (
    View(COMPANY, "Warm introductions", "-connection_strength", ("connection_strength:at_least:Strong",)),
    View(
        COMPANY,
        "Going quiet",
        "-last_interaction",
        ("last_interaction:more_than_days_ago:45", "connection_strength:at_least:Weak"),
    ),
    View(
        COMPANY,
        "Meeting this week",
        "next_calendar_interaction",
        ("next_calendar_interaction:within_days:7",),
    ),
    View(PERSON, "I know them best", "-last_interaction", ("strongest_connection:is:me",)),
)


def save_views(founder: Member) -> None:
    """Does nothing where somebody has saved one already."""
    if SavedView.objects.filter(workspace_id=founder.workspace_id).exists():
        return
    for one in VIEWS:
        save_view(
            one.kind.name,
            one.name,
            sort=one.sort,
            filters=one.filters,
            columns=default_columns(one.kind.name),
            is_shared=True,
            by=founder,
        )
