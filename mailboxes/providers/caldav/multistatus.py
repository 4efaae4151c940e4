"""WebDAV's XML as plain values, both ways. Names are written with fixed prefixes: d (WebDAV),
c (CalDAV), s (calendarserver.org). Answers come from outside: no DTD, no entities, few elements."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from mailboxes.providers.base import TryLater

NAMESPACES = {
    "d": "DAV:",
    "c": "urn:ietf:params:xml:ns:caldav",
    "s": "http://calendarserver.org/ns/",
}
# A list of 100,000 resources fits; millions of empty elements would take far more memory than bytes.
MAX_ELEMENTS = 1_500_000
MAX_DEPTH = 40

_PREFIXES = {namespace: prefix for prefix, namespace in NAMESPACES.items()}
_STATUS = re.compile(r"\s*HTTP/\d\S*\s+(\d{3})")


class BadXml(TryLater):
    """What came is no answer to a WebDAV request."""


@dataclass(frozen=True, slots=True)
class Response:
    """What the server says of one address: its status, the properties it has, and the status of
    those it would not tell (but for 404, which is every property a server does not know)."""

    href: str
    status: int = 200
    props: dict[str, Element] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)

    def text(self, name: str) -> str:
        found = self.props.get(name)
        return (found.text or "").strip() if found is not None else ""

    def names(self, name: str) -> frozenset[str]:
        """The names of all elements inside a property."""
        found = self.props.get(name)
        return frozenset(short(inner.tag) for inner in found.iter()) if found is not None else frozenset()

    def values(self, name: str, attribute: str) -> frozenset[str]:
        found = self.props.get(name)
        return frozenset(inner.get(attribute, "") for inner in found) if found is not None else frozenset()

    def hrefs(self, name: str) -> list[str]:
        found = self.props.get(name)
        return _hrefs(found) if found is not None else []


@dataclass(frozen=True, slots=True)
class Multistatus:
    responses: list[Response]
    sync_token: str = ""


def request(root: str, *parts: str) -> bytes:
    """A request's body: `root` around parts that are XML already."""
    declared = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
    text = f'<?xml version="1.0" encoding="utf-8"?>\n<{root} {declared}>{"".join(parts)}</{root}>'
    return text.encode()


def wanted(names: Iterable[str]) -> str:
    return f"<d:prop>{''.join(f'<{name}/>' for name in names)}</d:prop>"


def element(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>"


def parse(body: bytes) -> Multistatus:
    """Raises BadXml for anything but a multistatus."""
    answer = _read(body)
    if answer.root != "d:multistatus":
        raise BadXml("The server's answer is not what a calendar server says.")
    return Multistatus(answer.responses, answer.sync_token)


def conditions(body: bytes) -> frozenset[str]:
    """What an error's body says was not met. Most errors have no such body."""
    try:
        answer = _read(body)
    except BadXml:
        return frozenset()
    return frozenset(answer.names) if answer.root == "d:error" else frozenset()


@lru_cache(maxsize=512)
def short(tag: str) -> str:
    namespace, _, name = tag.removeprefix("{").rpartition("}")
    prefix = _PREFIXES.get(namespace)
    return f"{prefix}:{name}" if prefix else tag


class _Answer:
    """Listens to the parser and keeps one response at a time as a tree."""

    def __init__(self) -> None:
        self.root = ""
        self.names: list[str] = []
        self.responses: list[Response] = []
        self.sync_token = ""
        self._builder: TreeBuilder | None = None
        self._count = 0
        self._depth = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._count += 1
        self._depth += 1
        if self._count > MAX_ELEMENTS or self._depth > MAX_DEPTH:
            raise BadXml("The server's answer has too many parts.")
        if self._depth == 1:
            self.root = short(tag)
        if self._depth == 2:
            self._builder = TreeBuilder()
        if self._builder:
            self._builder.start(tag, attributes)

    def data(self, text: str) -> None:
        if self._builder:
            self._builder.data(text)

    def end(self, tag: str) -> None:
        if self._builder:
            self._builder.end(tag)
            if self._depth == 2:
                self._keep(self._builder.close())
                self._builder = None
        self._depth -= 1

    def _keep(self, child: Element) -> None:
        name = short(child.tag)
        if name == "d:response":
            self.responses += _responses(child)
        elif name == "d:sync-token":
            self.sync_token = (child.text or "").strip()
        elif self.root == "d:error":
            self.names.append(name)


def _read(body: bytes) -> _Answer:
    answer = _Answer()
    # The target is what XMLParser calls; it need not build a tree.
    parser = DefusedXMLParser(target=answer, forbid_dtd=True)
    try:
        parser.feed(body)
        parser.close()
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise BadXml("The server's answer cannot be read: it is no proper XML.") from error
    return answer


def _responses(child: Element) -> list[Response]:
    status = _code(child.find("{DAV:}status"))
    props: dict[str, Element] = {}
    refused: dict[str, int] = {}
    for propstat in child.iterfind("{DAV:}propstat"):
        code = _code(propstat.find("{DAV:}status"))
        for prop in propstat.iterfind("{DAV:}prop/*"):
            if code < 300:
                props[short(prop.tag)] = prop
            elif code != 404:
                refused[short(prop.tag)] = code
    return [Response(href, status, props, refused) for href in _hrefs(child)]


def _hrefs(parent: Element) -> list[str]:
    return [(href.text or "").strip() for href in parent.iterfind("{DAV:}href")]


def _code(status: Element | None) -> int:
    found = _STATUS.match(status.text or "") if status is not None else None
    return int(found[1]) if found else 200
