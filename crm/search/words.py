"""What somebody typed, as the words to look for, and as patterns for text as the indexes know it.

`crm_words(text)` is the database's half: lower case, no accents, a space for whatever separates words
and one before the first, so that ` rob` begins a word and `rob` may stand inside one. Beside names the
tables keep their `name_words`; beside addresses and domains `host_words`, without the last label: every
"com" would find most of the world.
"""

from dataclasses import dataclass
from typing import Literal

from crm.naming import name_key

MOST_CHARACTERS, MOST_WORDS = 100, 6
# Of fewer letters than these an index knows only where words begin.
FEWEST_INSIDE = 3

Field = Literal["name", "text", "host"]
# The same as the function in the database says.
SEPARATORS = "@._-+/'’\"“”„«»()[]{}<>:;,!?#&*|~=–—"
ACCENTED = (
    "àáâãäåçèéêëìíîïñòóôõöùúûüýÿāăąćĉċčďēĕėęěĝğġģĥĩīĭįĵķĺļľńņňōŏőŕŗřśŝşšţťũūŭůűųŵŷźżžơư"
    "ạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ"
    "άέήίόύώϊϋΐΰйё"
)
PLAIN = (
    "aaaaaaceeeeiiiinooooouuuuyyaaaccccdeeeeegggghiiiijklllnnnooorrrssssttuuuuuuwyzzzou"
    "aaaaaaaaaaaaeeeeeeeeiioooooooooooouuuuuuuyyyy"
    "αεηιουωιυιυие"
)
_FOLD = str.maketrans(ACCENTED + SEPARATORS, PLAIN + " " * len(SEPARATORS))


def folded(text: str) -> str:
    """Letter by letter as `crm_words` has it, of text that is in lower case."""
    return text.translate(_FOLD)


@dataclass(frozen=True, slots=True)
class Word:
    """As each kind of text spells it; what separates its parts is a space."""

    name: str
    text: str
    # Without the last label, where it looks like `acme.co`.
    host: str

    @property
    def is_host(self) -> bool:
        return self.host != self.name

    def begins(self, field: Field) -> str:
        return f"% {literal(self.of(field))}{_rest(field)}"

    def inside(self, field: Field) -> str:
        """The same where it is too short to be looked for inside words."""
        said = self.of(field)
        return f"%{literal(said)}{_rest(field)}" if len(said) >= FEWEST_INSIDE else self.begins(field)

    def of(self, field: Field) -> str:
        return {"name": self.name, "text": self.text, "host": self.host}[field]


@dataclass(frozen=True, slots=True)
class Query:
    """Words that all have to be found. Without any it finds nothing."""

    said: str
    words: tuple[Word, ...]

    @classmethod
    def of(cls, said: str) -> "Query":
        shown = " ".join(said.replace("\x00", " ").split())[:MOST_CHARACTERS].strip()
        return cls(shown, tuple(dict.fromkeys(_words(shown)))[:MOST_WORDS])

    @property
    def places(self) -> range:
        return range(len(self.words))

    @property
    def longest(self) -> int:
        """The place of the word that is likely to be found least."""
        return max(self.places, key=lambda at: len(self.words[at].name))

    def patterns(self, *fields: Field) -> dict[str, str]:
        """The parameters `begins_name_0`, `inside_name_0` and so on for statements."""
        named = {}
        for at, word in enumerate(self.words):
            for field in fields:
                named[f"begins_{field}_{at}"] = word.begins(field)
                named[f"inside_{field}_{at}"] = word.inside(field)
        return named


def _words(shown: str) -> list[Word]:
    typed = (part.strip(SEPARATORS) for part in shown.split())
    return [_word(part) for part in typed if part]


def _word(typed: str) -> Word:
    key = name_key(typed)
    return Word(
        key.translate(_FOLD),
        typed.lower().translate(_FOLD),
        (key.rpartition(".")[0] or key).translate(_FOLD),
    )


def _rest(field: Field) -> str:
    """After a label that is not the last there is nothing left of a host without its last."""
    return "" if field == "host" else "%"


def literal(text: str) -> str:
    """Without a meaning of its own inside LIKE."""
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")


def holds_all(how: str, words: int) -> str:
    """A condition on a text `{}` of the database, with the parameters that `Query.patterns` makes of so many
    words."""
    return " AND ".join(f"crm_words({{0}}) LIKE %({how}_text_{at})s" for at in range(words))
