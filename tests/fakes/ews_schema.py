"""What requests may look like: each element's children in their order, its attributes, its text.

Content models are written as regular expressions over the names of the children.
"""

import re
from dataclasses import dataclass, field

from lxml import etree

from tests.fakes.ews_fields import FIELD_URIS
from tests.fakes.ews_soap import MESSAGES, SOAP, TYPES, Element, Fault, local
from tests.fakes.faults import words

ANY = "any"
BOOLEAN = "true|false|1|0"
WHOLE = r"\d+"
MOMENT = r"-?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?"
FOLDER_IDS = "(FolderId|DistinguishedFolderId)"
COMPARED = "(FieldURI|ExtendedFieldURI|IndexedFieldURI) FieldURIOrConstant"
TEST = (
    "(And|Or|Not|Exists|IsEqualTo|IsNotEqualTo|IsGreaterThan|IsGreaterThanOrEqualTo|IsLessThan|"
    "IsLessThanOrEqualTo|Contains)"
)
VERSIONS = words(
    "Exchange2007 Exchange2007_SP1 Exchange2010 Exchange2010_SP1 Exchange2010_SP2 Exchange2013 "
    "Exchange2013_SP1 Exchange2015 Exchange2015_SP1 Exchange2016"
)
DISTINGUISHED = words(
    "adminauditlogs allcategorizeditems allcontacts allitems allpersonmetadata archivedeleteditems "
    "archiveinbox archivemsgfolderroot archiverecoverableitemsdeletions archiverecoverableitemspurges "
    "archiverecoverableitemsroot archiverecoverableitemsversions archiveroot calendar companycontacts "
    "conflicts contacts conversationhistory deleteditems directory dlppolicyevaluation drafts favorites "
    "fromfavoritesenders imcontactlist inbox inference journal junkemail localfailures msgfolderroot "
    "mycontacts notes onenotepagepreviews outbox peopleconnect publicfoldersroot qedcdefaultretention "
    "qedclongretention qedcmediumretention qedcshortretention quarantinedemail quickcontacts recipientcache "
    "peoplecentricconversationbuddies quarantinedemaildefaultcategory recoverableitemsdeletions "
    "recoverableitemspurges recoverableitemsroot recoverableitemssubstrateholds recoverableitemsversions "
    "relevantcontacts root searchfolders sentitems serverfailures sharepointnotifications shortnotes "
    "syncissues tasks temporarysaves todosearch usercuratedcontacts voicemail"
)


@dataclass(frozen=True)
class Model:
    """`required` and `optional` are attributes with what their values must match in full."""

    children: str = ""
    text: str = ""
    required: dict[str, str] = field(default_factory=dict)
    optional: dict[str, str] = field(default_factory=dict)


def _choice(names: frozenset[str]) -> str:
    return "|".join(map(re.escape, sorted(names)))


_ID = Model(required={"Id": ".+"}, optional={"ChangeKey": ".*"})
_COMPARISON = Model(COMPARED)
_SEVERAL = Model(f"{TEST}+")
MODELS = {
    # Operations
    "GetFolder": Model("FolderShape FolderIds"),
    "FindFolder": Model(
        "FolderShape IndexedPageFolderView? Restriction? ParentFolderIds",
        required={"Traversal": "Shallow|Deep|SoftDeleted"},
    ),
    "SyncFolderHierarchy": Model("FolderShape SyncFolderId? SyncState?"),
    "SyncFolderItems": Model("ItemShape SyncFolderId SyncState? Ignore? MaxChangesReturned SyncScope?"),
    "FindItem": Model(
        "ItemShape (IndexedPageItemView|CalendarView)? Restriction? SortOrder? ParentFolderIds QueryString?",
        required={"Traversal": "Shallow|SoftDeleted|Associated"},
    ),
    "GetItem": Model("ItemShape ItemIds"),
    "ResolveNames": Model(
        "ParentFolderIds? UnresolvedEntry",
        required={"ReturnFullContactData": BOOLEAN},
        optional={
            "SearchScope": "ActiveDirectory|ActiveDirectoryContacts|Contacts|ContactsActiveDirectory",
            "ContactDataShape": "IdOnly|Default|AllProperties",
        },
    ),
    "GetServerTimeZones": Model("Ids?", optional={"ReturnFullTimeZoneData": BOOLEAN}),
    # Shapes
    "FolderShape": Model("BaseShape AdditionalProperties?"),
    "ItemShape": Model(
        "BaseShape IncludeMimeContent? BodyType? FilterHtmlContent? ConvertHtmlCodePageToUTF8? "
        "AdditionalProperties?"
    ),
    "BaseShape": Model(text="IdOnly|Default|AllProperties"),
    "IncludeMimeContent": Model(text=BOOLEAN),
    "BodyType": Model(text="Best|HTML|Text"),
    "FilterHtmlContent": Model(text=BOOLEAN),
    "ConvertHtmlCodePageToUTF8": Model(text=BOOLEAN),
    "AdditionalProperties": Model("(FieldURI|ExtendedFieldURI|IndexedFieldURI)+"),
    "FieldURI": Model(required={"FieldURI": _choice(FIELD_URIS)}),
    "IndexedFieldURI": Model(required={"FieldURI": ".+", "FieldIndex": ".+"}),
    "ExtendedFieldURI": Model(
        required={"PropertyType": ".+"},
        optional=dict.fromkeys(words("PropertyTag PropertyName PropertySetId PropertyId"), ".+")
        | {"DistinguishedPropertySetId": ".+"},
    ),
    # Which ones
    "FolderIds": Model(f"{FOLDER_IDS}+"),
    "ParentFolderIds": Model(f"{FOLDER_IDS}+"),
    "SyncFolderId": Model(FOLDER_IDS),
    "FolderId": _ID,
    "DistinguishedFolderId": Model(
        "Mailbox?", required={"Id": _choice(DISTINGUISHED)}, optional={"ChangeKey": ".*"}
    ),
    "Mailbox": Model("Name? EmailAddress? RoutingType? MailboxType? ItemId?"),
    "EmailAddress": Model(text=".+"),
    "Name": Model(text=".*"),
    "RoutingType": Model(text=".*"),
    "MailboxType": Model(text="Unknown|OneOff|Mailbox|PublicDL|PrivateDL|Contact|PublicFolder"),
    "ItemIds": Model("(ItemId|OccurrenceItemId|RecurringMasterItemId)+"),
    "Ignore": Model("ItemId*"),
    "ItemId": _ID,
    "OccurrenceItemId": Model(
        required={"RecurringMasterId": ".+", "InstanceIndex": WHOLE}, optional={"ChangeKey": ".*"}
    ),
    "RecurringMasterItemId": Model(required={"OccurrenceId": ".+"}, optional={"ChangeKey": ".*"}),
    "UnresolvedEntry": Model(text=".+"),
    "Ids": Model("Id*"),
    "Id": Model(text=".+"),
    # How many
    "SyncState": Model(text=".*"),
    "MaxChangesReturned": Model(text="0*([1-9]|[1-9][0-9]|[1-4][0-9]{2}|50[0-9]|51[0-2])"),
    "SyncScope": Model(text="NormalItems|NormalAndAssociatedItems"),
    "IndexedPageItemView": Model(
        required={"Offset": WHOLE, "BasePoint": "Beginning|End"}, optional={"MaxEntriesReturned": "[1-9][0-9]*"}
    ),
    "IndexedPageFolderView": Model(
        required={"Offset": WHOLE, "BasePoint": "Beginning|End"}, optional={"MaxEntriesReturned": "[1-9][0-9]*"}
    ),
    "CalendarView": Model(
        required={"StartDate": MOMENT, "EndDate": MOMENT}, optional={"MaxEntriesReturned": "[1-9][0-9]*"}
    ),
    # Restrictions and order
    "Restriction": Model(TEST),
    "And": _SEVERAL,
    "Or": _SEVERAL,
    "Not": Model(TEST),
    "Exists": Model("(FieldURI|ExtendedFieldURI|IndexedFieldURI)"),
    **dict.fromkeys(
        words("IsEqualTo IsNotEqualTo IsGreaterThan IsGreaterThanOrEqualTo IsLessThan IsLessThanOrEqualTo"),
        _COMPARISON,
    ),
    "Contains": Model("FieldURI Constant", optional={"ContainmentMode": ".+", "ContainmentComparison": ".+"}),
    "FieldURIOrConstant": Model("(FieldURI|Constant)"),
    "Constant": Model(required={"Value": ".*"}),
    "SortOrder": Model("FieldOrder+"),
    "FieldOrder": Model("(FieldURI|ExtendedFieldURI)", required={"Order": "Ascending|Descending"}),
    "QueryString": Model(
        text=".*", optional=dict.fromkeys(["ResetCache", "ReturnHighlightTerms", "ReturnDeletedItems"], BOOLEAN)
    ),
    # Headers
    "RequestServerVersion": Model(required={"Version": ".*"}),
    "ExchangeImpersonation": Model("ConnectingSID"),
    "ConnectingSID": Model("(PrincipalName|SID|PrimarySmtpAddress|SmtpAddress)"),
    **dict.fromkeys(words("PrincipalName SID PrimarySmtpAddress SmtpAddress"), Model(text=".+")),
    "TimeZoneContext": Model("TimeZoneDefinition"),
    "TimeZoneDefinition": Model(ANY, required={"Id": ".+"}, optional={"Name": ".*"}),
    "MailboxCulture": Model(text=".+"),
    "DateTimePrecision": Model(text="Seconds|Milliseconds"),
}  # fmt: skip
OPERATIONS = words(
    "GetFolder FindFolder SyncFolderHierarchy SyncFolderItems FindItem GetItem ResolveNames GetServerTimeZones"
)
# These are of the messages, everything below them is of the types.
OF_MESSAGES = OPERATIONS | words(
    "FolderShape ItemShape FolderIds ParentFolderIds SyncFolderId ItemIds Ignore UnresolvedEntry Ids SyncState "
    "MaxChangesReturned SyncScope IndexedPageItemView IndexedPageFolderView CalendarView Restriction SortOrder "
    "QueryString"
)


def operation_of(envelope: Element) -> tuple[list[Element], Element]:
    """Headers and the operation of an envelope, all of them valid."""
    parts = {part.tag: list(part) for part in envelope}
    if envelope.tag != f"{{{SOAP}}}Envelope" or len(parts.get(f"{{{SOAP}}}Body", [])) != 1:
        raise Fault("ErrorInvalidRequest")
    headers, operation = parts.get(f"{{{SOAP}}}Header", []), parts[f"{{{SOAP}}}Body"][0]
    if local(operation) not in OPERATIONS:
        raise _violation(operation, f"The element '{local(operation)}' is not known here.")
    for element in [*headers, operation]:
        validate(element)
    return headers, operation


def validate(element: Element) -> None:
    model = MODELS.get(local(element))
    home = MESSAGES if local(element) in OF_MESSAGES else TYPES
    if model is None or etree.QName(element).namespace != home:
        raise _violation(element, f"The element '{element.tag}' has no place in the schema.")
    if model.children == ANY:
        return
    _check_attributes(element, model)
    if model.text and not re.fullmatch(model.text, element.text or "", re.DOTALL):
        raise _violation(element, f"The '{local(element)}' element is invalid - '{element.text}'.")
    names = "".join(f"{local(one)} " for one in element)
    if not re.fullmatch(_pattern(model.children), names):
        raise _violation(element, f"The element '{local(element)}' has invalid child elements: {names}")
    for one in element:
        validate(one)


def _check_attributes(element: Element, model: Model) -> None:
    for name in model.required.keys() - set(element.attrib):
        raise _violation(element, f"The required attribute '{name}' is missing.")
    known = model.required | model.optional
    for name, value in element.attrib.items():
        if name not in known or not re.fullmatch(known[name], value):
            raise _violation(element, f"The '{name}' attribute is invalid - The value '{value}' is invalid.")


def _pattern(children: str) -> str:
    """Each name with a blank behind it, so that none is taken for the beginning of another."""
    return re.sub(r"\w+", r"(?:\g<0>~)", children).replace(" ", "").replace("~", r"\s")


def _violation(element: Element, what: str) -> Fault:
    where = {"LineNumber": str(element.sourceline or 0), "LinePosition": "0", "Violation": what}
    return Fault("ErrorSchemaValidation", text=f"The request failed schema validation: {what}", values=where)
