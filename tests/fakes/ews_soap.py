"""SOAP as Exchange Web Services speaks it: elements, responses, faults, and what each error says."""

from collections.abc import Iterable, Mapping
from typing import Any

from lxml import etree

from tests.fakes.faults import Answer

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
ERRORS = "http://schemas.microsoft.com/exchange/services/2006/errors"
Element = Any  # lxml has no annotations
Content = Element | str | Iterable[Element] | None

# What an Exchange 2016 says of itself. The version is not one that a request may ask for.
SERVER_VERSION = {
    "MajorVersion": "15",
    "MinorVersion": "1",
    "MajorBuildNumber": "2507",
    "MinorBuildNumber": "39",
    "Version": "V2017_07_11",
}
TEXTS = {
    "ErrorAccessDenied": "Access is denied. Check credentials and try again., Cannot open mailbox.",
    "ErrorCalendarEndDateIsEarlierThanStartDate": "EndDate is earlier than StartDate",
    "ErrorCalendarFolderIsInvalidForCalendarView": "The folder is not a calendar.",
    "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange": "Occurrence index is out of recurrence range.",
    "ErrorCalendarOccurrenceIsDeletedFromRecurrence": (
        "Occurrence with this index was previously deleted from the recurrence."
    ),
    "ErrorCalendarViewRangeTooBig": "The specified view range exceeds the maximum range of two years.",
    "ErrorExceededConnectionCount": (
        "You have exceeded the available concurrent connections for your account. "
        "Try again once your other requests have completed."
    ),
    "ErrorExceededFindCountLimit": "The result set contains too many calendar items.",
    "ErrorFolderNotFound": "The specified folder could not be found in the store.",
    "ErrorImpersonateUserDenied": (
        "The account does not have permission to impersonate the requested user."
    ),
    "ErrorInternalServerError": "An internal server error occurred. The operation failed.",
    "ErrorInvalidIdMalformed": "Id is malformed.",
    "ErrorInvalidOperation": "The operation is not valid.",
    "ErrorInvalidRequest": "The request is invalid.",
    "ErrorInvalidServerVersion": "The specified server version is invalid.",
    "ErrorInvalidSyncStateData": "Synchronization state data is corrupt or otherwise invalid.",
    "ErrorItemNotFound": "The specified object was not found in the store.",
    "ErrorMailboxMoveInProgress": "Mailbox move in progress. Try again later.",
    "ErrorMailboxStoreUnavailable": "The mailbox database is temporarily unavailable.",
    "ErrorMissingEmailAddress": (
        "When making a request as an account that does not have a mailbox, you must specify the mailbox "
        "primary SMTP address for any distinguished folder Ids."
    ),
    "ErrorNameResolutionMultipleResults": "Multiple results were found.",
    "ErrorNameResolutionNoResults": "No results were found.",
    "ErrorNonExistentMailbox": "The SMTP address has no mailbox associated with it.",
    "ErrorNonPrimarySmtpAddress": (
        "The primary SMTP address must be specified when referencing a mailbox."
    ),
    "ErrorServerBusy": "The server cannot service this request right now. Try again later.",
    "ErrorTimeZone": "The time zone is not valid.",
}  # fmt: skip


class Refusal(Exception):
    """One response message that is an error, among others that may be none."""

    def __init__(self, code: str, *, values: Mapping[str, str] | None = None) -> None:
        super().__init__(code)
        self.code, self.values = code, values or {}


class Fault(Exception):
    """The whole request is refused."""

    def __init__(self, code: str, *, text: str = "", values: Mapping[str, str] | None = None) -> None:
        super().__init__(code)
        self.code, self.text, self.values = code, text, values or {}


def t(name: str, *content: Content, **attributes: str) -> Element:
    """An element of the types; what is None is left out."""
    return _element(f"{{{TYPES}}}{name}", content, attributes)


def m(name: str, *content: Content, **attributes: str) -> Element:
    return _element(f"{{{MESSAGES}}}{name}", content, attributes)


def local(element: Element) -> str:
    return str(etree.QName(element).localname)


def child(element: Element, name: str) -> Element | None:
    """The first child of that name, of whichever namespace: which one, the schema has already checked."""
    return next((one for one in element if local(one) == name), None)


def text_of(element: Element, name: str) -> str:
    found = child(element, name)
    return "" if found is None else (found.text or "")


def parse(body: bytes) -> Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
    try:
        return etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise Fault("ErrorInvalidRequest") from error


def message(
    operation: str, *content: Content, code: str = "NoError", values: Mapping[str, str] | None = None
) -> Element:
    """One response message. “Multiple results” is the only warning here."""
    warning = code == "ErrorNameResolutionMultipleResults"
    kind = "Success" if code == "NoError" else "Warning" if warning else "Error"
    told = m("MessageText", TEXTS.get(code, code)) if code != "NoError" else None
    link = m("DescriptiveLinkKey", "0") if code != "NoError" else None
    more = _message_xml(m, values or {}) if values else None
    name = f"{operation}ResponseMessage"
    return m(name, told, m("ResponseCode", code), link, more, *content, ResponseClass=kind)


def refused(operation: str, refusal: Refusal) -> Element:
    """Synchronisations give a state, an empty one, even then."""
    return message(operation, *_tail(operation), code=refusal.code, values=refusal.values)


def response(operation: str, messages: Iterable[Element]) -> Answer:
    return enveloped(m(f"{operation}Response", m("ResponseMessages", messages)))


def enveloped(content: Element) -> Answer:
    header = _element(f"{{{SOAP}}}Header", [t("ServerVersionInfo", **SERVER_VERSION)], {})
    return _answer(200, header, content)


def fault_answer(fault: Fault) -> Answer:
    """A fault has no header, and mixes three namespaces."""
    text = fault.text or TEXTS.get(fault.code, fault.code)
    code = _element("faultcode", [f"a:{fault.code}"], {}, {"a": TYPES})
    said = _element("faultstring", [text], {"{http://www.w3.org/XML/1998/namespace}lang": "en-US"})
    response_code = _element(f"{{{ERRORS}}}ResponseCode", [fault.code], {}, {"e": ERRORS})
    explained = _element(f"{{{ERRORS}}}Message", [text], {}, {"e": ERRORS})
    more = _message_xml(t, fault.values) if fault.values else None
    detail = _element("detail", [response_code, explained, more], {})
    return _answer(500, _element(f"{{{SOAP}}}Fault", [code, said, detail], {}))


def _message_xml(make: Any, values: Mapping[str, str]) -> Element:
    """Schema violations have elements of their own, everything else has named values."""
    own = {"LineNumber", "LinePosition", "Violation"}
    shown = (t(name, text) if name in own else t("Value", text, Name=name) for name, text in values.items())
    return make("MessageXml", *shown)


def _tail(operation: str) -> list[Element]:
    last = {
        "SyncFolderItems": "IncludesLastItemInRange",
        "SyncFolderHierarchy": "IncludesLastFolderInRange",
    }
    return [m("SyncState"), m(last[operation], "true")] if operation in last else []


def _answer(status: int, *parts: Element) -> Answer:
    envelope = _element(f"{{{SOAP}}}Envelope", parts[:-1], {}, {"s": SOAP, "m": MESSAGES, "t": TYPES})
    envelope.append(_element(f"{{{SOAP}}}Body", parts[-1:], {}))
    body = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
    return Answer(status, body, {"Content-Type": "text/xml; charset=utf-8", "Cache-Control": "private"})


def _element(
    name: str,
    content: Iterable[Content],
    attributes: Mapping[str, str],
    prefixes: Mapping[str, str] | None = None,
) -> Element:
    made = etree.Element(name, dict(attributes), nsmap=dict(prefixes or {"t": TYPES, "m": MESSAGES}))
    for one in content:
        if isinstance(one, str):
            made.text = (made.text or "") + "".join(filter(_allowed, one))
        elif etree.iselement(one):
            made.append(one)
        elif one is not None:
            made.extend(list(one))
    return made


def _allowed(character: str) -> bool:
    """XML has no room for most control characters."""
    return character in "\t\n\r" or (character >= " " and character not in "\ufffe\uffff")
