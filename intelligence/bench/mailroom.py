"""A workspace whose members exchange mail with two companies, one large and one small, under mixed
shares, grants and requests; written in a few statements."""

from crm.models import Company, CompanyDomain, Member, Team, TeamMembership, User, Workspace
from crm.statements import execute, fetch

MEMBERS = 50
TEAMS = 5
RECORD_GRANTS, THREAD_GRANTS = 40_000, 50_000
PEOPLE_OF = {"large": 40, "small": 5}

MAILBOXES = """
    INSERT INTO mailboxes_mailbox
        (workspace_id, member_id, kind, address, identity, state, default_level, settings, credential,
         created_at)
    SELECT workspace_id, id, 'archive', 'box' || id, '', 'active', 1, '{}', '', now()
    FROM crm_member WHERE workspace_id = %(workspace)s ORDER BY id RETURNING id
"""
ADDRESSES = """
    INSERT INTO crm_address (workspace_id, email, domain, kind, is_freemail, is_internal, is_contacted,
        display_name, display_name_rank)
    SELECT %(workspace)s, 'p' || n || '@' || %(domain)s, %(domain)s, 'human', false, false, true,
           'Person ' || n, 1
    FROM generate_series(1, %(people)s) n
"""
THREADS = """
    INSERT INTO mailboxes_thread (workspace_id, key)
    SELECT %(workspace)s, decode(md5(%(domain)s || n), 'hex') FROM generate_series(1, %(threads)s) n
    RETURNING id
"""
MESSAGES = """
    INSERT INTO mailboxes_emailmessage
        (workspace_id, identity, thread_id, occurred_at, is_contact, recipients)
    SELECT %(workspace)s, decode(md5(%(domain)s || 'm' || n), 'hex'),
           (%(threads)s::bigint[])[1 + n %% array_length(%(threads)s::bigint[], 1)],
           now() - n * interval '30 minutes', true, 1
    FROM generate_series(1, %(messages)s) n
    RETURNING id
"""
PARTICIPANTS = """
    INSERT INTO mailboxes_participant
        (workspace_id, message_id, address_id, role, position, occurred_at, domain)
    SELECT m.workspace_id, m.id, a.address_id, a.role, 0, m.occurred_at,
           CASE WHEN a.role = 1 THEN %(domain)s ELSE '' END
    FROM mailboxes_emailmessage m
    CROSS JOIN LATERAL (
        SELECT (%(outside)s::bigint[])[1 + m.id %% array_length(%(outside)s::bigint[], 1)] AS address_id,
               1 AS role
        UNION ALL SELECT (%(inside)s::bigint[])[1 + m.id %% array_length(%(inside)s::bigint[], 1)], 3
    ) a
    WHERE m.id = ANY(%(ids)s)
"""
# Each message in one mailbox, one in four in a second.
COPIES = """
    INSERT INTO mailboxes_messagecopy (workspace_id, mailbox_id, message_id, provider_id, occurred_at,
        category, is_sent, subject, attachment_count, size, flags)
    SELECT m.workspace_id,
           (%(boxes)s::bigint[])[1 + (m.id + k * 7) %% array_length(%(boxes)s::bigint[], 1)], m.id,
           m.id::text, m.occurred_at, 'contact', false, 'Subject ' || m.id, 0, 4000, '[]'
    FROM mailboxes_emailmessage m CROSS JOIN generate_series(0, 1) k
    WHERE m.id = ANY(%(ids)s) AND (k = 0 OR m.id %% 4 = 0)
    ON CONFLICT DO NOTHING
"""
CONTENT = """
    INSERT INTO mailboxes_messagecontent (workspace_id, copy_id, text, html, headers, attachments, bcc)
    SELECT c.workspace_id, c.id, repeat('Thank you for the drawings. ', 70), '', '', '[]', '[]'
    FROM mailboxes_messagecopy c WHERE c.message_id = ANY(%(ids)s)
"""
# A third of the mailboxes show everything, a third the subject; some share with members or teams.
LEVELS = "UPDATE mailboxes_mailbox SET default_level = 1 + id %% 3 WHERE workspace_id = %(workspace)s"
SHARES = """
    INSERT INTO mailboxes_accessgrant
        (workspace_id, owner_id, mailbox_id, member_id, team_id, level, created_at)
    SELECT b.workspace_id, b.member_id, b.id, CASE WHEN b.id %% 2 = 0 THEN %(viewer)s END,
           CASE WHEN b.id %% 2 = 1 THEN %(team)s END, 2 + b.id %% 2, now()
    FROM mailboxes_mailbox b WHERE b.workspace_id = %(workspace)s AND b.id %% 5 = 0
      AND b.member_id <> %(viewer)s
"""
# Grants on other records and threads, which the indexes have to find a way past.
OTHER_COMPANIES = """
    INSERT INTO crm_company (workspace_id, name, name_key, named_by_hand, people_count, created_at)
    SELECT %(workspace)s, 'C' || n, 'c' || n, false, 0, now() FROM generate_series(1, %(count)s / 50) n
    RETURNING id
"""
RECORD_GRANT = """
    WITH given AS (
        INSERT INTO mailboxes_accessgrant (workspace_id, owner_id, company_id, member_id, level, created_at)
        SELECT %(workspace)s, o.id, c.id, CASE WHEN (o.id + c.id) %% 3 = 0 THEN %(viewer)s ELSE o.id END,
               2 + (o.id + c.id) %% 2, now()
        FROM unnest(%(companies)s::bigint[]) AS c(id), unnest(%(owners)s::bigint[]) AS o(id)
        ON CONFLICT DO NOTHING RETURNING id, company_id
    )
    INSERT INTO mailboxes_grantcoverage (workspace_id, grant_id, domain)
    SELECT %(workspace)s, given.id, coalesce(d.domain, 'company' || given.company_id || '.example')
    FROM given LEFT JOIN crm_companydomain d ON d.company_id = given.company_id
"""
THREAD_GRANT = """
    INSERT INTO mailboxes_accessgrant (workspace_id, owner_id, thread_id, member_id, level, created_at)
    SELECT t.workspace_id, (%(owners)s::bigint[])[1 + (t.id + k) %% %(count)s], t.id,
           (%(owners)s::bigint[])[1 + (t.id + 3 * k) %% %(count)s], 3, now()
    FROM mailboxes_thread t CROSS JOIN generate_series(1, %(each)s) k
    WHERE t.workspace_id = %(workspace)s
    ON CONFLICT DO NOTHING
"""


class Mailroom:
    """`holding`: how many of the members' mailboxes hold the large company's mail."""

    def __init__(self, *, messages: int, holding: int = MEMBERS) -> None:
        self.workspace = Workspace.objects.create(slug=f"mailroom-{messages}-{holding}", name="Mailroom")
        self.members = [self._member(number) for number in range(MEMBERS)]
        self.viewer = self.members[0]
        self.boxes = self._mailboxes()
        self.large = self._company("large", messages=messages, boxes=self.boxes[:holding])
        self.small = self._company("small", messages=messages // 100, boxes=self.boxes[:holding])
        self._grants()
        execute("ANALYZE")

    def _member(self, number: int) -> Member:
        email = f"clerk{number}@bench.example"
        user, _ = User.objects.get_or_create(email=email, defaults={"name": f"Clerk {number}"})
        return Member.objects.create(workspace=self.workspace, user=user)

    def _mailboxes(self) -> list[int]:
        return self._ids(MAILBOXES)

    def _company(self, name: str, *, messages: int, boxes: list[int]) -> Company:
        domain, workspace = f"{name}.example", self.workspace.pk
        company = Company.objects.create(workspace=self.workspace, name=name, name_key=name)
        CompanyDomain.objects.create(workspace=self.workspace, company=company, domain=domain)
        execute(ADDRESSES, workspace=workspace, domain=domain, people=PEOPLE_OF[name])
        execute(ADDRESSES, workspace=workspace, domain=f"in-{name}.example", people=MEMBERS)
        threads = self._ids(THREADS, domain=domain, threads=max(messages // 4, 1))
        ids = self._ids(MESSAGES, domain=domain, threads=threads, messages=messages)
        execute(
            PARTICIPANTS,
            domain=domain,
            ids=ids,
            outside=self._addresses(domain),
            inside=self._addresses(f"in-{name}.example"),
        )
        execute(COPIES, ids=ids, boxes=boxes)
        execute(CONTENT, ids=ids)
        return company

    def _addresses(self, domain: str) -> list[int]:
        return self._ids(
            "SELECT id FROM crm_address WHERE workspace_id = %(workspace)s AND domain = %(domain)s",
            domain=domain,
        )

    def _grants(self) -> None:
        workspace, owners = self.workspace.pk, [member.pk for member in self.members]
        teams = [Team.objects.create(workspace=self.workspace, name=f"Team {n}") for n in range(TEAMS)]
        TeamMembership.objects.create(workspace=self.workspace, team=teams[0], member=self.viewer)
        execute(LEVELS, workspace=workspace)
        execute(SHARES, workspace=workspace, viewer=self.viewer.pk, team=teams[0].pk)
        companies = self._ids(OTHER_COMPANIES, count=RECORD_GRANTS)
        companies += [self.large.pk, self.small.pk]
        execute(
            RECORD_GRANT, workspace=workspace, viewer=self.viewer.pk, companies=companies, owners=owners[1:]
        )
        threads = fetch("SELECT count(*) FROM mailboxes_thread WHERE workspace_id = %(w)s", w=workspace)[0][0]
        execute(
            THREAD_GRANT,
            workspace=workspace,
            owners=owners,
            count=len(owners),
            each=max(THREAD_GRANTS // threads, 1),
        )

    def _ids(self, statement: str, **parameters: object) -> list[int]:
        return [row[0] for row in fetch(statement, workspace=self.workspace.pk, **parameters)]
