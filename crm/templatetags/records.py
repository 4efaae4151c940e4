"""Records in templates, and what toasts offer to do."""

from typing import Any

from django import template

from crm import cells
from crm.starring import is_starred

register = template.Library()
register.simple_tag(cells.mark)


@register.simple_tag(takes_context=True)
def starred(context: dict[str, Any], record: Any) -> bool:
    return is_starred(context["request"].member, record)


@register.filter
def offer(message: Any) -> dict[str, str]:
    """`Undo /halyard/deletions/3/undoing/` in a message's extra tags is a button in its toast."""
    label, _, url = str(getattr(message, "extra_tags", "") or "").partition(" ")
    return {"label": label, "url": url} if url.startswith("/") else {}
