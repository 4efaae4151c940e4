"""A workspace as large as they get and lived in: companies, people, three years of mail and meetings
between them and fifty members, and every stored answer. Written in a few statements."""

from datetime import datetime

from django.db import connection

from crm.models import Address, Company, Member, SavedView, User, Workspace
from crm.statements import execute, fetch
from intelligence.bench.deriving import record, refresh
from intelligence.bench.loading import loading
from intelligence.bench.postbag import Postbag
from intelligence.bench.shelf import COUNT, MEMBERS

EMPLOYEES, INTERACTIONS = 5, 10
LARGE_STAFF = 40

FIRST = """
    Ada Agnes Alban Amira Anouk Arthur Beatrix Bram Callum Carys Cedric Clara Dafydd Daria Edith Elias
    Elowen Emeka Esther Fergus Flora Gareth Greta Hamish Hanne Hazel Idris Imogen Iris Isaac Jasper Joan
    Jonas Kerensa Kirsten Lachlan Leonie Lorna Mabel Malik Marit Maud Morgan Nadia Nell Nina Olive Orla
    Oscar Petra Priya Quentin Ravi Rhona Robin Rowan Sanna Selma Silas Tamsin Thora Ursula Vera Viktor
    Wanda Wilf Yara Zoe
"""
LAST = """
    Abara Ainsworth Alder Barlow Beckett Birch Brandt Carew Chaudhry Colley Dahl Darrow Eklund Ellery
    Farrow Fenwick Garnett Glover Hallam Hawke Heron Ibsen Ingram Jarvis Keane Kestrel Lambert Larkin
    Lindqvist Marlowe Mercer Merrick Nakano Norris Oakes Okafor Orme Pascoe Penrose Quayle Radley Rahman
    Rook Rosen Sadler Sato Selby Soares Tanner Thorne Tilney Underhill Vance Varga Venn Wadley Webber
    Winslow Wray Yardley Zeller
"""
PLACES = """
    Alder Amber Anchor Arbour Beacon Birch Bramble Bridge Calder Canal Castle Cedar Chapel Cliff Copper
    Coral Cove Crane Dale Dune Elm Ember Fallow Fern Field Flint Ford Forge Garnet Glen Grove Harbour
    Haven Heath Heron Hollow Iron Ivory Juniper Kestrel Lake Lantern Larch Ledger Lime Linden Maple Marble
    Meadow Mill Moor Oak Orchard Osprey Pebble Pine Quarry Quay Raven Reed Ridge River Rowan Sable Shore
    Silver Slate Spring Stone
"""
TRADES = """
    Analytics Bakery Bearings Ceramics Chemicals Consulting Dairy Design Diagnostics Electric Energy
    Engineering Estates Fabrics Farms Films Foods Freight Glass Health Instruments Joinery Kitchens Labs
    Lighting Logistics Marine Media Motors Networks Optics Packaging Paper Press Printing Pumps Rail
    Robotics Roofing Seeds Security Shipping Software Solar Steel Studios Systems Tea Textiles Timber
    Tools Travel Water Works
"""
WORDS = {"first": FIRST, "last": LAST, "places": PLACES, "trades": TRADES}
WORD = "(%({words})s::text[])[1 + ({n}) %% cardinality(%({words})s::text[])]"


def word(words: str, n: str) -> str:
    return WORD.format(words=words, n=n)


COMPANIES = f"""
    INSERT INTO crm_company (workspace_id, name, name_key, named_by_hand, people_count, industry, location,
        description, created_at)
    SELECT %(workspace)s, name, lower(name), false, 0,
           CASE WHEN n %% 3 <> 0 THEN {word("trades", "n / 7")} ELSE '' END,
           CASE WHEN n %% 4 <> 0 THEN {word("places", "n / 11")} || ' Town' ELSE '' END, '',
           %(now)s - interval '1100 days'
    FROM (SELECT n, {word("places", "n * 31")} || ' ' || {word("trades", "n * 17 + n / 67")} AS name
          FROM generate_series(1, %(count)s) n) one ORDER BY n
"""
DOMAINS = """
    INSERT INTO crm_companydomain (workspace_id, company_id, domain)
    SELECT workspace_id, id, replace(name_key, ' ', '') || id || '.example' FROM crm_company
    WHERE workspace_id = %(workspace)s AND id %% 20 <> 0
"""
# One in ten works nowhere. Those numbered beyond the companies' own are the large company's.
PEOPLE = f"""
    INSERT INTO crm_person (workspace_id, company_id, name, name_key, named_by_hand, job_title, phone,
        location, created_at)
    SELECT %(workspace)s, c.id, name, lower(name), false,
           CASE WHEN n %% 3 <> 0 THEN 'Head of ' || {word("trades", "n / 5")} ELSE '' END,
           CASE WHEN n %% 5 = 0 THEN '+44 20 7946 ' || lpad((n %% 10000)::text, 4, '0') ELSE '' END,
           CASE WHEN n %% 4 = 0 THEN {word("places", "n / 13")} || ' Town' ELSE '' END,
           %(now)s - interval '1100 days'
    FROM (SELECT n, {word("first", "n * 29")} || ' ' || {word("last", "n * 13 + n / 61")} AS name
          FROM generate_series(1, %(count)s) n) one
    LEFT JOIN (SELECT id, row_number() OVER (ORDER BY id) AS place FROM crm_company
               WHERE workspace_id = %(workspace)s) c
      ON c.place = CASE WHEN one.n > %(own)s THEN 1 ELSE one.n %% %(companies)s + 1 END
      AND (one.n %% 10 <> 0 OR one.n > %(own)s)
    ORDER BY one.n
"""
ADDRESSES = """
    INSERT INTO crm_address (workspace_id, email, domain, kind, is_freemail, is_internal, is_contacted,
        person_id, display_name, display_name_rank)
    SELECT p.workspace_id, replace(p.name_key, ' ', '.') || p.id || '@' || coalesce(d.domain, 'post.example'),
           coalesce(d.domain, 'post.example'), 'human', d.domain IS NULL, false, true, p.id, p.name, 1
    FROM crm_person p LEFT JOIN crm_companydomain d ON d.company_id = p.company_id
    WHERE p.workspace_id = %(workspace)s AND p.id %% 20 <> 0
"""
MAILBOXES = """
    INSERT INTO mailboxes_mailbox (workspace_id, member_id, kind, address, identity, state, default_level,
        settings, credential, created_at)
    SELECT m.workspace_id, m.id, 'archive', u.email, '', 'active', 1 + m.id %% 3, '{}', '', now()
    FROM crm_member m JOIN crm_user u ON u.id = m.user_id WHERE m.workspace_id = %(workspace)s ORDER BY m.id
"""
OWN_ADDRESSES = """
    INSERT INTO mailboxes_mailboxaddress (workspace_id, mailbox_id, address_id)
    SELECT b.workspace_id, b.id, a.id FROM mailboxes_mailbox b JOIN crm_address a ON a.member_id = b.member_id
    WHERE b.workspace_id = %(workspace)s
"""

LOADED = (
    *("crm_company", "crm_companydomain", "crm_person", "crm_address"),
    *("mailboxes_thread", "mailboxes_emailmessage", "mailboxes_participant"),
    *("mailboxes_messagecopy", "mailboxes_messagecontent"),
    *("mailboxes_calendarsource", "mailboxes_calendarevent", "mailboxes_eventcopy", "mailboxes_attendee"),
)
VIEWS = (
    ("company", ["connection_strength:at_least:Good"]),
    ("company", ["last_email_interaction:more_than_days_ago:90", "connection_strength:at_least:Weak"]),
    ("company", ["strongest_connection:is:me"]),
    ("company", ["next_calendar_interaction:is_not_empty:"]),
    ("company", ["name:contains:harbour", "people:at_least:4"]),
    ("person", ["last_interaction:within_days:30"]),
    ("person", ["last_interaction:is_empty:"]),
)


class Library:
    """`large` is how many interactions one company has; the others have ten on average. One company in
    seven was never in touch."""

    def __init__(self, *, companies: int, large: int, now: datetime) -> None:
        self.now, self.companies = now, companies
        self.workspace = Workspace.objects.create(slug="library", name="Library")
        self.members = [self._member(number) for number in range(MEMBERS)]
        self.reader = self.members[0]
        with loading(*LOADED):
            self._records()
            self.large = Company.objects.filter(workspace=self.workspace).earliest("pk")
            self._mail(large)
        execute("ANALYZE")
        record(self.workspace.pk, now=now)
        refresh(self.workspace.pk, now=now)
        self._views()
        execute("ANALYZE" if connection.in_atomic_block else "VACUUM ANALYZE")

    def ordinary(self, kind: str, interactions: int) -> int:
        """The first record with about so many interactions."""
        rows = fetch(
            f"SELECT {kind}_id FROM intelligence_{kind}interaction WHERE workspace_id = %(workspace)s"
            f" GROUP BY 1 ORDER BY abs(count(*) - %(wanted)s), 1 LIMIT 1",
            workspace=self.workspace.pk,
            wanted=interactions,
        )
        return rows[0][0]

    def _member(self, number: int) -> Member:
        email = f"keeper{number}@library.example"
        user = User.objects.create_user(email, name=f"Keeper {number}")
        member = Member.objects.create(workspace=self.workspace, user=user)
        Address.objects.create(
            workspace=self.workspace,
            email=email,
            domain="library.example",
            kind="human",
            is_internal=True,
            member=member,
        )
        return member

    def _records(self) -> None:
        words = {name: words.split() for name, words in WORDS.items()}
        own = EMPLOYEES * self.companies
        self._run(COMPANIES, now=self.now, count=self.companies, **words)
        self._run(DOMAINS)
        self._run(PEOPLE, now=self.now, count=own + LARGE_STAFF, own=own, companies=self.companies, **words)
        self._run(ADDRESSES)
        self._run(COUNT)

    def _mail(self, large: int) -> None:
        self._run(MAILBOXES)
        self._run(OWN_ADDRESSES)
        bag = Postbag(self.workspace.pk, large_id=self.large.pk, now=self.now)
        bag.say_to_all(self.companies * INTERACTIONS)
        bag.say_to_large(large)
        bag.deliver()

    def _views(self) -> None:
        for number, (kind, filters) in enumerate(VIEWS):
            SavedView.objects.create(
                workspace=self.workspace,
                owner=self.reader,
                kind=kind,
                name=f"View {number}",
                sort="-last_interaction",
                filters=filters,
                columns=["last_interaction", "connection_strength"],
            )

    def _run(self, statement: str, **parameters: object) -> None:
        execute(statement, workspace=self.workspace.pk, **parameters)
