from crm.models.address import Address, AddressKind, Tombstone
from crm.models.audit import AuditEvent
from crm.models.bulk_edit import BulkEdit
from crm.models.company import Company, CompanyDomain
from crm.models.deletion import Deletion
from crm.models.importing import ImportState, RecordImport, RefusedRow
from crm.models.invitation import Invitation
from crm.models.member import Member, Role, Team, TeamMembership
from crm.models.notification import Notification
from crm.models.person import Person
from crm.models.star import Star
from crm.models.user import User
from crm.models.view import SavedView
from crm.models.workspace import AccessLevel, InternalDomain, Workspace

__all__ = [
    "AccessLevel",
    "Address",
    "AddressKind",
    "AuditEvent",
    "BulkEdit",
    "Company",
    "CompanyDomain",
    "Deletion",
    "ImportState",
    "InternalDomain",
    "Invitation",
    "Member",
    "Notification",
    "Person",
    "RecordImport",
    "RefusedRow",
    "Role",
    "SavedView",
    "Star",
    "Team",
    "TeamMembership",
    "Tombstone",
    "User",
    "Workspace",
]
