"""How many remote images a mail wanted to load. None is ever loaded; their number is shown."""

import re
from collections.abc import Mapping

_REMOTE = re.compile(r"[\x00-\x20]*(?:(?:https?|ftp):|[/\\]{2})", re.IGNORECASE)
_HAS_SCHEME = re.compile(r"[\x00-\x20]*(?:[a-z][a-z0-9+.-]*:|#|$)", re.IGNORECASE)
_DROPPED_BY_BROWSERS = re.compile(r"[\t\r\n]")

# Which attributes of an element name an image.
_SOURCES = {
    "img": ("src", "srcset"),
    "image": ("src", "href", "xlink:href"),
    "feimage": ("href", "xlink:href"),
    "source": ("srcset",),
    "video": ("poster",),
}
_SOURCES_IF_IMAGE = {"input": "src", "object": "data", "embed": "src"}

# An unfinished comment, rule or font runs to the end, so each of these is read once.
_NO_IMAGES = re.compile(
    r"/\*.*?(?:\*/|\Z)|@(?:import|namespace)[^;]*|@font-face\s*\{[^}]*", re.IGNORECASE | re.DOTALL
)
_ESCAPED = re.compile(r"\\([0-9a-f]{1,6})\s?", re.IGNORECASE)
_CSS_IMAGE = re.compile(
    r"(?:url|src|image-set|image|cross-fade)\(\s*(?:[\"']\s*)?(?:https?:|ftp:|//)", re.IGNORECASE
)


def wanted_by(tag: str, attributes: Mapping[str, str], *, has_base: bool) -> int:
    """An element's own image, however many sizes it offers, its background and those of its style."""
    own = any(is_remote(value, has_base=has_base) for value in _own(tag, attributes))
    background = is_remote(attributes.get("background", ""), has_base=has_base)
    return own + background + wanted_by_css(attributes.get("style", ""))


def wanted_by_css(css: str) -> int:
    plain = _ESCAPED.sub(_unescaped, _NO_IMAGES.sub(" ", css))
    return len(_CSS_IMAGE.findall(plain))


def is_remote(address: str, *, has_base: bool) -> bool:
    """Whether a browser would ask somebody else for it. Parts of the mail itself (cid:) are not remote."""
    address = _DROPPED_BY_BROWSERS.sub("", address[:4096])
    return bool(_REMOTE.match(address)) or (has_base and not _HAS_SCHEME.match(address))


def _own(tag: str, attributes: Mapping[str, str]) -> list[str]:
    if tag in _SOURCES_IF_IMAGE:
        is_image = attributes.get("type", "").strip().lower().startswith("image")
        return [attributes.get(_SOURCES_IF_IMAGE[tag], "")] if is_image else []
    values = [attributes.get(name, "") for name in _SOURCES.get(tag.rpartition(":")[2], ())]
    return values + [
        one for one in attributes.get("srcset", "")[:4096].split(",") if tag in {"img", "source"}
    ]


def _unescaped(found: re.Match[str]) -> str:
    number = int(found[1], 16)
    return chr(number) if 0 < number < 0x110000 else "\ufffd"
