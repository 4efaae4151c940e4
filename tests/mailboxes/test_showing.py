"""How the body of a mail is shown. That nothing in it acts is shown in test_showing_hostile.py, and in a
browser in tests/journeys/test_hostile_html.py."""

import re
from collections.abc import Callable

import pytest
from csp.middleware import CSPMiddleware
from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware
from django.test import RequestFactory

from mailboxes.showing import Part, body_response, paper, plain_parts
from mailboxes.showing.tidying import MOST_INLINE_IMAGES
from tests.payloads.hostile_html import PNG

FOLD = '<details class="quoted"><summary title="Show quoted text">•••</summary>'
REL = 'target="_blank" rel="noopener noreferrer nofollow"'


def body(html: str, text: str = "") -> str:
    return re.sub(r".*<body>(.*)</body></html>", r"\1", paper(html, text).document, flags=re.DOTALL)


# What is kept


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("Hi <b>you</b><p>there", "Hi <b>you</b><p>there</p>"),
        (
            '<a href="https://a.example/?b=1&c=2" class=x>l</a>',
            f'<a href="https://a.example/?b=1&amp;c=2" {REL}>l</a>',
        ),
        ("<a href=mailto:a@b.example>l</a>", f'<a href="mailto:a@b.example" {REL}>l</a>'),
        ("<a href=/relative>l</a> <a href=tel:1>m</a>", "l m"),
        ("<font color=red><tt>x</tt></font>", "<code>x</code>"),
        (
            "<table border=1><tr><th align=right>n<td colspan=2 style=x>1</table>",
            '<table border="1"><tbody><tr><th align="right">n</th><td colspan="2">1</td></tr></tbody></table>',
        ),
        ("<td colspan=9999>x", "<div>x</div>"),
        ("<table><td rowspan=9999>x</table>", "<table><tbody><tr><td>x</td></tr></tbody></table>"),
        ("<p dir=rtl>x<br>y", '<p dir="rtl">x<br>y</p>'),
        ("<title>t</title><style>p{}</style><script>x</script>text", "text"),
        ("<form>Name <input><button>Send</button></form>", "<div>Name Send</div>"),
        (f"<img src='{PNG}' width=20 height=1e3>", f'<img src="{PNG}" width="20">'),
        ("<img src=cid:1 alt='Our team'><img src=cid:2>x", "[Our team]x"),
        ("<img src=https://a.example/logo.png alt=Logo width=600>", "[Logo]"),
        ("<img src=data:image/svg+xml;base64,AAAA><img src=data:image/bmp;base64,AAAA>x", "x"),
        ("a\0b", "a\ufffdb"),
    ],
)
def test_ordinary_html_keeps_its_meaning(html: str, shown: str) -> None:
    assert body(html) == shown


def test_only_a_number_of_inline_images_is_shown() -> None:
    images = f"<img src='{PNG}' alt=x>" * 3000

    shown = body(images)

    assert shown.count(" src=") == MOST_INLINE_IMAGES == 100
    assert shown.count("[x]") == 2900


@pytest.mark.parametrize(
    ("html", "wanted"),
    [
        ("<img src=cid:1><img src=data:image/png;base64,AA><img src=a.png><img>", 0),
        ("<img src=http://a/1><img src=HTTPS://a/1 width=1 height=1><img src=//a/1><img src='\\\\a\\1'>", 4),
        ("<img src='ht\ntp://a'><img src=' http://a'><img src='&#104;ttp://a'>", 3),
        ("<img src=http://a/1 srcset='http://a/1 1x, http://a/2 2x'>", 1),
        ("<img srcset='cid:1 1x, http://a/2 2x'>", 1),
        ("<picture><source srcset=//a/1><source srcset=//a/2><img src=//a/3></picture><img src=//a/4>", 2),
        ("<body background=http://a><table background=//a><td background=//b>x", 3),
        ("<p style='background:url(http://a)'>", 1),
        ("<p style=\"background:u\\72l( 'http://a')\">", 1),
        ("<p style='background:url(data:image/png;base64,AA)'>", 0),
        ("<style>p{background:url(//a)} td{background-image:image-set('http://b' 1x)}</style>", 2),
        ("<style>@import url(http://a);@font-face{src:url(http://b)} /* url(http://c) */</style>", 0),
        ("<video poster=//a src=//b></video><audio src=//c></audio>", 1),
        ("<input type=image src=//a><input src=//b>", 1),
        ("<svg><image href=//a /><feImage xlink:href=//b /></svg><image src=//c>", 3),
        ("<object type=image/png data=//a></object><object data=//b></object>", 1),
        ("<noscript><img src=//a></noscript><!--[if mso]><img src=//b><![endif]-->", 1),
        ("<template><img src=//a></template><script>'<img src=//b>'</script>", 0),
        ("<base href=http://a/><img src=1.png><img src=cid:1><td background=/2.png>", 2),
    ],
)
def test_remote_images_are_counted_and_none_is_kept(html: str, wanted: int) -> None:
    shown = paper(html, "plain")

    assert shown.remote_images == wanted
    assert "//a" not in shown.document.replace("http://a.example", "")


# Plain text instead


@pytest.mark.parametrize(
    ("html", "is_plain"),
    [
        ("", True),
        (" \n", True),
        ("<p>x</p>", False),
        ("<img src=http://a/1>", True),
        ("<div>" * 990 + "x", False),
        ("<div>" * 1000 + "x", True),
        ("<div></x>" * 1000, True),
        ("<p>" + "x" * (512 * 1024 - 3), False),
        ("<p>" + "x" * (512 * 1024 - 2), True),
    ],
)
def test_plain_text_is_shown_when_there_is_no_html_to_show(html: str, is_plain: bool) -> None:
    shown = paper(html, "the plain text")

    assert shown.is_plain == is_plain
    assert ('<div class="plain">the plain text</div>' in shown.document) == is_plain


def test_html_without_words_is_shown_when_there_is_no_plain_text_either() -> None:
    assert not paper("<img src=http://a/1>", " ").is_plain


def test_links_in_plain_text_open_a_tab_of_their_own() -> None:
    assert body("", "see www.a.example\nbye") == (
        f'<div class="plain">see <a href="http://www.a.example" {REL}>www.a.example</a>\nbye</div>'
    )


# Quoted text


def test_quoted_html_is_folded_and_the_answer_is_not() -> None:
    gmail = '<div>Yes.</div><div class="gmail_quote"><div>On Monday, Ada wrote:<br></div><blockquote>?</blockquote></div>'
    thunderbird = "<p>Yes.</p><div class=moz-cite-prefix>On 1/2/26, Ada wrote:<br></div><blockquote type=cite>?</blockquote>Bye"
    outlook = "<p>Yes.</p><div><div style='border:none;border-top:solid #E1E1E1 1.0pt'><b>From:</b> Ada</div></div><p>?</p>"
    inside = "<div>Yes.<br>On Monday, Ada wrote:<br>?</div><p>?"
    original = "<p>Yes.</p><table><tr><td>-----Original Message-----<br>?</td></tr></table>"

    assert body(gmail) == (
        f"<div>Yes.</div>{FOLD}<div><div>On Monday, Ada wrote:<br></div><blockquote>?</blockquote></div></details>"
    )
    assert body(thunderbird) == (
        f"<p>Yes.</p>{FOLD}<div>On 1/2/26, Ada wrote:<br></div><blockquote>?</blockquote></details>Bye"
    )
    assert body(outlook) == (
        f"<p>Yes.</p><div></div>{FOLD}<div><div><b>From:</b> Ada</div></div><p>?</p></details>"
    )
    assert body(inside) == (
        f"<div>Yes.<br></div>{FOLD}<div>On Monday, Ada wrote:<br>?</div><p>?</p></details>"
    )
    assert body(original) == (
        "<p>Yes.</p>"
        f"{FOLD}<table><tbody><tr><td>-----Original Message-----<br>?</td></tr></tbody></table></details>"
    )


@pytest.mark.parametrize(
    "html",
    [
        "<div class=gmail_quote>---------- Forwarded message ---------<br>News</div>",
        "<blockquote>To be or not to be</blockquote><p>said somebody.</p>",
        "<table><tr><td>On Monday, Ada wrote:</td><td><blockquote>?</blockquote></td></tr></table>",
        "On Monday, we wrote:",
        "<details class=quoted><summary>Mine</summary>text</details>",
    ],
)
def test_html_is_not_folded_when_it_is_all_there_is_or_no_reply(html: str) -> None:
    assert "<details" not in body(html)
    assert not paper(html, "plain").is_plain


def test_answers_between_quotations_stay_in_view() -> None:
    html = (
        "<blockquote type=cite>One?</blockquote><p>Yes.</p><blockquote type=cite>Two?</blockquote><p>No.</p>"
    )

    assert body(html) == (
        f"{FOLD}<blockquote>One?</blockquote></details><p>Yes.</p>"
        f"{FOLD}<blockquote>Two?</blockquote></details><p>No.</p>"
    )


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Hello\n\nBye", [Part("Hello\n\nBye", False)]),
        ("", [Part("", False)]),
        (
            "Yes.\n\nOn Monday, Ada wrote:\n> ?\n",
            [Part("Yes.", False), Part("On Monday, Ada wrote:\n> ?", True)],
        ),
        (
            "Yes.\n\nOn Monday, Ada\n<ada@a.example> wrote:\n\n> ?\n> !\n\nBelow",
            [
                Part("Yes.", False),
                Part("On Monday, Ada\n<ada@a.example> wrote:\n\n> ?\n> !", True),
                Part("Below", False),
            ],
        ),
        (
            "Yes.\n-----Original Message-----\nFrom: Ada\n\n?",
            [Part("Yes.", False), Part("-----Original Message-----\nFrom: Ada\n\n?", True)],
        ),
        ("> One?\nYes.\n> Two?\nNo.", [Part("> One?\nYes.\n> Two?\nNo.", False)]),
        ("> a\n> b\n> c\nYes.", [Part("> a\n> b\n> c", True), Part("Yes.", False)]),
        ("Begin forwarded message:\n\nNews", [Part("Begin forwarded message:\n\nNews", False)]),
        (
            "Am Montag schrieb Ada:\r\n> ?\r\nJa.",
            [Part("Am Montag schrieb Ada:\n> ?", True), Part("Ja.", False)],
        ),
    ],
)
def test_plain_text_is_cut_into_shown_and_quoted(text: str, parts: list[Part]) -> None:
    assert list(plain_parts(text)) == parts


# The answer


def test_body_is_answered_with_its_own_policy() -> None:
    request = RequestFactory().get("/")

    response = behind_middleware(request, lambda _: body_response(paper("<p>x", "")))

    assert dict(response.headers) == {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": (
            "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:; "
            "style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
        ),
        "X-Frame-Options": "SAMEORIGIN",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "private, no-store",
        "Cross-Origin-Opener-Policy": "same-origin",
    }


def behind_middleware(request: HttpRequest, view: Callable[[HttpRequest], HttpResponse]) -> HttpResponse:
    answer = SecurityMiddleware(CSPMiddleware(XFrameOptionsMiddleware(view)))
    return answer(request)  # type: ignore[return-value]


def test_document_is_white_in_both_themes_and_needs_no_script() -> None:
    document = paper("<p>x", "").document

    assert ":root { color-scheme: light }" in document
    assert "background: #fff" in document
    assert "<script" not in document


@pytest.mark.parametrize(
    ("html", "text", "lines"),
    [
        ("<p>a<p>b<br>c", "", 3),
        ("<table><tr><td>a<td>b<tr><td>c<td>d</table>", "", 2),
        ("<p>" + "x" * 200, "", 3),
        ("<p>Yes.</p><blockquote type=cite>a<br>b<br>c</blockquote>", "", 1),
        ("", "a\n\nb", 3),
    ],
)
def test_lines_are_those_in_view_before_anything_is_unfolded(html: str, text: str, lines: int) -> None:
    assert paper(html, text).lines == lines
