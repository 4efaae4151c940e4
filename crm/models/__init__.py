from crm.models.address import Address, AddressKind, Tombstone
from crm.models.company import Company, CompanyDomain
from crm.models.member import Member, Role, Team, TeamMembership
from crm.models.person import Person
from crm.models.user import User
from crm.models.workspace import AccessLevel, InternalDomain, Workspace

__all__ = [
    "AccessLevel",
    "Address",
    "AddressKind",
    "Company",
    "CompanyDomain",
    "InternalDomain",
    "Member",
    "Person",
    "Role",
    "Team",
    "TeamMembership",
    "Tombstone",
    "User",
    "Workspace",
]
