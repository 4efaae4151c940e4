"""The columns of what records know by themselves: names, domains, addresses, plain attributes."""

from django.utils.safestring import SafeString

from crm import cells, moments
from crm.naming import name_key
from crm.plain import PLAIN, PlainAttribute
from crm.records import COMPANY, PERSON, RecordType
from crm.tables.calculations import distinct, filled, total
from crm.tables.columns import FEWEST_OR_MOST, OLDEST_OR_NEWEST, Column, Look, Values, register
from crm.tables.filters import (
    NUMBER_OPERATORS,
    TEXT_OPERATORS,
    Asked,
    Condition,
    Filterable,
    Maker,
    Operator,
    number_condition,
    register_filter,
    related_condition,
    text_condition,
)
from crm.tables.times import PAST, earliest, latest, time_condition
from crm.tables.walking import IndexWalk, Walk

CREATED = "created"
OF_WORKSPACE = "w.workspace_id = %(workspace)s"

DOMAIN_WALK = IndexWalk(
    source=f"""crm_companydomain w WHERE {OF_WORKSPACE} AND NOT EXISTS (
        SELECT FROM crm_companydomain o WHERE o.company_id = w.company_id AND o.domain < w.domain)""",
    pk="w.company_id",
    key="w.domain",
    key_type="text",
    rest="""crm_company c WHERE c.workspace_id = %(workspace)s AND NOT EXISTS (
        SELECT FROM crm_companydomain o WHERE o.company_id = c.id)""",
    rest_pk="c.id",
)

ADDRESS_WALK = IndexWalk(
    source=f"""crm_address w WHERE {OF_WORKSPACE} AND w.person_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM crm_address o WHERE o.person_id = w.person_id AND o.email < w.email)""",
    pk="w.person_id",
    key="w.email",
    key_type="text",
    rest="""crm_person p WHERE p.workspace_id = %(workspace)s AND NOT EXISTS (
        SELECT FROM crm_address o WHERE o.person_id = p.id)""",
    rest_pk="p.id",
)

EMPLOYER_WALK = IndexWalk(
    source="""crm_company c JOIN crm_person w ON w.company_id = c.id
        WHERE c.workspace_id = %(workspace)s AND w.workspace_id = %(workspace)s""",
    pk="w.id",
    key="c.name_key",
    key_type="text",
    origin=(PERSON.table, "id"),
    rest="crm_person p WHERE p.workspace_id = %(workspace)s AND p.company_id IS NULL",
    rest_pk="p.id",
)

# What filters look through.
DOMAINS = "SELECT d.company_id FROM crm_companydomain d WHERE d.workspace_id = %(workspace)s"
ADDRESSES = """
    SELECT a.person_id FROM crm_address a WHERE a.workspace_id = %(workspace)s AND a.person_id IS NOT NULL
"""
EMPLOYERS = "SELECT c.id FROM crm_company c WHERE c.workspace_id = %(workspace)s"

HAS_DOMAIN = "EXISTS (SELECT FROM crm_companydomain d WHERE d.company_id = r.id)"
HAS_ADDRESS = "EXISTS (SELECT FROM crm_address a WHERE a.person_id = r.id)"


def _walk(kind: RecordType, key: str, key_type: str) -> Walk:
    source = f"{kind.table} w WHERE {OF_WORKSPACE}"
    origin = (kind.table, "id")
    return IndexWalk(source=source, pk="w.id", key=key, key_type=key_type, origin=origin, is_whole=True)


def _plain_walk(kind: RecordType, field: str) -> Walk:
    """Filled ones by an index that holds no others."""
    return IndexWalk(
        source=f"{kind.table} w WHERE {OF_WORKSPACE} AND w.{field} <> ''",
        pk="w.id",
        key=f"lower(w.{field})",
        key_type="text",
        origin=(kind.table, "id"),
        rest=f"{kind.table} p WHERE p.workspace_id = %(workspace)s AND p.{field} = ''",
        rest_pk="p.id",
    )


def _name_column(kind: RecordType, label: str, width: int) -> Column:
    return Column(
        name="name",
        label=label,
        icon="building" if kind is COMPANY else "user",
        width=width,
        walk=_walk(kind, "w.name_key", "text"),
        select=("r.name",),
        cell=lambda look, values: cells.text(values),
        is_editable=True,
    )


def _plain_column(kind: RecordType, one: PlainAttribute) -> Column:
    return Column(
        name=one.name,
        label=one.label,
        icon=one.icon,
        width=one.width,
        # A long text is nothing to sort by.
        walk=None if one.is_long else _plain_walk(kind, one.name),
        select=(f"r.{one.name}",),
        cell=lambda look, values: cells.text([values[0]] if values[0] else []),
        exports=(one.name,),
        export=lambda look, values: (values[0],),
        is_default=False,
        is_editable=True,
        calculations=filled(f"r.{one.name} <> ''"),
    )


def _created_column(kind: RecordType) -> Column:
    def cell(look: Look, values: Values) -> SafeString:
        return cells.instant(values[0], now=look.now)

    return Column(
        name=CREATED,
        label="Created",
        icon="clock",
        width=132,
        walk=_walk(kind, "w.created_at", "timestamptz"),
        select=("r.created_at",),
        cell=cell,
        orders=OLDEST_OR_NEWEST,
        is_newest_first=True,
        exports=(CREATED,),
        export=lambda look, values: (moments.machine(values[0]),),
        export_place=None,
        is_default=False,
        calculations=(latest("r.created_at"), earliest("r.created_at")),
    )


def _created_filter(kind: RecordType) -> Filterable:
    def condition(operator: Operator, values: tuple[str, ...], asked: Asked) -> Condition:
        return time_condition("f.created_at", operator, values[0], asked)

    return Filterable(CREATED, "Created", "clock", (kind.table, "id"), PAST, condition)


def _plain_filter(kind: RecordType, one: PlainAttribute) -> Filterable:
    return _filter(
        kind, one.name, one.label, one.icon, condition=text_condition(f"lower(f.{one.name})", str.lower)
    )


def _filter(
    kind: RecordType, name: str, label: str, icon: str, *, condition: Maker, is_of_row: bool = True
) -> Filterable:
    source = (kind.table, "id")
    return Filterable(name, label, icon, source, TEXT_OPERATORS, condition, is_of_row=is_of_row)


def _face(text: str) -> tuple[int, str]:
    """`17 Sofia Bianchi`: as one text, which the driver reads far faster than a pair."""
    pk, _, name = text.partition(" ")
    return int(pk), name


register(
    COMPANY.name,
    _name_column(COMPANY, "Company", 216),
    Column(
        name="domains",
        label="Domain",
        icon="globe",
        width=186,
        walk=DOMAIN_WALK,
        select=(
            "ARRAY(SELECT d.domain FROM crm_companydomain d WHERE d.company_id = r.id ORDER BY d.domain)",
        ),
        cell=lambda look, values: cells.text(values[0]),
        exports=("domains",),
        export=lambda look, values: (";".join(values[0]),),
        is_editable=True,
        calculations=filled(HAS_DOMAIN),
    ),
    Column(
        name="people",
        label="People",
        icon="users",
        width=106,
        walk=_walk(COMPANY, "w.people_count", "int"),
        select=(
            "ARRAY(SELECT p.id || ' ' || p.name FROM crm_person p"
            " WHERE p.company_id = r.id ORDER BY p.id LIMIT 3)",
            "r.people_count",
        ),
        orders=FEWEST_OR_MOST,
        is_newest_first=True,
        cell=lambda look, values: cells.faces([_face(text) for text in values[0]], values[1]),
        exports=("people",),
        export=lambda look, values: (str(values[1]),),
        export_place=None,
        calculations=total("r.people_count", "person", "people"),
    ),
    *(_plain_column(COMPANY, one) for one in PLAIN["company"]),
    _created_column(COMPANY),
    default_sort="name",
)

register_filter(
    COMPANY.name,
    _filter(
        COMPANY,
        "name",
        "Name",
        "building",
        condition=text_condition("f.name_key", name_key, words="f.name_words"),
    ),
    _filter(
        COMPANY,
        "domains",
        "Domain",
        "globe",
        condition=related_condition("f.id", DOMAINS, "d.domain"),
        is_of_row=False,
    ),
    Filterable(
        "people",
        "People",
        "users",
        (COMPANY.table, "id"),
        NUMBER_OPERATORS,
        number_condition("f.people_count"),
    ),
    *(_plain_filter(COMPANY, one) for one in PLAIN["company"]),
    _created_filter(COMPANY),
)

register(
    PERSON.name,
    _name_column(PERSON, "Person", 232),
    Column(
        name="email_addresses",
        label="Email addresses",
        icon="at",
        width=248,
        walk=ADDRESS_WALK,
        select=("ARRAY(SELECT a.email FROM crm_address a WHERE a.person_id = r.id ORDER BY a.email)",),
        cell=lambda look, values: cells.text(values[0]),
        exports=("email_addresses",),
        export=lambda look, values: (";".join(values[0]),),
        is_editable=True,
        calculations=filled(HAS_ADDRESS),
    ),
    Column(
        name="company",
        label="Company",
        icon="building",
        width=160,
        walk=EMPLOYER_WALK,
        select=("r.company_id", "(SELECT c.name FROM crm_company c WHERE c.id = r.company_id)"),
        cell=lambda look, values: (
            cells.link(COMPANY.url(look.slug, values[0]), values[1]) if values[0] else cells.EMPTY
        ),
        exports=("company",),
        export=lambda look, values: (values[1] or "",),
        is_editable=True,
        calculations=(
            *distinct("r.company_id", "company", "companies"),
            *filled("r.company_id IS NOT NULL"),
        ),
    ),
    *(_plain_column(PERSON, one) for one in PLAIN["person"]),
    _created_column(PERSON),
    default_sort="name",
)

register_filter(
    PERSON.name,
    _filter(
        PERSON,
        "name",
        "Name",
        "user",
        condition=text_condition("f.name_key", name_key, words="f.name_words"),
    ),
    _filter(
        PERSON,
        "email_addresses",
        "Email address",
        "at",
        condition=related_condition("f.id", ADDRESSES, "a.email"),
        is_of_row=False,
    ),
    _filter(
        PERSON,
        "company",
        "Company",
        "building",
        condition=related_condition("f.company_id", EMPLOYERS, "c.name_key", name_key, words="c.name_words"),
        is_of_row=False,
    ),
    *(_plain_filter(PERSON, one) for one in PLAIN["person"]),
    _created_filter(PERSON),
)
