import csv
import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crm.exporting import defused
from crm.importing import tabular
from crm.importing.mapping import guess, ignored_smart, read_choice
from crm.importing.tabular import Unreadable, read_sheet, undefused
from crm.records import COMPANY, PERSON

TEXT = "Name;Ort\nMüller & Söhne;Köln\n\nÉtoile;\n"
ROWS = [(2, ["Müller & Söhne", "Köln"]), (4, ["Étoile", ""])]


@pytest.mark.parametrize(
    "raw",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.encode("cp1252"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace(";", "\t").encode(),
        TEXT.replace(";", ",").encode(),
    ],
    ids=["utf-8", "mark", "utf-16", "le", "be", "cp1252", "crlf", "tabs", "commas"],
)
def test_every_encoding_and_delimiter_is_recognised(raw: bytes) -> None:
    sheet = read_sheet(raw)

    assert list(sheet.header) == ["Name", "Ort"]
    assert [(line.number, list(line.cells)) for line in sheet.lines] == ROWS


def test_a_row_over_several_lines_keeps_the_number_of_its_first() -> None:
    sheet = read_sheet(b'sep=;\nname;note\n"A";"one\ntwo"\nB;\n')

    assert [(line.number, list(line.cells)) for line in sheet.lines] == [
        (3, ["A", "one\ntwo"]),
        (5, ["B", ""]),
    ]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "empty"),
        (b"name\n", "only one row"),
        (b"PK\x03\x04rest", "workbook"),
        (b"\xd0\xcf\x11\xe0rest", "old Excel"),
        (b"%PDF-1.7", "PDF"),
        (b"a\0b,c\nd\0,e\n", "not a text file"),
        (b'name\n"' + b"x" * 200_000, "quotation mark"),
        (b"name\n" + b"x\n" * (tabular.MOST_ROWS + 1), "20,000 rows"),
        (b"x" * (tabular.MOST_BYTES + 1), "10 MB"),
        (b"a," * 300 + b"\n" + b"1," * 300, "200 columns"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(raw: bytes, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        read_sheet(raw)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_a_table_or_refused(raw: bytes) -> None:
    try:
        sheet = read_sheet(raw)
    except Unreadable:
        return
    assert {len(line.cells) for line in sheet.lines} == {len(sheet.header)}


CELL = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=12).map(str.strip)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=5), st.sampled_from(",;\t"))
@example([("", ""), ("", ""), ("", ";")], ",")
def test_what_is_written_is_read(rows: list[tuple[str, str]], delimiter: str) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([("name", "note"), *rows])
    kept = [[undefused(cell) for cell in row] for row in rows if any(row)]

    try:
        sheet = read_sheet(text.getvalue().encode())
    except Unreadable:
        assert kept == []
        return

    assert [list(line.cells) for line in sheet.lines] == kept


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=30))
def test_defusing_is_undone(cell: str) -> None:
    assert undefused(defused(cell)) == (cell if defused(cell) != cell else undefused(cell))


def test_columns_are_guessed_from_their_names() -> None:
    assert guess(
        PERSON, ["Vorname", "Last Name", "E-mail", "Second email", "E-Mail address", "Firma", "Job-Title"]
    ) == [
        "first_name",
        "last_name",
        "email_addresses",
        "",
        "email_addresses",
        "company",
        "job_title",
    ]
    assert guess(COMPANY, ["id", "name", "domains", "Web-Site", "name", "Ort"]) == [
        "id",
        "name",
        "domains",
        "domains",
        "",
        "location",
    ]


def test_a_choice_that_makes_no_sense_is_left_out() -> None:
    assert read_choice(COMPANY, ["name", "name", "domains", "domains", "password"], 6) == [
        "name",
        "",
        "domains",
        "domains",
        "",
        "",
    ]


def test_values_of_the_system_are_named() -> None:
    header = ["name", "last_interaction", "Connection strength", "connection_score", "phone"]

    assert ignored_smart(PERSON, header) == ["last_interaction", "Connection strength", "connection_score"]
