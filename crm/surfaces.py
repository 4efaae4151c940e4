"""Every route there is, who may open it, and whether its answer depends on people's mail."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from crm.decorators import NO_MAIL, PUBLIC, SIGNED_IN

OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Surface:
    """`policy` and `tag` are empty where nobody has stated them."""

    route: str
    name: str
    policy: str
    tag: str


def surfaces() -> list[Surface]:
    return sorted(_walk(get_resolver().url_patterns, "/", ""), key=lambda one: one.route)


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
