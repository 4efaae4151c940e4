"""Everything the product says: every route, mail and task, to whom, and whether it depends on people's
mail."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from celery import current_app
from django.urls import URLPattern, URLResolver, get_resolver

from crm.decorators import MAIL, NO_MAIL, PUBLIC, SIGNED_IN

OPERATOR, RECEIVER, WORKER = "operator", "receiver", "worker"

# Mail of our own by the task that writes it: whoever gets it, and whether it speaks of people's mail.
MAILS = {
    "crm.tasks.mail_account_change": NO_MAIL,
    "crm.tasks.mail_invitation": NO_MAIL,
    "crm.tasks.mail_notification": MAIL,
}


@dataclass(frozen=True, slots=True)
class Surface:
    """`route` is a URL, or mail: or task: and a name. `policy` and `tag` are empty where nobody has
    stated them."""

    route: str
    name: str
    policy: str
    tag: str


def surfaces() -> list[Surface]:
    routes = _walk(get_resolver().url_patterns, "/", "")
    return sorted([*routes, *_mails(), *_tasks()], key=lambda one: one.route)


def _mails() -> Iterator[Surface]:
    for name, tag in MAILS.items():
        yield Surface(f"mail:{name.rpartition('.')[2]}", name, RECEIVER, tag)


def _tasks() -> Iterator[Surface]:
    """A task takes ids, and what it returns is thrown away: no result holds anything."""
    current_app.loader.import_default_modules()
    for name, task in current_app.tasks.items():
        if not name.startswith("celery."):
            yield Surface(f"task:{name}", name, WORKER, NO_MAIL if task.ignore_result else "")


def _walk(patterns: list[Any], prefix: str, namespace: str) -> Iterator[Surface]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = f"{pattern.namespace}:" if pattern.namespace else namespace
            yield from _walk(pattern.url_patterns, route, inner)
        else:
            yield _surface(pattern, route, namespace)


def _surface(pattern: URLPattern, route: str, namespace: str) -> Surface:
    policy, tag = _stated(pattern.callback, route)
    return Surface(route, f"{namespace}{pattern.name or ''}", policy, tag)


def _stated(view: Any, route: str) -> tuple[str, str]:
    """Our own views say it themselves; those of allauth and Django's admin hold no mail, and login
    is required by default."""
    if route.startswith("/admin/"):
        return OPERATOR, NO_MAIL
    if route.startswith("/accounts/") and not hasattr(view, "policy"):
        return (SIGNED_IN, NO_MAIL) if getattr(view, "login_required", True) else (PUBLIC, PUBLIC)
    return getattr(view, "policy", ""), getattr(view, "tag", "")
