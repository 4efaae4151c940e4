"""Write down who decided what: ids and levels, never words."""

from crm.live import announce
from crm.models import AuditEvent, Member


def audit(action: str, *, by: Member, owner: Member | None = None, **details: int | str | None) -> None:
    """`owner` is whose mail or calendar it is about; nobody else's open settings hear of it. Call inside the
    transaction that does it."""
    AuditEvent.objects.create(
        workspace_id=by.workspace_id,
        owner=owner,
        actor=by,
        action=action,
        details={name: value for name, value in details.items() if value is not None},
    )
    announce(by.workspace_id, topics=["settings"], member_id=owner.pk if owner else None)
