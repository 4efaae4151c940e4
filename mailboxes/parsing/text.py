"""From bytes of any charset to text that is safe to store, and from HTML to plain text."""

import encodings
import html as html_entities
import pkgutil
import re
from encodings.aliases import aliases
from functools import lru_cache

MAX_TEXT = 512 * 1024

_SURROGATE = re.compile("[\ud800-\udfff]")
# Controls and line separators become a space; what turns the reading direction goes.
_NOT_IN_A_LINE = re.compile("[\x01-\x1f\x7f-\x9f\u2028\u2029]")
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """PostgreSQL takes no NUL and no lone surrogate: U+FFFD stands in for both."""
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    try:
        text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", text)
    return text


def one_line(text: str, limit: int) -> str:
    """A subject or a name: no control characters, single spaces, at most `limit` characters."""
    text = text[: 4 * limit]
    if not text.isascii() or not text.isprintable():
        text = _DIRECTION.sub("", _NOT_IN_A_LINE.sub(" ", clean(text)))
    return " ".join(text.split())[:limit].rstrip()


# Charsets

_INSTALLED = frozenset(module.name for module in pkgutil.iter_modules(encodings.__path__))
# Not charsets of text, or able to spell ASCII in ways no filter expects (utf-7).
_REFUSED = frozenset(
    {
        "aliases",
        "hex_codec",
        "base64_codec",
        "bz2_codec",
        "quopri_codec",
        "rot_13",
        "uu_codec",
        "zlib_codec",
    }
    | {
        "idna",
        "punycode",
        "utf_7",
        "unicode_escape",
        "raw_unicode_escape",
        "undefined",
        "mbcs",
        "oem",
        "charmap",
    }
)
# What the label says and what senders mean by it: Microsoft's and China's supersets.
_MEANT = {
    "latin_1": "cp1252",
    "iso8859_1": "cp1252",
    "iso8859_9": "cp1254",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "tis_620": "cp874",
    "iso_8859_8_i": "iso8859_8",
    "iso_8859_8_e": "iso8859_8",
    "cp_850": "cp850",
    "windows_874": "cp874",
    "windows_31j": "cp932",
    "x_sjis": "cp932",
    "ms_kanji": "cp932",
    "x_gbk": "gb18030",
    "gb_2312_80": "gb18030",
    "x_euc_jp": "euc_jp",
    "iso_2022_jp_ms": "iso2022_jp_ext",
    "cp50220": "iso2022_jp_ext",
    "x_euc_kr": "cp949",
    "x_big5": "big5hkscs",
    "windows1250": "cp1250",
    "windows1251": "cp1251",
    "windows1252": "cp1252",
    "utf8mb4": "utf_8",
    "unicode_1_1_utf_8": "utf_8",
}


# In these an ASCII byte need not be an ASCII letter.
_NOT_ASCII = re.compile("utf_16|utf_32|hz|iso2022|cp(?:037|273|424|500|875|1026|1140)$")


def decode(data: bytes, charset: str) -> tuple[str, bool]:
    """`data` as clean text, and whether the charset had to be guessed. Never fails."""
    name = codec_name(charset) if charset else "ascii"
    if name is None:
        return clean(data.decode("utf_8", "replace")), True
    if data.isascii() and not _NOT_ASCII.match(name):
        return clean(data.decode("ascii")), False
    if name == "ascii":
        return _decode_unlabelled(data)
    text, exact = _decode_as(data, name)
    return clean(text), not exact


def _decode_unlabelled(data: bytes) -> tuple[str, bool]:
    text, exact = _decode_as(data, "utf_8")
    if not exact:
        text, _ = _decode_as(data, "cp1252")
    return clean(text), not exact


def _decode_as(data: bytes, name: str) -> tuple[str, bool]:
    try:
        return data.decode(name), True
    except (UnicodeError, LookupError, ValueError):
        pass
    try:
        return data.decode(name, "replace"), False
    except (
        UnicodeError,
        LookupError,
        ValueError,
    ):  # iso2022 and hz codecs raise in spite of "replace"
        return data.decode("utf_8", "replace"), False


@lru_cache(maxsize=512)
def codec_name(charset: str) -> str | None:
    """Python's name for a charset of text, or None when it is unknown or refused."""
    name = encodings.normalize_encoding(charset.strip().strip("'\"")[:40]).lower()
    name = _MEANT.get(name, name)
    name = aliases.get(name, name)
    name = _MEANT.get(name, name)
    return name if name in _INSTALLED and name not in _REFUSED else None


# HTML

_CRUDE_TAG = re.compile(r"<[^<>]*>")
_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)", re.IGNORECASE)
_VOID = frozenset(
    {
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "param",
        "source",
        "wbr",
    }
)
# inscriptis obeys margins and paddings, however large.
_HUGE_SPACE = re.compile(r"(?:margin|padding|indent)[^;\"'<>]{0,80}\d{4}", re.IGNORECASE)

MAX_NESTING = 1000
_EASY_NESTING = 200
_EASY_CELLS = 4000
# inscriptis pads every row of a table to its widest cell: 15,000 rows and one long cell made 3 GB.
_EASY_PADDING = 20_000_000


def is_too_hard(html: str) -> bool:
    """HTML no renderer should see: over 512 KB or nested deeper than 1,000."""
    return len(html) > MAX_TEXT or nesting(html) > MAX_NESTING


def is_suspicious(html: str) -> bool:
    """HTML that may cost far more than its size, and is only rendered in the guard."""
    rows = html.count("<tr") + html.count("<TR")
    cells = html.count("<td") + html.count("<TD") + html.count("<th") + html.count("<TH")
    return (
        rows * len(html) > _EASY_PADDING
        or cells > _EASY_CELLS
        or bool(_HUGE_SPACE.search(html))
        or nesting(html) > _EASY_NESTING
    )


def nesting(html: str) -> int:
    """An upper bound of the depth of the element tree; a rough one where it hardly matters."""
    if (tags := html.count("<")) <= _EASY_NESTING:
        return tags
    depth = deepest = 0
    for closing, name in _TAG.findall(html):
        if closing:
            depth = max(depth - 1, 0)
        elif name.lower() not in _VOID:
            depth += 1
            deepest = max(deepest, depth)
    return deepest


def render_html(html: str) -> str:
    """HTML as a reader sees it, in plain text. Call it for suspicious HTML in the guard only."""
    from inscriptis import get_text  # 60 ms and 10 MB that most processes never need

    text = "\n".join(line.rstrip() for line in get_text(html).splitlines())
    return clean(re.sub(r"\n{3,}", "\n\n", text).strip()[:MAX_TEXT])


def strip_tags(html: str) -> str:
    """The words of HTML that is too hard to render; linear in its size."""
    words = _CRUDE_TAG.sub(" ", html[:MAX_TEXT])
    return clean(" ".join(html_entities.unescape(words).split()))
