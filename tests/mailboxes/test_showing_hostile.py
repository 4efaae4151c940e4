"""What is left of hostile bodies, and that no body takes more work than its length is worth."""

import re
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from html import escape
from html.parser import HTMLParser

import pytest
from django.template import engines

from mailboxes.showing import Part, paper, plain_parts
from mailboxes.showing.quoting import MOST_LOOKS
from mailboxes.showing.sanitising import sanitise
from mailboxes.showing.tidying import TooDeep, tidy
from tests.mailboxes.test_showing import FOLD, body
from tests.payloads.hostile_html import PLAIN_TEXTS, SHORT_TEXTS, VECTORS, armed

HOSTILE = {name: armed(html, 7, port=9) for name, html in VECTORS.items()}

# What is left of hostile HTML

KEPT_TAGS = re.compile(
    "a|abbr|b|bdi|bdo|blockquote|br|caption|center|cite|code|dd|del|details|dfn|div|dl|dt|em|h[1-6]|hr|i|img|ins"
    "|kbd|li|mark|ol|p|pre|q|s|samp|small|strong|sub|summary|sup|table|tbody|td|tfoot|th|thead|tr|u|ul|var|wbr"
)
KEPT_VALUES = {
    "href": r"(?:http|https|mailto):\S+",
    "target": "_blank",
    "rel": "noopener noreferrer nofollow",
    "src": r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+",
    "alt": r"[^<>]{0,200}",
    "class": "quoted|plain",
    "title": "Show quoted text",
    **dict.fromkeys(("width", "height", "colspan", "rowspan", "border", "start"), r"\d{1,4}"),
    "align": "left|right|center",
    "dir": "ltr|rtl|auto",
}


class Left(HTMLParser):
    """Everything that is in HTML and must not be, as another parser sees it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not KEPT_TAGS.fullmatch(tag):
            self.wrong.append(f"<{tag}>")
        for name, value in attrs:
            if not re.fullmatch(KEPT_VALUES.get(name, "(?!)"), value or ""):
                self.wrong.append(f"<{tag} {name}={value!r:.60}>")

    def handle_comment(self, data: str) -> None:
        self.wrong.append(f"<!--{data:.60}")

    def handle_decl(self, decl: str) -> None:
        self.wrong.append(f"<!{decl:.60}")

    def handle_pi(self, data: str) -> None:
        self.wrong.append(f"<?{data:.60}")

    def unknown_decl(self, data: str) -> None:
        self.wrong.append(f"<![{data:.60}")


def test_corpus_is_large_and_would_be_noticed() -> None:
    noticed = [name for name, html in HOSTILE.items() if Left(html).wrong]

    assert len(VECTORS) >= 200
    assert len(noticed) >= 195


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_hostile_is_left(name: str) -> None:
    shown = body(HOSTILE[name], "plain")

    assert Left(shown).wrong == []
    assert sanitise(shown) == shown


@pytest.mark.parametrize("name", HOSTILE)
def test_sanitiser_needs_no_tidying_before_it(name: str) -> None:
    assert Left(sanitise(HOSTILE[name])).wrong == []


@pytest.mark.parametrize("text", PLAIN_TEXTS)
def test_plain_text_is_shown_letter_by_letter(text: str) -> None:
    text = armed(text, 7, port=9)

    shown = body("", text)

    words = Words(shown)
    assert Left(shown).wrong == []
    assert "".join(words.found.split()) == "".join(text.split())


class Words(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found = ""
        self.feed(html.replace(FOLD, ""))

    def handle_data(self, data: str) -> None:
        self.found += data


@pytest.mark.parametrize("text", SHORT_TEXTS)
def test_short_texts_cannot_leave_text_or_attribute(text: str) -> None:
    template = engines["django"].from_string('<p title="{{ it }}">{{ it }}</p>')

    assert template.render({"it": text}) == f'<p title="{escape(text)}">{escape(text)}</p>'


# Bounded work, counted and not timed


def calls(work: Callable[[], object]) -> Counter[str]:
    """How often each function was called, Python's and C's."""
    found: Counter[str] = Counter()

    def note(frame: object, event: str, argument: object) -> None:
        if event in {"call", "c_call"}:
            found[getattr(argument, "__name__", "") or frame.f_code.co_name] += 1  # type: ignore[attr-defined]

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return found


@pytest.mark.parametrize(
    "bomb", ["<div>", "<div></x>", "<b a={}>", "<table><tr><td>", "<blockquote type=cite>"]
)
def test_bomb_is_refused_before_it_is_sanitised_or_even_read(bomb: str) -> None:
    html = "".join(bomb.replace("{}", str(number)) for number in range(500_000 // len(bomb)))

    found = calls(lambda: refused(html))

    assert found["clean"] == 0
    assert found["feed"] <= 2
    assert found["start"] <= 4000
    assert paper(html, "").is_plain


def refused(html: str) -> None:
    with pytest.raises(TooDeep):
        tidy(html)


def test_repairs_do_not_multiply_what_was_sent() -> None:
    bold = "<b><i><u><s><em><strong><code><small>" * 3
    html = f"<p>{bold}" + "<div>x</div>" * 20_000

    tidied = tidy(html)

    assert len(sanitise(tidied.html)) <= 1.1 * len(html)


HTML_SHAPES = [
    "<p>x",
    "<blockquote type=cite>x</blockquote>y",
    "On Monday, Ada wrote:<br>",
    "<img src=//x style='background:url(//x)'>",
    "<tr><td>x",
]
TEXT_SHAPES = [
    ">\n",
    "> x\n\n",
    "On Monday, Ada wrote:\n",
    "On Monday, Ada wrote:\n> x\ny\n",
    "a:\n",
    "\n",
    "x",
    ">",
]


@pytest.mark.parametrize("shape", HTML_SHAPES)
def test_work_on_html_grows_with_its_length(shape: str) -> None:
    once, twice = (calls(partial(paper, shape * n, "")).total() for n in (1000, 2000))

    assert twice <= 2.1 * once


@pytest.mark.parametrize("shape", TEXT_SHAPES)
def test_work_on_text_grows_with_its_length(shape: str) -> None:
    once, twice = (calls(partial(plain_parts, shape * n)).total() for n in (5000, 10_000))

    assert twice <= 2.1 * once


def test_text_that_looks_quoted_everywhere_is_looked_at_a_number_of_times() -> None:
    looks = calls(lambda: plain_parts("Am schrieb :-\n" * 30_000))["quote"]
    folds = [part for part in plain_parts("> a\n> b\n> c\nx\n" * 10_000) if part.is_quoted]

    # Each line by itself and together with the one before it.
    assert looks == 2 * MOST_LOOKS - 1 == 999
    assert len(folds) == 200


def test_line_too_long_for_an_introduction_is_not_held_against_patterns() -> None:
    hostile = "Am " + " schrieb " * 50_000 + ":"

    assert calls(lambda: plain_parts(hostile))["quote"] == 0
    assert plain_parts(hostile) == [Part(hostile, False)]
