"""What has been sanitised is shown as it is: nothing edits it afterwards."""

import nh3

from mailboxes.showing.allowing import ATTRIBUTES, DROPPED, TAGS, allowed

# Set by the cleaner itself, or limited by it to the two classes that it knows.
_OUR_OWN = {("a", "rel"), ("a", "target"), ("details", "class"), ("div", "class"), ("summary", "title")}


def sanitise(html: str) -> str:
    """The harmless part of HTML. Its cost grows with the square of the nesting, which the caller bounds."""
    # Half of a surrogate pair is no text, and the cleaner would not take it.
    return _CLEANER.clean(html.encode("utf-8", "replace").decode())


def _kept(tag: str, name: str, value: str) -> str | None:
    """Asked about every attribute, also those of elements that go."""
    if name in ATTRIBUTES.get(tag, ()):
        return allowed(name, value)
    return value if (tag, name) in _OUR_OWN else None


_CLEANER = nh3.Cleaner(
    # What folds quoted text is written by us alone: before this, a mail's own is dropped.
    tags=TAGS | {"details", "summary"},
    attributes={**ATTRIBUTES, "summary": {"title"}},
    attribute_filter=_kept,
    allowed_classes={"details": {"quoted"}, "div": {"plain"}},
    clean_content_tags=set(DROPPED),
    link_rel="noopener noreferrer nofollow",
    set_tag_attribute_values={"a": {"target": "_blank"}},
    url_schemes={"http", "https", "mailto", "data"},  # data: for src alone, see allowing.py
    url_relative="deny",
    strip_comments=True,
)
