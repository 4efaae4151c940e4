"""Tell members that something happened: on their bell, and by mail where mail is set up.

Other apps register how to put their kinds of notification into words, from what the reader may
see at that moment.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction

from crm.live import announce
from crm.models import Member, Notification


@dataclass(frozen=True, slots=True)
class Told:
    """One notification in words: `who` did `what` to the thing called `about`, at `url`. `answer_url` is
    where the reader may answer an open question, `level` how much is asked for, `seen` what of."""

    who: str
    who_pk: int
    what: str
    about: str
    url: str
    after: str = ""
    answer_url: str = ""
    level: int = 0
    seen: str = ""
    note: str = ""

    @property
    def sentence(self) -> str:
        return " ".join(filter(None, (self.who, self.what, self.about, self.after)))


# Of some object ids: those that can still be told to this member.
Describe = Callable[[Member, Sequence[int]], Mapping[int, Told]]

_kinds: dict[str, Describe] = {}


def register_kind(kind: str, describe: Describe) -> None:
    _kinds[kind] = describe


def notify(members: Iterable[Member], kind: str, object_id: int) -> None:
    """Call inside the transaction of what happened."""
    made = Notification.objects.bulk_create(
        Notification(workspace_id=member.workspace_id, member=member, kind=kind, object_id=object_id)
        for member in members
        if member.is_active
    )
    for one in made:
        _announce(one.workspace_id, one.member_id)
    if made and settings.EMAIL_URL:
        from crm.tasks import mail_notification

        for one in made:
            transaction.on_commit(partial(mail_notification.delay, one.pk), robust=True)


@dataclass(frozen=True, slots=True)
class Note:
    pk: int
    kind: str
    at: datetime
    is_read: bool
    told: Told


def in_words(member: Member, notifications: Sequence[Notification]) -> list[Note]:
    """Those that can be told; a fixed number of statements for each kind."""
    by_kind: dict[str, list[int]] = defaultdict(list)
    for one in notifications:
        by_kind[one.kind].append(one.object_id)
    told = {kind: _kinds[kind](member, ids) for kind, ids in by_kind.items() if kind in _kinds}
    return [
        Note(one.pk, one.kind, one.created_at, one.read_at is not None, told[one.kind][one.object_id])
        for one in notifications
        if one.object_id in told.get(one.kind, {})
    ]


def mark_read(member: Member, *, now: datetime, kind: str = "", object_id: int | None = None) -> None:
    """All of a member's, or those about one thing."""
    unread = Notification.objects.of(member).unread()
    if object_id is not None:
        unread = unread.filter(kind=kind, object_id=object_id)
    if unread.update(read_at=now):
        _announce(member.workspace_id, member.pk)


def _announce(workspace_id: int, member_id: int) -> None:
    announce(workspace_id, topics=["notifications"], member_id=member_id)


def mail(notification_id: int) -> None:
    """The same words as on the bell, as they are when the mail is written; nothing more."""
    one = Notification.objects.select_related("member__user", "member__workspace").get(pk=notification_id)
    notes = in_words(one.member, [one]) if one.member.is_active else []
    for note in notes:
        send_mail(
            " ".join(f"{note.told.who} {note.told.what}".split()),  # a name may come from elsewhere
            f"{note.told.sentence}.\n\n{settings.PUBLIC_URL.rstrip('/')}{note.told.url}\n",
            None,
            [one.member.user.email],
        )
