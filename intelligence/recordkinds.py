"""The two kinds of record and the tables their intelligence lives in.

Statements are written once and filled in with these names, which are constants of this module and
never a user's.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RecordKind:
    name: str
    # (record_id, address_id): whose address is whose, for the records in %(records)s.
    owned_addresses: str
    # (record_id) of the address `a`.
    owners_of_address: str
    names: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        names = {"record": f"{self.name}_id", "records": f"crm_{self.name}"}
        for table in ("interaction", "day", "connection", "insight"):
            names[table] = f"intelligence_{self.name}{table}"
        names["owned_addresses"] = self.owned_addresses
        names["owners_of_address"] = self.owners_of_address
        object.__setattr__(self, "names", names)

    def sql(self, statement: str) -> str:
        """Put this kind's names into a statement's {braces}."""
        return statement.format(**self.names)


PERSON = RecordKind(
    "person",
    owned_addresses="""
        SELECT a.person_id AS record_id, a.id AS address_id
        FROM crm_address a WHERE a.person_id = ANY(%(records)s)
    """,
    owners_of_address="SELECT a.person_id AS record_id WHERE a.person_id IS NOT NULL",
)

# A company's are all addresses at its domains and all of its people's: somebody who changes job
# takes his history along, and his old company keeps it too.
COMPANY = RecordKind(
    "company",
    owned_addresses="""
        SELECT d.company_id AS record_id, a.id AS address_id
        FROM crm_companydomain d
        JOIN crm_address a ON a.workspace_id = d.workspace_id AND a.domain = d.domain
        WHERE d.company_id = ANY(%(records)s)
        UNION
        SELECT p.company_id, a.id
        FROM crm_person p JOIN crm_address a ON a.person_id = p.id
        WHERE p.company_id = ANY(%(records)s)
    """,
    owners_of_address="""
        SELECT d.company_id AS record_id FROM crm_companydomain d
        WHERE d.workspace_id = a.workspace_id AND d.domain = a.domain
        UNION
        SELECT p.company_id FROM crm_person p WHERE p.id = a.person_id AND p.company_id IS NOT NULL
    """,
)

RECORD_KINDS = (COMPANY, PERSON)


def kind_named(name: str) -> RecordKind:
    return next(kind for kind in RECORD_KINDS if kind.name == name)
