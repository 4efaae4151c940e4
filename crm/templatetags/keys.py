"""The keys there are, for their list and for buttons that name one."""

from typing import Any

from django import template

from crm.shortcuts import SHORTCUTS, ShortcutGroup

register = template.Library()


@register.simple_tag
def shortcut_groups() -> tuple[ShortcutGroup, ...]:
    return SHORTCUTS


@register.simple_tag(takes_context=True)
def command_key(context: dict[str, Any]) -> str:
    """What the key beside the space bar is called on the reader's machine."""
    request = context.get("request")
    browser = request.headers.get("User-Agent", "") if request else ""
    is_apple = any(name in browser for name in ("Macintosh", "iPhone", "iPad"))
    return "⌘" if is_apple else "Ctrl"
