import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.search.words import ACCENTED, PLAIN, Query, Word
from crm.statements import fetch


def test_a_query_is_words_without_case_accents_and_separators() -> None:
    assert Query.of("  Éva   O’Brien-Smith, @acme. ").words == (
        Word("eva", "eva", "eva"),
        Word("o brien smith", "o brien smith", "o brien smith"),
        Word("acme", "acme", "acme"),
    )


def test_of_a_host_the_last_label_stands_apart() -> None:
    (word,) = Query.of("Bob@Acme.co.uk").words

    assert (word.name, word.host, word.is_host) == ("bob acme co uk", "bob acme co", True)


@pytest.mark.parametrize("said", ["", "   ", "@", "... --", "\x00"])
def test_a_query_of_nothing_has_no_words(said: str) -> None:
    assert Query.of(said).words == ()


def test_a_long_query_is_cut() -> None:
    query = Query.of("abcdefghi " * 400)

    assert (len(query.said), query.words) == (99, (Word("abcdefghi", "abcdefghi", "abcdefghi"),))
    assert len(Query.of(" ".join(f"w{n}" for n in range(20))).words) == 6


def test_short_words_are_looked_for_at_the_beginning_of_words_alone() -> None:
    (short,), (long,) = Query.of("ma").words, Query.of("mar").words

    assert (short.begins("name"), short.inside("name")) == ("% ma%", "% ma%")
    assert (long.begins("name"), long.inside("name")) == ("% mar%", "%mar%")


def test_signs_of_a_pattern_mean_themselves() -> None:
    (word,) = Query.of(r"50%\x").words

    assert word.begins("text") == r"% 50\%\\x%"


def test_each_accent_has_its_letter() -> None:
    assert len(ACCENTED) == len(PLAIN)


@pytest.mark.django_db
@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20))
def test_what_is_typed_is_found_in_text_that_says_it(typed: str) -> None:
    """The two halves, here and in the database, agree on every text."""
    words = Query.of(typed).words

    for word in words:
        found = fetch(
            "SELECT crm_words(%(typed)s) LIKE %(pattern)s",
            typed=" ".join(typed.split()),
            pattern=word.begins("text"),
        )
        assert found == [(True,)]
