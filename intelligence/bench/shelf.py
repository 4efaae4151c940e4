"""A workspace with many records and their stored answers, written in a few statements: what a
table reads, without the mail behind it."""

from datetime import datetime

from crm.models import Member, User, Workspace
from crm.statements import execute

MEMBERS = 50

RECORDS = """
    INSERT INTO crm_{name} (workspace_id, name, name_key, named_by_hand, created_at {columns})
    SELECT %(workspace)s, 'Record ' || n, 'record ' || lpad(n::text, 7, '0'), false, %(now)s {values}
    FROM generate_series(1, %(count)s) n
"""
DOMAINS = """
    INSERT INTO crm_companydomain (workspace_id, company_id, domain)
    SELECT workspace_id, id, 'c' || id || '.example' FROM crm_company
    WHERE workspace_id = %(workspace)s AND id %% 20 <> 0
"""
ADDRESSES = """
    INSERT INTO crm_address (workspace_id, email, domain, kind, is_freemail, is_internal, is_contacted,
        person_id, display_name, display_name_rank)
    SELECT workspace_id, 'p' || id || '@x.example', 'x.example', 'human', false, false, true, id, '', 0
    FROM crm_person WHERE workspace_id = %(workspace)s AND id %% 20 <> 0
"""
EMPLOY = """
    UPDATE crm_person p SET company_id = c.id
    FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM crm_company
          WHERE workspace_id = %(workspace)s) c
    WHERE p.workspace_id = %(workspace)s AND p.id %% %(companies)s + 1 = c.n AND p.id %% 10 <> 0
"""
COUNT = """
    UPDATE crm_company c SET people_count = n.people FROM (
        SELECT company_id, count(*) AS people FROM crm_person WHERE workspace_id = %(workspace)s GROUP BY 1) n
    WHERE n.company_id = c.id
"""
# One in seven was never in touch; one in eight has a meeting ahead. A strong tie is a recent one.
INSIGHTS = """
    INSERT INTO intelligence_{name}insight (workspace_id, {name}_id,
        first_email_at, first_email_member_id, last_email_at, last_email_member_id,
        first_calendar_at, first_calendar_member_id, first_calendar_all_day,
        last_calendar_at, last_calendar_member_id, last_calendar_all_day,
        next_calendar_at, next_calendar_member_id, next_calendar_all_day, score, strongest_id)
    SELECT r.workspace_id, r.id,
        %(now)s - old, m.id, %(now)s - recent, m.id,
        CASE WHEN r.id %% 3 = 0 THEN %(now)s - old END, CASE WHEN r.id %% 3 = 0 THEN m.id END, false,
        CASE WHEN r.id %% 3 = 0 THEN %(now)s - recent - interval '1 hour' END,
        CASE WHEN r.id %% 3 = 0 THEN m.id END, false,
        CASE WHEN r.id %% 8 = 0 THEN %(now)s + recent / 10 + interval '1 hour' END,
        CASE WHEN r.id %% 8 = 0 THEN m.id END, false,
        power(2::float8, (days - d) / 30) * (1 + luck * 9), m.id
    FROM crm_{name} r
    CROSS JOIN LATERAL (SELECT random() * 700 AS d, random() AS luck, r.id AS same) x
    CROSS JOIN LATERAL (SELECT d * interval '1 day' AS recent, (d + 100) * interval '1 day' AS old) y
    JOIN (SELECT id, row_number() OVER (ORDER BY id) AS n FROM crm_member
          WHERE workspace_id = %(workspace)s) m
      ON m.n = r.id %% %(members)s + 1
    CROSS JOIN (SELECT (%(now)s::date - DATE '2020-01-01')::float8 AS days) l
    WHERE r.workspace_id = %(workspace)s AND r.id %% 7 <> 0
"""
STRANGERS = """
    INSERT INTO intelligence_{name}insight (workspace_id, {name}_id)
    SELECT workspace_id, id FROM crm_{name} WHERE workspace_id = %(workspace)s AND id %% 7 = 0
"""


class Shelf:
    def __init__(self, *, companies: int, people: int, now: datetime) -> None:
        self.now = now
        self.workspace = Workspace.objects.create(slug="shelf", name="Shelf")
        self.members = [self._member(number) for number in range(MEMBERS)]
        self._write("company", companies, extra=(", people_count", ", 0"))
        self._write("person", people, extra=("", ""))
        self._run(DOMAINS)
        self._run(ADDRESSES)
        self._run(EMPLOY, companies=companies)
        self._run(COUNT)
        for name in ("company", "person"):
            self._run(INSIGHTS.format(name=name), members=MEMBERS, now=now)
            self._run(STRANGERS.format(name=name))
        execute("ANALYZE")

    def _member(self, number: int) -> Member:
        user = User.objects.create_user(f"reader{number}@bench.example", name=f"Reader {number}")
        return Member.objects.create(workspace=self.workspace, user=user)

    def _write(self, name: str, count: int, *, extra: tuple[str, str]) -> None:
        columns, values = extra
        self._run(RECORDS.format(name=name, columns=columns, values=values), count=count, now=self.now)

    def _run(self, statement: str, **parameters: object) -> None:
        execute(statement, workspace=self.workspace.pk, **parameters)
