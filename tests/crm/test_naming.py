import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.addresses import (
    company_name,
    name_key,
    normalise,
    person_name,
)
from crm.naming import first_name, judged_name


@pytest.mark.parametrize(
    ("shown", "email", "expected"),
    [
        ("Jane Doe", "j@x.com", "Jane Doe"),
        ("Mary Jane Watson", "mj@x.com", "Mary Jane Watson"),
        ("Doe, John", "jd@x.com", "John Doe"),
        ('"Doe, John"', "jd@x.com", "John Doe"),
        ("DOE, JOHN", "jd@x.com", "John Doe"),
        ("van der Berg, Jan", "info@x.nl", "Jan van der Berg"),
        ("John Doe, Acme", "john.doe@acme.com", "John Doe"),
        ("Garcia Lopez, Maria", "maria@x.es", "Maria Garcia Lopez"),
        ("Jane Doe, PhD", "j@x.com", "Jane Doe"),
        ("Doe, Jane, M.D.", "j@x.com", "Jane Doe"),
        ("Acme, Inc.", "jane@acme.com", "Acme, Inc."),
        ("'Jane Doe'", "j@x.com", "Jane Doe"),
        ("“Jane Doe”", "j@x.com", "Jane Doe"),
        ("Jane Doe (Acme)", "j@x.com", "Jane Doe"),
        ("Jane Doe [EXTERNAL]", "j@x.com", "Jane Doe"),
        ("Jane Doe <jane@x.com>", "jane@x.com", "Jane Doe"),
        ("Jane Doe via Calendly", "j@calendly.com", "Jane Doe"),
        ("'Jane Doe' via Sales", "sales@x.com", "Jane Doe"),
        ("Jane Doe | Acme", "j@acme.com", "Jane Doe"),
        ("Jane Doe - Acme", "j@acme.com", "Jane Doe"),
        ("Jean-Luc Picard", "j@x.fr", "Jean-Luc Picard"),
        ("Mr. John Doe", "j@x.com", "John Doe"),
        ("JANE DOE", "j@x.com", "Jane Doe"),
        ("jane doe", "j@x.com", "Jane Doe"),
        ("Marie DUPONT", "m@x.fr", "Marie Dupont"),
        ("Lee AI", "lee.ai@x.com", "Lee Ai"),
        ("RONALD MCDONALD", "r@x.com", "Ronald McDonald"),
        ("CONOR O'BRIEN", "c@x.ie", "Conor O'Brien"),
        ("山田 太郎", "taro@x.jp", "山田 太郎"),
        ("Jane\r\n Doe\x00", "j@x.com", "Jane Doe"),
        ("Jane ✨ Doe", "j@x.com", "Jane Doe"),
        ("\u202eeoD enaJ", "j@x.com", "eoD enaJ"),
        ("jane.doe@x.com", "jane.doe@x.com", "Jane Doe"),
        ("'jane.doe@x.com'", "jane.doe@x.com", "Jane Doe"),
        ("jane_doe", "jane_doe@x.com", "Jane Doe"),
        ("Unknown", "jane.doe@x.com", "Jane Doe"),
        (",,,", "jane.doe@x.com", "Jane Doe"),
        ("", "jane.doe@x.com", "Jane Doe"),
        ("", "jane.doe+news@x.com", "Jane Doe"),
        ("", "j.doe2@x.com", "J. Doe"),
        ("", "jdoe@x.com", "Jdoe"),
        ("", "12345@qq.com", "12345"),
    ],
)
def test_person_name(shown, email, expected):
    assert person_name(shown, email) == expected


def test_name_quality_prefers_full_names_that_fit_the_address():
    email = "jane.doe@acme.com"
    shown = ["", "jane.doe@acme.com", "Acme", "JD", "Eve Smith", "JANE DOE", "Jane Doe"]

    assert [judged_name(name, email)[0] for name in shown] == [0, 0, 1, 2, 4, 7, 8]


@given(st.text(), st.text(max_size=60))
def test_person_name_is_one_bounded_printable_line(shown, local):
    name = person_name(shown, normalise(f"{local}@x.com") or "ada@x.com")

    assert 0 < len(name) <= 200
    assert not set(name) & set("\r\n\x00\u2028\u202e")
    assert name.encode()


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("halden-moss.co.uk", "Halden Moss"),
        ("brass-and-bolt.com", "Brass and Bolt"),
        ("bank-of-the-west.com", "Bank of the West"),
        ("the-and.com", "The And"),
        ("acme.com", "Acme"),
        ("bbc.co.uk", "BBC"),
        ("3m.com", "3M"),
        ("37signals.com", "37signals"),
        ("acme.github.io", "Acme"),
        ("github.io", "Github"),
        ("xn--mnchen-3ya.de", "München"),
        ("example.test", "Example"),
    ],
)
def test_company_name(domain, expected):
    assert company_name(domain) == expected


def test_name_key_drops_case_accents_and_extra_space():
    assert name_key("  Éloïse   STRAẞE ") == "eloise strasse"
    assert name_key("Łukasz Ødegård Þór Ævar Œuvre Đorđe") == "lukasz odegard thor aevar oeuvre dorde"
    assert sorted(["Zoe", "Émile", "adam", "Emil"], key=name_key) == [
        "adam",
        "Emil",
        "Émile",
        "Zoe",
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ines Duarte", "Ines"),
        ("Ines", "Ines"),
        ("zoe.fry@studio.example", "zoe.fry"),
        ("@studio", "@studio"),
    ],
)
def test_first_name(name, expected):
    assert first_name(name) == expected
