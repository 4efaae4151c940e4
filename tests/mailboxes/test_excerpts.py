import pytest

from mailboxes.showing.excerpts import EXCERPT, excerpt

ANSWER = (
    "Friday suits us.\n\nOn Mon, 2 Nov 2026 at 09:00, Ada Byron <ada@halyard.example> wrote:\n> Which day?\n"
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Hello\n\nWhich day\nsuits you?\n", "Hello Which day suits you?"),
        (ANSWER, "Friday suits us."),
        ("On Mon, 2 Nov 2026, Ada <ada@halyard.example> wrote:\n> Which day?\n> Ada\n\nFriday.\n", "Friday."),
        ("> Which day?\nFriday.\n> And when?\nAt noon.\n", "Friday. At noon."),
        ("Friday.\n\n-- \nBob Hale\nAcme\n", "Friday."),
        ("Friday -- or Monday.\n", "Friday -- or Monday."),
        ("> Which day?\n", "> Which day?"),
        ("-- \nBob Hale\n", "-- Bob Hale"),
        ("", ""),
        (None, ""),
        ("a " * EXCERPT, ("a " * EXCERPT)[:EXCERPT]),
    ],
)
def test_an_excerpt_is_what_its_author_wrote(text: str | None, shown: str) -> None:
    assert excerpt(text) == shown
