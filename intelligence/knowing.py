"""What the details of a record say beside its attributes: twelve months at a glance, and who knows it."""

from collections.abc import Sequence
from dataclasses import dataclass

from crm.record_pages import RecordPage
from intelligence.connections import Tie, ties
from intelligence.pulse import Pulse, read_pulse
from intelligence.recordkinds import kind_named


@dataclass(frozen=True, slots=True)
class Known:
    pulse: Pulse
    all_ties: Sequence[Tie]

    @property
    def ties(self) -> list[Tie]:
        """Only who is still here can be somebody's connection."""
        return [tie for tie in self.all_ties if tie.is_active]


def read_known(page: RecordPage) -> Known:
    """Two statements."""
    kind, record, now = kind_named(page.kind.name), page.record, page.look.now
    pulse = read_pulse(kind, record.pk, workspace_id=record.workspace_id, now=now)
    return Known(pulse, ties(kind, record.pk, page.look))
