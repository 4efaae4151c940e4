"""The few elements and attributes that a mail may keep. Everything else goes, so nothing here need know
what is dangerous."""

import re

# Gone with all that is in them.
DROPPED = frozenset({"script", "style", "title", "template", "svg", "math", "iframe", "noembed", "noframes"})
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
BLOCKS = (
    frozenset(
        {
            "blockquote",
            "caption",
            "center",
            "dd",
            "div",
            "dl",
            "dt",
            "hr",
            "li",
            "ol",
            "p",
            "pre",
            "table",
            "tbody",
            "td",
            "tfoot",
            "th",
            "thead",
            "tr",
            "ul",
        }
    )
    | _HEADINGS
)
INLINE = frozenset(
    {
        "a",
        "abbr",
        "b",
        "bdi",
        "bdo",
        "br",
        "cite",
        "code",
        "del",
        "dfn",
        "em",
        "i",
        "img",
        "ins",
        "kbd",
        "mark",
        "q",
        "s",
        "samp",
        "small",
        "strong",
        "sub",
        "sup",
        "u",
        "var",
        "wbr",
    }
)
TAGS = BLOCKS | INLINE

# No style, class or id; no address but that of a link and of an image that is inside the mail.
ATTRIBUTES: dict[str, set[str]] = {
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start"},
    "table": {"border", "dir"},
    "td": {"align", "colspan", "dir", "rowspan"},
    "th": {"align", "colspan", "dir", "rowspan"},
    "bdo": {"dir"},
    **{tag: {"align", "dir"} for tag in {"p", "div", "tr", *_HEADINGS}},
    **{tag: {"dir"} for tag in ("blockquote", "ul", "li")},
}

_SMALL_NUMBER = re.compile(r"[1-9][0-9]?")
_NUMBER = re.compile(r"[0-9]{1,4}")
_LONGEST_ALT, _LONGEST_LINK = 200, 4096
_VALUES = {
    "href": re.compile(r"(?:https?|mailto):[^\x00-\x20]+", re.IGNORECASE),
    "src": re.compile(r"data:image/(?:png|jpe?g|gif|webp);base64,[a-z0-9+/=\s]+", re.IGNORECASE),
    "align": re.compile(r"left|right|center", re.IGNORECASE),
    "dir": re.compile(r"ltr|rtl|auto", re.IGNORECASE),
    "border": re.compile(r"[0-9]{1,2}"),
    # A table of a few cells that each span thousands is more than a browser can lay out.
    "colspan": _SMALL_NUMBER,
    "rowspan": _SMALL_NUMBER,
    "start": _NUMBER,
    "width": _NUMBER,
    "height": _NUMBER,
}


def allowed(name: str, value: str) -> str | None:
    """What is kept of an attribute's value; None when it goes."""
    if name == "alt":
        return value[:_LONGEST_ALT]
    value = value.strip()
    if name == "href" and len(value) > _LONGEST_LINK:
        return None
    return value if _VALUES[name].fullmatch(value) else None
