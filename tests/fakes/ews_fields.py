"""The properties of folders and items: their names, their order, and which a shape asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from tests.fakes.ews_soap import Content, Element, child, local, t, text_of
from tests.fakes.faults import words


def _paths(kind: str, names: str) -> tuple[str, ...]:
    return tuple(f"{kind}:{name}" for name in names.split())


# In the order in which they come.
FOLDER = _paths(
    "folder",
    "FolderId ParentFolderId FolderClass DisplayName TotalCount ChildFolderCount EffectiveRights "
    "DistinguishedFolderId UnreadCount",
)
ITEM = _paths(
    "item",
    "MimeContent ItemId ParentFolderId ItemClass Subject Sensitivity Body Attachments DateTimeReceived Size "
    "Categories Importance InReplyTo IsSubmitted IsDraft IsFromMe IsResend IsUnmodified InternetMessageHeaders "
    "DateTimeSent DateTimeCreated DisplayCc DisplayTo HasAttachments LastModifiedName LastModifiedTime "
    "IsAssociated ConversationId TextBody",
)
MESSAGE = ITEM + _paths(
    "message",
    "Sender ToRecipients CcRecipients BccRecipients ConversationTopic From InternetMessageId IsRead References "
    "ReplyTo",
)
CALENDAR_ITEM = ITEM + _paths(
    "calendar",
    "UID RecurrenceId DateTimeStamp Start End OriginalStart IsAllDayEvent LegacyFreeBusyStatus Location "
    "IsMeeting IsCancelled IsRecurring MeetingRequestWasSent IsResponseRequested CalendarItemType "
    "MyResponseType Organizer RequiredAttendees OptionalAttendees Resources Duration TimeZone "
    "AppointmentSequenceNumber AppointmentState Recurrence FirstOccurrence LastOccurrence ModifiedOccurrences "
    "DeletedOccurrences StartTimeZone EndTimeZone StartTimeZoneId EndTimeZoneId IsOrganizer",
)
_MEETING_MESSAGE = words("MeetingRequest MeetingResponse MeetingCancellation")
DEFAULT = {
    "Message": {"item:ItemId", "item:Subject", "item:Sensitivity", "item:Body", "item:Size"}
    | {
        "item:DateTimeSent",
        "item:DateTimeCreated",
        "item:HasAttachments",
        "item:IsAssociated",
        "message:From",
    },
    "CalendarItem": {"item:ItemId", "item:Subject", "item:HasAttachments", "item:IsAssociated"}
    | {"calendar:Start", "calendar:End", "calendar:LegacyFreeBusyStatus", "calendar:Location"}
    | {"calendar:CalendarItemType", "calendar:Organizer"},
    "Folder": {"folder:FolderId", "folder:DisplayName", "folder:TotalCount", "folder:ChildFolderCount"}
    | {"folder:UnreadCount"},
}
# “All” means those that clients use most.
NOT_AMONG_ALL = words("item:MimeContent item:TextBody calendar:StartTimeZoneId calendar:EndTimeZoneId")
# Only GetItem knows these. A listing leaves them out, whoever asks.
ONLY_ITEM_BY_ITEM = words(
    "item:MimeContent item:Body item:TextBody item:Attachments item:InternetMessageHeaders message:ToRecipients "
    "message:CcRecipients message:BccRecipients message:ReplyTo calendar:RequiredAttendees "
    "calendar:OptionalAttendees calendar:Resources calendar:AppointmentSequenceNumber calendar:Recurrence "
    "calendar:FirstOccurrence calendar:LastOccurrence calendar:ModifiedOccurrences calendar:DeletedOccurrences"
)
_OTHERS = (
    *_paths("folder", "SearchParameters ManagedFolderInformation PermissionSet SharingEffectiveRights"),
    *_paths("folder", "PolicyTag ArchiveTag"),
    *_paths(
        "item",
        "ResponseObjects ReminderDueBy ReminderIsSet ReminderNextTime ReminderMinutesBeforeStart Culture "
        "EffectiveRights UniqueBody Flag StoreEntryId InstanceKey NormalizedBody EntityExtractionResult PolicyTag "
        "ArchiveTag RetentionDate Preview NextPredictedAction GroupingAction PredictedActionReasons IsClutter "
        "RightsManagementLicenseData BlockStatus HasBlockedImages WebClientReadFormQueryString "
        "WebClientEditFormQueryString IconIndex",
    ),
    *_paths(
        "message",
        "ConversationIndex IsResponseRequested IsReadReceiptRequested IsDeliveryReceiptRequested ReceivedBy "
        "ReceivedRepresenting ApprovalRequestData VotingInformation ReminderMessageData",
    ),
    *_paths(
        "meeting",
        "AssociatedCalendarItemId IsDelegated IsOutOfDate HasBeenProcessed ResponseType ProposedStart ProposedEnd",
    ),
    *_paths("meetingRequest", "MeetingRequestType IntendedFreeBusyStatus ChangeHighlights"),
    *_paths(
        "calendar",
        "StartWallClock EndWallClock EnhancedLocation When ConflictingMeetingCount AdjacentMeetingCount "
        "ConflictingMeetings AdjacentMeetings AppointmentReplyTime MeetingTimeZone ConferenceType "
        "AllowNewTimeProposal IsOnlineMeeting MeetingWorkspaceUrl NetShowUrl JoinOnlineMeetingUrl "
        "OnlineMeetingSettings",
    ),
    *_paths(
        "task",
        "ActualWork AssignedTime BillingInformation ChangeCount Companies CompleteDate Contacts DelegationState "
        "Delegator DueDate IsAssignmentEditable IsComplete IsRecurring IsTeamTask Mileage Owner PercentComplete "
        "Recurrence StartDate Status StatusDescription TotalWork",
    ),
    *_paths(
        "contacts",
        "Alias AssistantName Birthday BusinessHomePage Children Companies CompanyName CompleteName ContactSource "
        "Culture Department DisplayName DirectoryId DirectReports EmailAddresses FileAs FileAsMapping Generation "
        "GivenName ImAddresses Initials JobTitle Manager ManagerMailbox MiddleName Mileage MSExchangeCertificate "
        "Nickname Notes OfficeLocation PhoneNumbers PhoneticFullName PhoneticFirstName PhoneticLastName Photo "
        "PhysicalAddresses PostalAddressIndex Profession SpouseName Surname WeddingAnniversary "
        "UserSMIMECertificate HasPicture",
    ),
    "distributionlist:Members",
    "postitem:PostedTime",
)
# Every name the schema has. Those that nothing here has a value for may be asked for all the same.
FIELD_URIS = frozenset((*FOLDER, *MESSAGE, *CALENDAR_ITEM, *_OTHERS))


@dataclass(frozen=True)
class Shape:
    base: str = "IdOnly"
    paths: frozenset[str] = frozenset()
    body_type: str = "Best"

    @classmethod
    def read(cls, element: Element) -> "Shape":
        more = child(element, "AdditionalProperties")
        fields = [] if more is None else [one for one in more if local(one) == "FieldURI"]
        paths = {str(one.get("FieldURI")) for one in fields}
        if text_of(element, "IncludeMimeContent") in {"true", "1"}:
            paths.add("item:MimeContent")
        return cls(text_of(element, "BaseShape"), frozenset(paths), text_of(element, "BodyType") or "Best")

    def asks(self, path: str, kind: str) -> bool:
        if path in self.paths or path in {"item:ItemId", "folder:FolderId"}:
            return True
        if self.base == "AllProperties":
            return path not in NOT_AMONG_ALL
        return self.base == "Default" and path in DEFAULT[kind]


@dataclass(frozen=True)
class Look:
    """How a reader sees things: which properties, in whose time, and whether in a listing."""

    shape: Shape = field(default_factory=Shape)
    zone: tzinfo = UTC
    listing: bool = False

    def moment(self, at: datetime) -> str:
        local_time = at.astimezone(self.zone).isoformat(timespec="seconds")
        return local_time.replace("+00:00", "Z") if self.zone is UTC else local_time

    def day(self, at: datetime) -> str:
        """Days have a zone too, of all things."""
        offset = at.isoformat()[-6:]
        return f"{at.date()}{'Z' if offset == '+00:00' else offset}"


def shown(name: str, values: Mapping[str, Any], look: Look) -> Element:
    """The element of a folder or an item with what was asked for, as far as there is any of it."""
    kind, order = _family(name)
    hidden = ONLY_ITEM_BY_ITEM if look.listing else frozenset()
    wanted = (path for path in order if look.shape.asks(path, kind) and path not in hidden)
    return t(name, *(_rendered(path, values[path], look) for path in wanted if values.get(path) is not None))


def _family(name: str) -> tuple[str, tuple[str, ...]]:
    if name.endswith("Folder"):
        return "Folder", FOLDER
    if name == "Message" or name in _MEETING_MESSAGE:
        return "Message", MESSAGE
    return name, CALENDAR_ITEM


def _rendered(path: str, value: Any, look: Look) -> Content:
    name = path.partition(":")[2]
    if isinstance(value, bool):
        return t(name, "true" if value else "false")
    if isinstance(value, datetime):
        return t(name, look.moment(value))
    return t(name, str(value)) if isinstance(value, str | int) else value
