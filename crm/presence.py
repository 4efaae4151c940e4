"""Is somebody still here? Asked again and again for whoever keeps a page open."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from crm.models import Member, User


@dataclass(frozen=True, slots=True)
class Presence:
    """A member, in the session he was let in with."""

    member_id: int
    session_key: str


def still_present(asked: Iterable[Presence]) -> set[Presence]:
    """Those whose session goes on, for an active member. Two statements."""
    wanted = list(asked)
    members = _members({one.member_id for one in wanted})
    sessions = _sessions({one.session_key for one in wanted})
    return {
        one
        for one in wanted
        if one.member_id in members
        and _is_signed_in(members[one.member_id], sessions.get(one.session_key, {}))
    }


def _members(ids: set[int]) -> dict[int, User]:
    active = Member.objects.active().filter(pk__in=ids, user__is_active=True)
    return {member.pk: member.user for member in active.select_related("user")}


def _sessions(keys: set[str]) -> dict[str, Mapping[str, Any]]:
    going_on = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    return {session.session_key: session.get_decoded() for session in going_on}


def _is_signed_in(user: User, session: Mapping[str, Any]) -> bool:
    """As Django looks at a request: a changed password ends the sessions that were begun with another."""
    hashes = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return session.get(SESSION_KEY) == str(user.pk) and any(
        constant_time_compare(session.get(HASH_SESSION_KEY, ""), one) for one in hashes
    )
