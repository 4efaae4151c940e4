"""How many records each saved view holds."""

from datetime import datetime

from django.http import QueryDict

from crm.models import Member
from crm.plurals import Capped
from crm.records import RecordType
from crm.statements import fetch
from crm.tables.filters import Asked, narrowed
from crm.tables.saved_views import View, views_of
from crm.tables.state import read_state

MOST_COUNTED = 500


def counted_views(member: Member, kind: RecordType, *, now: datetime) -> list[tuple[View, Capped | None]]:
    """All in one statement, none further than MOST_COUNTED; None for a view without filters, which holds
    everything."""
    views = views_of(member, kind.name)
    parts, parameters = [], {"workspace": member.workspace_id, "most": MOST_COUNTED + 1}
    for view in views:
        filters = read_state(kind, QueryDict(f"view={view.pk}"), views=views).filters
        if filters:
            found = narrowed(filters, Asked(now, member.pk), prefix=f"view_{view.pk}")
            parts.append(f"SELECT {view.pk}, count(*) FROM ({found.few} LIMIT %(most)s) counted")
            parameters |= found.values
    counts = dict(fetch(" UNION ALL ".join(parts), **parameters)) if parts else {}
    return [(view, Capped(counts[view.pk], MOST_COUNTED) if view.pk in counts else None) for view in views]
