"""What an e-mail address says by itself: its domain, its company's name, whether anybody reads it.

Pure: no database, no clock. People's names are in `crm.naming`, and may be imported from here too.
"""

import re
import unicodedata
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal

import idna
from publicsuffixlist import PublicSuffixList

from crm.naming import name_key, person_name

__all__ = [
    "company_name",
    "domain_of",
    "is_freemail",
    "is_public_suffix",
    "kind",
    "name_key",
    "normalise",
    "person_name",
    "registrable_domain",
    "without_tag",
]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MAX_ADDRESS = 254
MAX_INPUT = 320
_ACRONYM = 4
# Inside a company's name they stay small.
_JOINING = _words("and of the for in at by on to de der die das und et y e la le les el du da do di van von")

_DATA = Path(__file__).parent / "data"
_PLAIN = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~.-]+@[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.[a-z][a-z0-9-]{0,61}[a-z0-9]"
)
_HOST = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.[a-z][a-z0-9-]{0,61}[a-z0-9]")
_FORBIDDEN = frozenset(' ()<>[]\\,;:"@')
_SEPARATORS = re.compile(r"[-_.+]+")


# Reading an address


def normalise(text: str) -> str | None:
    """The one spelling we store and compare, or None when `text` is not an address."""
    text = text.strip() if len(text) <= MAX_INPUT else ""
    if len(text) > 2 and text[0] == text[-1] == "'":  # as Outlook quotes what it cannot resolve
        text = text[1:-1]
    email = text.lower()
    if text.isascii() and _PLAIN.fullmatch(email):
        return email if len(email) <= MAX_ADDRESS else None
    return _normalise_unusual(text)


def _normalise_unusual(text: str) -> str | None:
    before, _, after = text.rpartition("@")
    local = _normalise_local(before)
    host = _normalise_host(after) if local else None
    if not local or not host or len(local) + len(host) + 1 > MAX_ADDRESS:
        return None
    return f"{local}@{host}"


def _normalise_local(local: str) -> str | None:
    if len(local) > 2 and local[0] == local[-1] == '"':
        local = local[1:-1]
    # Kelvin sign and dotted I turn into ASCII letters: somebody else's address (CVE-2019-19844).
    if "\u212a" in local or "\u0130" in local:
        return None
    local = unicodedata.normalize("NFC", local).lower()
    unprintable = any(unicodedata.category(c)[0] in "CZ" for c in local)
    return None if unprintable or _FORBIDDEN & set(local) else local


@lru_cache(maxsize=4096)
def _normalise_host(host: str) -> str | None:
    host = host.rstrip(".").lower()
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            return None
    return host if len(host) < MAX_ADDRESS and _HOST.fullmatch(host) else None


def without_tag(email: str) -> str:
    """`ada+news@x.test` -> `ada@x.test`. A leading plus is part of the name."""
    local, _, host = email.rpartition("@")
    return f"{local[:1]}{local[1:].partition('+')[0]}@{host}"


def host_in(text: str) -> str | None:
    """The host in what people paste: with https://, somebody before an @, www., a port or a path. None where
    there is none."""
    whole = text.strip().lower()
    host = re.split(r"[/?#]", whole.partition("://")[2] or whole)[0].rpartition("@")[2]
    host = host.partition(":")[0].removeprefix("*.").removeprefix("www.").strip(".")
    normal = normalise(f"x@{host}") if "." in host else None
    return domain_of(normal) if normal else None


def domain_of(email: str) -> str:
    """The full host, as written in the address."""
    return email.rpartition("@")[2]


# Domains


@cache
def _public_suffixes() -> PublicSuffixList:
    return PublicSuffixList()


@lru_cache(maxsize=65536)
def registrable_domain(host: str) -> str:
    """`mail.halden-moss.co.uk` -> `halden-moss.co.uk`; a bare public suffix stands for itself."""
    return _public_suffixes().privatesuffix(host) or host


def is_public_suffix(host: str) -> bool:
    return _public_suffixes().privatesuffix(host) is None


@cache
def _freemail_domains() -> frozenset[str]:
    lines = (_DATA / "freemail.txt").read_text("utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


def is_freemail(domain: str) -> bool:
    """Does an address at this host or domain say nothing about its owner's employer?"""
    known = _freemail_domains()
    while domain:
        if domain in known:
            return True
        domain = domain.partition(".")[2]
    return False


def company_name(registrable_domain: str) -> str:
    """`halden-moss.co.uk` -> `Halden Moss`, `bank-of-wells.com` -> `Bank of Wells`, `bbc.co.uk` -> `BBC`."""
    label = registrable_domain.removesuffix("." + (_public_suffixes().publicsuffix(registrable_domain) or ""))
    label = _readable(label.rpartition(".")[2] if label != registrable_domain else label.partition(".")[0])
    words = [word for word in re.split(r"[-_]+", label) if word]
    named = [_company_word(word) for word in words]
    named[1:-1] = [
        word if word in _JOINING else name for word, name in zip(words[1:-1], named[1:-1], strict=True)
    ]
    return " ".join(named) or registrable_domain


def _readable(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return idna.decode(label)
    except (idna.IDNAError, UnicodeError):
        return label


def _company_word(word: str) -> str:
    is_acronym = word.isascii() and len(word) <= _ACRONYM and not set("aeiouy") & set(word)
    return word.upper() if is_acronym or len(word) <= 2 else word[:1].upper() + word[1:]


# Who reads it?

# Squeezed of separators, any of these inside a local part means that nobody reads it.
_NOREPLY = re.compile(
    "noreply|donotreply|dontreply|notreply|noresponse|nepasrepondre|nepasrépondre|nonrispondere|noresponder"
    "|norespondas|naoresponda|nãoresponda|nichtantworten|nichtbeantworten|keineantwort|nietbeantwoorden|nieodpowiadaj"
    "|neodpovidat|ikkesvar|svarikke|svarinte|svaraej|eivastata|cevaplamayin|unsubscribe|mailerdaemon|autoconfirm"
    "|autoresponder|autoreply|autorespond|automail"
)
_ROBOTS = _words(
    """
    postmaster bounce bounces daemon notification notifications notify notifier alert alerts
    reminder reminders digest digests invitations mailer robot bot mailbot system cron crond
    root nobody devnull null anonymous wwwdata apache nginx wordpress nagios zabbix icinga
    grafana prometheus sentry pagerduty gitlab github bitbucket gitea buildbot jira confluence
    bugzilla trac redmine mantis youtrack otrs zammad majordomo mailman listserv listproc
    listmaster sympa ezmlm smartlist updates calendar calendarnotification calendarserver
    """
)
# At either end of a local part these are robots; alone in the middle they may be somebody's name.
_ROBOT_STARTS = _words(
    """
    bounce bounces notification notifications notify alerts mailer robot jira confluence
    bugzilla gitlab majordomo mailman listserv listproc owner unsub reply
    """
)
_ROBOT_ENDS = re.compile(
    r"[-_](?:request|owner|bounces?|subscribe|unsubscribe|confirm|join|leave|daemon|notifications?|notify|alerts?|robot|bot)$"
)
_VERP = re.compile(r"=[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}$|^(?:srs[01]|prvs|msprvs1)=")
_MACHINE_LOCAL = re.compile(
    r"(?=[^@]*\d)[0-9a-f-]{24,}|(?:ticket|case|issue|conversation|thread)s?[-+_.]?\d+[-+_.a-z0-9]*"
)
_ROBOT_LABELS = _words(
    """
    bounce bounces noreply no-reply unsubscribe notifications notification calendar-server
    """
)
_ROBOT_DOMAINS = (
    "calendar.google.com",
    "docs.google.com",
    "bounces.google.com",
    "reply.github.com",
    "facebookmail.com",
    "intercom-mail.com",
    "bcc.hubspot.com",
    "amazonses.com",
)
_LIST_LABELS = _words("lists list listserv mailman groups googlegroups")
_QUALIFIERS = _words(
    """
    the my our general main web online field tech technical customer customers client clients
    global international group head north south east west central corporate company public new
    uk us usa eu de fr es it nl be ch at ie ca au nz jp cn br emea apac latam dach benelux
    nordics nordic europe asia america americas africa germany france spain italy
    """
)
# Offices by themselves, people in front of a surname: dev.patel@, pr.smith@ (any word this short).
_FIRST_NAMES_TOO = _words("talent moin welcome bienvenue iroda")
_INITIALS = 3

Kind = Literal["human", "role", "automated"]


@cache
def _role_words() -> frozenset[str]:
    lines = (_DATA / "role_words.txt").read_text("utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


@lru_cache(maxsize=65536)
def kind(email: str) -> Kind:
    """`automated` (nobody reads it), `role` (an office reads it) or `human`."""
    local, _, host = email.rpartition("@")
    if _is_automated(local, host):
        return "automated"
    return "role" if _is_role(local.partition("+")[0] or local, host) else "human"


def _is_automated(local: str, host: str) -> bool:
    words = _SEPARATORS.split(local)
    squeezed = "".join(words)
    if _NOREPLY.search(squeezed) or squeezed.rstrip("0123456789") in _ROBOTS or _is_robot_host(host):
        return True
    starts = len(words) > 1 and words[0] in _ROBOT_STARTS and _starts_like_a_robot(local, words)
    # "bounce+ada=acme.test@", "list-return-7-ada=acme.test@": the real addressee is inside.
    return starts or bool(_ROBOT_ENDS.search(local) or _VERP.search(local) or _MACHINE_LOCAL.fullmatch(local))


def _starts_like_a_robot(local: str, words: list[str]) -> bool:
    if words[0] == "owner":  # owner-list@; but owner.smith@ may be anybody
        return local.startswith("owner-")
    if words[0] == "reply":  # reply+AB12…@, reply-fe8b…@; but reply.team@ is read
        return any(c.isdigit() for c in local)
    return True


def _is_robot_host(host: str) -> bool:
    labels = host.split(".")
    return not _ROBOT_LABELS.isdisjoint(labels[:-1]) or any(
        host == domain or host.endswith("." + domain) for domain in _ROBOT_DOMAINS
    )


def _is_role(local: str, host: str) -> bool:
    roles = _role_words()
    words = [word for part in _SEPARATORS.split(local) if (word := part.rstrip("0123456789"))]
    if host.partition(".")[0] in _LIST_LABELS:
        return True
    if not words:  # 12345@qq.com is somebody
        return False
    if words[0] in roles:  # sales.uk@, info-berlin@
        a_name_too = len(words[0]) <= _INITIALS or words[0] in _FIRST_NAMES_TOO
        return not a_name_too or _all_qualify(words[1:])
    if words[-1] in roles:  # emea-sales@ is an office; jane.press@ and ed.sales@ are people
        return "." not in local or _all_qualify(words[:-1])
    # help-desk@; but sal.es@ is not sales@
    return "".join(words) in roles and min(map(len, words)) > _INITIALS - 1


def _all_qualify(words: list[str]) -> bool:
    return all(word in _QUALIFIERS or word in _role_words() for word in words)
