"""The document of a mail's body, made when it is shown: what is stored stays as it came, so that better
rules reach old mail too."""

from dataclasses import dataclass

from django.http import HttpResponse
from django.utils.html import urlize

from mailboxes.parsing.text import MAX_TEXT
from mailboxes.showing.folding import FOLD, FOLD_END
from mailboxes.showing.quoting import plain_parts
from mailboxes.showing.sanitising import sanitise
from mailboxes.showing.tidying import Tidied, TooDeep, tidy

# What each line is for: nothing runs, loads or is sent; a link opens a tab of its own, outside the sandbox.
POLICY = "; ".join(
    (
        "sandbox allow-popups allow-popups-to-escape-sandbox",
        "default-src 'none'",
        "img-src data:",
        "style-src 'unsafe-inline'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-store",
}

# Paper is white in both themes, so its colours are not the tokens of the page around it. A table has
# lines when its author gave it any, or a heading: most tables in mail are there for the layout.
_STYLE = """
:root { color-scheme: light }
body { margin: 0; padding: 14px 16px; background: #fff; color: #22222a;
  font: 14px/1.55 Inter, system-ui, sans-serif; overflow-wrap: anywhere }
p { margin: 0 0 10px }
a { color: #1d5fd1 }
img { max-width: 100%; height: auto }
h1, h2, h3, h4, h5, h6 { margin: 16px 0 8px; font-size: 16px; line-height: 1.3 }
pre, code, kbd, samp { font-family: ui-monospace, monospace; font-size: 13px }
pre { white-space: pre-wrap }
table { border-collapse: collapse; max-width: 100% }
td, th { padding: 2px 4px; text-align: start; vertical-align: top }
table[border]:not([border="0"]), table:has(> tr > th, > * > tr > th) { margin: 10px 0 }
table[border]:not([border="0"]) > * > tr > *, table:has(> * > tr > th) > * > tr > * {
  border: 1px solid #dcdce2; padding: 5px 12px; font-size: 13px }
th { background: #f6f6f8; font-weight: 600 }
[align=right] { text-align: end }
[align=center] { text-align: center }
blockquote { margin: 8px 0; padding-inline-start: 12px; border-inline-start: 2px solid #dcdce2;
  color: #5a5a66 }
hr { border: 0; border-top: 1px solid #dcdce2 }
.plain { white-space: pre-wrap }
.quoted { margin-block: 8px }
.quoted > summary { inline-size: fit-content; padding: 0 8px; border-radius: 6px; background: #f0f0f3;
  color: #5a5a66; cursor: pointer; list-style: none }
.quoted > summary::-webkit-details-marker { display: none }
"""
_DOCUMENT = (
    '<!doctype html><html><head><meta charset="utf-8"><title>Message body</title>'
    f"<style>{_STYLE}</style></head><body>{{}}</body></html>"
)


@dataclass(frozen=True)
class Paper:
    """`remote_images` is how many the mail wanted and did not get. `lines` is about how many it takes
    before anything is unfolded: a frame whose content nobody may measure needs some height."""

    document: str
    remote_images: int
    is_plain: bool
    lines: int


def paper(html: str, text: str) -> Paper:
    """The HTML if there is any that can be shown, or the plain text."""
    tidied = _tidied(html)
    is_plain = tidied.is_blank and (not html.strip() or bool(text.strip()) or tidied.is_refused)
    body, lines = _plain(text) if is_plain else (tidied.html, tidied.lines)
    # Last of all: from here on nothing changes what the sanitiser let through.
    return Paper(_document(sanitise(body)), tidied.remote_images, is_plain, lines)


def body_response(shown: Paper) -> HttpResponse:
    """Its policy replaces the site's, which django-csp only adds where there is none."""
    return HttpResponse(shown.document, content_type="text/html; charset=utf-8", headers=HEADERS)


def _tidied(html: str) -> Tidied:
    """Blank and refused when no browser should see it: over 512 KB or nested deeper than 1,000."""
    refused = Tidied("", remote_images=0, lines=0, is_blank=True, is_refused=True)
    if len(html) > MAX_TEXT:
        return refused
    try:
        return tidy(html)
    except TooDeep:
        return refused


def _plain(text: str) -> tuple[str, int]:
    parts = plain_parts(text)
    written = [
        FOLD + _paragraph(part.text) + FOLD_END if part.is_quoted else _paragraph(part.text) for part in parts
    ]
    lines = sum(
        1 if part.is_quoted else sum(1 + len(line) // 90 for line in part.text.split("\n")) for part in parts
    )
    return "".join(written), lines


def _paragraph(text: str) -> str:
    return f'<div class="plain">{urlize(text, autoescape=True)}</div>'


def _document(body: str) -> str:
    return _DOCUMENT.replace("{}", body, 1)
