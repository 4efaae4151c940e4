"""Names for people, from what mail carries: display names and local parts.

Pure. Order of arrival must not matter, so every candidate has a quality and the best one wins.
"""

import re
import unicodedata


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MAX_NAME = 200

_SPACES = re.compile(r"\s+")
_BRACKETED = re.compile(r"\s*[(\[{<][^()\[\]{}<>]*[)\]}>]?\s*")
# "Jane Doe via Calendly", "Jane Doe | Acme", "Jane Doe at Acme", "Jane from Acme"
_TAIL = re.compile(r"\s+(?:via|from|at|on behalf of)\s.*|\s+[|/•·@–—-]\s.*|\s*\|.*", re.IGNORECASE)
_TITLES = re.compile(
    r"^(?:mr|mrs|ms|miss|mx|herr|frau|monsieur|madame|mme|sr|sra|sig)\.?\s+(?=\S)", re.IGNORECASE
)
_CREDENTIALS = _words(
    """
    phd md mba msc bsc ma ba jr sr ii iii iv esq cpa cfa pmp dds dvm rn jd llm llb ceo cto cfo
    coo dr prof mrcs frcs pe cissp
    """
)
_COMPANY_FORMS = _words(
    """
    inc llc ltd limited gmbh ag corp co plc sa sas sarl srl spa bv nv ab oy as aps kg pty llp
    """
)
_PARTICLES = _words(
    """
    van von der den de del della di da dos das du la le el al bin ibn ben mac mc st saint ter
    ten zu zur
    """
)
_NOBODY = _words("unknown none null undefined noname undisclosed recipients")
_WORDS = re.compile(r"[^\W\d_]+")
_CAPS_WORD = 4

DERIVED, HANDLE, SINGLE, REPAIRED, FULL = 0, 1, 2, 3, 4
_MATCHES_ADDRESS = 4


# People


def judged_name(display_name: str, email: str) -> tuple[int, str]:
    """How good a name this is (0 is guessed, more is better) and how its bearer is called: by the cleaned
    display name, else by what the local part suggests."""
    name, repaired = _cleaned(display_name, email)
    return (_quality(name, email, repaired=repaired), name) if name else (DERIVED, _from_local_part(email))


def person_name(display_name: str, email: str) -> str:
    return judged_name(display_name, email)[1]


def first_name(name: str) -> str:
    """As colleagues say it; of somebody known by an address alone, what stands before the @."""
    return name.split(" ")[0].partition("@")[0] or name


def _quality(name: str, email: str, *, repaired: bool) -> int:
    local, _, host = name_key(email).rpartition("@")
    words = [word for word in _WORDS.findall(name_key(name)) if len(word) > 2]
    if any(word in local for word in words):
        return _form(name, repaired=repaired) + _MATCHES_ADDRESS
    # "Acme" <jane@acme.test> names the company, not Jane.
    return HANDLE if words and words[0] in host else _form(name, repaired=repaired)


def _form(name: str, *, repaired: bool) -> int:
    if " " in name:
        return REPAIRED if repaired else FULL
    if unicodedata.category(name[0]) == "Lo":  # scripts that write a full name as one word
        return FULL
    return SINGLE if name[0].isupper() else HANDLE


def _cleaned(display_name: str, email: str) -> tuple[str, bool]:
    """The name in a display name ("" when there is none), and whether it had to be mended."""
    shown = _visible(display_name)
    name = _without_extras(shown)
    flipped = _given_name_first(name, email)
    cased = _proper_case(flipped, email)
    if not _says_a_name(shown, cased, email):
        return "", False
    return cased[:MAX_NAME].rstrip(), cased != name


def _visible(text: str) -> str:
    """One line without control, direction-changing and picture characters, or quotes around it."""
    text = text[: 2 * MAX_NAME]
    if text.isascii() and text.isprintable():
        return _unquoted(_SPACES.sub(" ", text).strip())
    kept = "".join(
        " " if c.isspace() else c
        for c in text
        if unicodedata.category(c) not in {"Cf", "Cs", "Co", "Cn", "So"}
    )
    kept = "".join(c for c in kept if unicodedata.category(c) != "Cc")
    return _unquoted(_SPACES.sub(" ", kept).strip())


def _unquoted(text: str) -> str:
    quotes = "\"'`´‘’‚“”„«»"
    while len(text) > 1 and text[0] in quotes and (text[-1] in quotes or text.count(text[0]) == 1):
        text = text[1:-1].strip() if text[-1] in quotes else text[1:].strip()
    return text


def _without_extras(shown: str) -> str:
    name = _TAIL.sub("", _unquoted(_BRACKETED.sub(" ", shown).strip()))
    return _TITLES.sub("", _unquoted(name.strip(" ,;-|"))).strip()


def _says_a_name(shown: str, name: str, email: str) -> bool:
    words = _WORDS.findall(name)
    if not words or "@" in name or name.casefold() in {email, email.rpartition("@")[0]}:
        return False
    return not all(word.casefold() in _NOBODY for word in words)


def _given_name_first(name: str, email: str) -> str:
    """`Doe, John` -> `John Doe`; `John Doe, PhD` -> `John Doe`; `Acme, Inc.` stays."""
    parts = [part.strip() for part in name.split(",") if part.strip()]
    if len(parts) < 2:
        return name.strip(" ,")
    last = parts[-1].replace(".", "").casefold()
    if last in _COMPANY_FORMS and last not in _CREDENTIALS:
        return name
    parts = parts[:1] + [
        part for part in parts[1:] if part.replace(".", "").replace(" ", "").casefold() not in _CREDENTIALS
    ]
    if len(parts) < 2:
        return parts[0]
    family, given = parts[0], parts[1]
    return family if _is_whole_name(family, given, email) else f"{given} {family}"


def _is_whole_name(before: str, after: str, email: str) -> bool:
    """In `John Doe, Acme` the part before the comma is all; in `van der Berg, Jan` it is not."""
    words = before.split()
    if len(words) < 2 or words[0].casefold() in _PARTICLES:
        return False
    local = name_key(email.rpartition("@")[0])
    return name_key(words[0]) in local and name_key(after.split()[0]) not in local


def _proper_case(name: str, email: str) -> str:
    """Mend names that are all capitals or all small; one shouted word only if surely a name."""
    if name.islower():
        return " ".join(map(_capitalised, name.split()))
    local = name_key(email.rpartition("@")[0])
    shouting = name.isupper() and " " in name
    return " ".join(_capitalised(w) if _shouts(w, local, everything=shouting) else w for w in name.split())


def _shouts(word: str, local: str, *, everything: bool) -> bool:
    if not word.isupper() or len(word.strip(".")) < 2:
        return False
    return everything or len(word) >= _CAPS_WORD or name_key(word) in local


def _capitalised(word: str) -> str:
    """`o'BRIEN-smith` -> `O'Brien-Smith`, `MCDONALD` -> `McDonald`."""
    word = re.sub(r"[^\W\d_]+", lambda found: found[0][:1].upper() + found[0][1:].lower(), word)
    if re.fullmatch(r"Mc[b-df-hj-np-tv-z]\w{3,}", word):
        return "Mc" + word[2:].capitalize()
    return word


def _from_local_part(email: str) -> str:
    """`jane.doe+news@x` -> `Jane Doe`, `j.doe2@x` -> `J. Doe`; never empty."""
    local = email.rpartition("@")[0]
    local = local[:1] + local[1:].partition("+")[0]
    words = [word.strip("0123456789'") or word for word in re.split(r"[._\s=-]+", local) if word]
    letters = [word for word in words if _WORDS.search(word)] or words or [local or email]
    return " ".join(_initial_or_name(word) for word in letters)[:MAX_NAME]


def _initial_or_name(word: str) -> str:
    return f"{word.upper()}." if len(word) == 1 and word.isalpha() and word.isascii() else _capitalised(word)


# Sorting


# What no decomposition takes apart. Migration 0012 says the same of names that were there before.
_PLAIN_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ŧ": "t"}
)


def name_key(name: str) -> str:
    """The sort key of a name: no case, no accents, letters with a stroke and joined ones as people type them
    elsewhere, single spaces; no longer than a name may be, though some letters become several."""
    if name.isascii():
        return " ".join(name.lower().split())[:MAX_NAME]
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    return " ".join(plain.casefold().translate(_PLAIN_LETTERS).split())[:MAX_NAME]
