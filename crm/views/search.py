"""Quick search: a page of its own, and what the palette shows; and the list of keys."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from crm.decorators import MAIL, NO_MAIL, WorkspaceRequest, member_required, wants_part
from crm.search.quick import Looking, search
from crm.search.words import Query

MOST_CHARACTERS = 2000


@require_safe
@member_required(MAIL)
def results(request: WorkspaceRequest) -> HttpResponse:
    """`recent` are the things a browser remembers having shown (`company:17 thread:4`), `here` the page
    it is on."""
    is_fragment = wants_part(request) and request.htmx.target != "found"  # a page brings itself up to date
    looking = Looking(request.member, timezone.localtime(), _asked(request, "here"))
    said = _asked(request, "q")
    context: dict[str, Any] = {
        "said": Query.of(said).said,
        "groups": search(looking, said, _asked(request, "recent").split()),
        "is_palette": is_fragment,
    }
    return render(request, "crm/_search_results.html" if is_fragment else "crm/search.html", context)


@require_safe
@member_required(NO_MAIL)
def shortcuts(request: WorkspaceRequest) -> HttpResponse:
    return render(request, "crm/_shortcuts.html" if wants_part(request) else "crm/shortcuts.html")


def _asked(request: WorkspaceRequest, name: str) -> str:
    return request.GET.get(name, "")[:MOST_CHARACTERS]
