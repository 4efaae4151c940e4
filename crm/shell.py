"""What surrounds every page: workspace, navigation, progress of long work.

Other apps register what they know, so that the frame costs no query of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from crm.cells import hue, initials
from crm.membership import show
from crm.models import Member, Workspace
from crm.records import RECORD_TYPES
from crm.starring import MOST_SHOWN, favourites
from crm.tables.saved_views import views_of

ProgressOf = Callable[[Workspace], Any]


@dataclass
class _Registered:
    progress: dict[str, ProgressOf] = field(default_factory=dict)


_registered = _Registered()


def register_progress(name: str, *, is_running: str, progress: ProgressOf) -> None:
    """`is_running` is SQL over a member `m`, read with the membership itself; only where it is true
    `progress` is asked, for a value with percent, label and detail (or None)."""
    show(name, is_running)
    _registered.progress[name] = progress


def memberships(user: Any) -> QuerySet[Member]:
    """The workspaces somebody is active in, the oldest membership first."""
    return Member.objects.active().filter(user_id=user.pk).select_related("workspace").order_by("pk")


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context processor."""
    member = getattr(request, "member", None)
    return {
        "product_name": settings.PRODUCT_NAME,
        "can_send_mail": bool(settings.EMAIL_URL),
        # Asked for by the sign-in page alone.
        "can_sign_up": SimpleLazyObject(lambda: not Workspace.objects.exists()),
        "shell": _frame(request, member) if member else None,
    }


def _frame(request: HttpRequest, member: Member) -> dict[str, Any]:
    workspace, here = member.workspace, _place_of(request)
    return {
        "here": here.path,
        "workspace": {"name": workspace.name, "slug": workspace.slug, "initial": workspace.name[:1].upper()},
        "member": {
            "name": member.name,
            "email": member.user.email,
            "initials": initials(member.name),
            "hue": hue(member.pk),
        },
        "nav": _navigation(here, member),
        "favourites": favourites(member)[:MOST_SHOWN],
        "favourites_url": reverse("crm:favourites", args=[workspace.slug]),
        "progress": _progress(member),
        "progress_url": reverse("mailboxes:progress", args=[workspace.slug]),
        "unread": getattr(member, "unread", 0),
        "notifications_url": reverse("crm:notifications", args=[workspace.slug]),
        "settings_url": reverse("mailboxes:account_settings", args=[workspace.slug]),
        "is_connected": getattr(member, "is_connected", True),
        "workspaces_url": reverse("crm:workspaces"),
    }


def _place_of(request: HttpRequest) -> SplitResult:
    """The address of the page, also where a part of it is asked for."""
    htmx = getattr(request, "htmx", None)
    return urlsplit((htmx and htmx.current_url_abs_path) or request.get_full_path())


def _navigation(here: SplitResult, member: Member) -> list[dict[str, Any]]:
    """The tables, and under each the views for it."""
    current = QueryDict(here.query).get("view", "")
    items = []
    for kind in RECORD_TYPES.values():
        url = kind.list_url(member.workspace.slug)
        is_here = here.path.startswith(url)
        views = [
            {
                "name": one.name,
                "url": f"{url}?view={one.pk}",
                "is_current": is_here and current == str(one.pk),
            }
            for one in views_of(member, kind.name)
        ]
        is_current = is_here and not any(one["is_current"] for one in views)
        items.append(
            {"label": kind.title, "icon": kind.icon, "url": url, "is_current": is_current, "views": views}
        )
    return items


def _progress(member: Member) -> Any:
    running = (name for name in _registered.progress if getattr(member, name, False))
    return next((_registered.progress[name](member.workspace) for name in running), None)
