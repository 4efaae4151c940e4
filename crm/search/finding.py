"""Companies and people by their words, the best first, in one statement each, whatever their number.

Best is where all words begin some of the name, then of the addresses too, and of those what was in touch
last. Of a rare word an index names all there is, few enough to be sorted; a common one is found soon enough
among those lately in touch, newest first. So no more than a few thousand are ever looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from crm.records import COMPANY, PERSON, RecordType
from crm.search.words import Query
from crm.statements import fetch
from crm.tables.columns import columns_of, default_sort
from crm.tables.walking import IndexWalk, Step

# Of those lately in touch: looked at first, and further where as many as are `PROMISING` are found there or
# where an index names too many; and how many that is.
NEWEST, DEEP, PROMISING, FEW = 100, 600, 2, 500


@dataclass(frozen=True, slots=True)
class Kin:
    """What belongs to a record `r` and has words too: its `host`s in `table`, by `owner`; and what is
    said of it beside its name."""

    table: str
    owner: str
    host: str
    where: str
    detail: str


KIN = {
    COMPANY.name: Kin(
        "crm_companydomain",
        "company_id",
        "domain",
        "true",
        "(SELECT d.domain FROM crm_companydomain d WHERE d.company_id = r.id ORDER BY d.domain LIMIT 1)",
    ),
    PERSON.name: Kin(
        "crm_address",
        "person_id",
        "email",
        "k.person_id IS NOT NULL",
        """coalesce((SELECT c.name FROM crm_company c WHERE c.id = r.company_id),
            (SELECT a.email FROM crm_address a WHERE a.person_id = r.id ORDER BY a.email LIMIT 1))""",
    ),
}


@dataclass(frozen=True, slots=True)
class Found:
    pk: int
    name: str
    detail: str


def find_records(workspace_id: int, kind: RecordType, query: Query, *, most: int) -> list[Found]:
    """At most `most` of them. One statement."""
    if not query.words:
        return []
    statement = _find(kind.name, tuple(word.is_host for word in query.words), query.longest, most)
    rows = fetch(
        statement,
        workspace=workspace_id,
        **query.patterns("name", "host"),
    )
    return [Found(pk, name, detail or "") for pk, name, detail in rows]


def recall_records(workspace_id: int, kind: RecordType, ids: Sequence[int]) -> list[Found]:
    """Those of them that there are. One statement."""
    rows = fetch(_recall(kind.name), workspace=workspace_id, ids=list(ids))
    return [Found(pk, name, detail or "") for pk, name, detail in rows]


@cache
def _recall(kind: str) -> str:
    return f"""
        SELECT r.id, r.name, {KIN[kind].detail} FROM crm_{kind} r
        WHERE r.id = ANY(%(ids)s) AND r.workspace_id = %(workspace)s
    """


# From the best: all words begin some of the name; all begin some of the name or of a host; all are somewhere.
RANKS = ("named", "begun", "inside")


@cache
def _find(kind: str, are_hosts: tuple[bool, ...], longest: int, most: int) -> str:
    """Rank by rank, and no further than until enough are found."""
    walk, words = _walk(kind), _Words(kind, are_hosts, longest)
    return f"""
        WITH newest AS MATERIALIZED (
            SELECT n.id, t.rank FROM ({_lately(kind, NEWEST)}) n CROSS JOIN LATERAL (
                SELECT CASE WHEN {words.everywhere("named")} THEN 0
                            WHEN {words.everywhere("begun")} THEN 1 ELSE 2 END AS rank
                FROM crm_{kind} r WHERE r.id = n.id AND {words.everywhere("inside")} OFFSET 0) t
        ),
        {", ".join(_step(kind, words, rank, most) for rank in RANKS)},
        best AS MATERIALIZED (
            SELECT f.id, row_number() OVER (
                ORDER BY min(f.rank), max(k.key) {_order(kind)} NULLS LAST, f.id) AS n
            FROM ({_found(RANKS)}) f
            LEFT JOIN LATERAL (SELECT {walk.key} AS key FROM {walk.source} AND {walk.pk} = f.id) k ON true
            GROUP BY f.id ORDER BY n LIMIT {most}
        )
        SELECT r.id, r.name, {KIN[kind].detail} FROM best JOIN crm_{kind} r ON r.id = best.id ORDER BY best.n
    """


def _found(ranks: Sequence[str]) -> str:
    """So far."""
    sets = (
        f" UNION ALL SELECT id, {RANKS.index(rank)} FROM {rank}_{step}"
        for rank in ranks
        for step in ("far", "few", "mixed", "deep")
    )
    return f"SELECT id, rank FROM newest{''.join(sets)}"


def _step(kind: str, words: "_Words", rank: str, most: int) -> str:
    """Sets of ids: `far` where some of the newest promise enough soon; else the `few` the index names, and
    where those are too many a `deep` look all the same; `mixed` where words stand apart."""
    place = RANKS.index(rank)
    test = f"SELECT FROM crm_{kind} r WHERE r.id = n.id AND {words.everywhere(rank)} OFFSET 0"
    lately = f"SELECT n.id FROM ({_lately(kind, DEEP)}) n CROSS JOIN LATERAL ({test}) t"
    near = f"(SELECT count(*) FROM newest WHERE rank <= {place})"
    before = f"(SELECT count(DISTINCT id) FROM ({_found(RANKS[:place])}) f WHERE rank <= {place})"
    return f"""
        {rank}_far AS MATERIALIZED ({lately} WHERE {before} < {most} AND {near} >= {PROMISING} LIMIT {most}),
        {rank}_few AS MATERIALIZED (
            SELECT id FROM ({words.together(rank)}) i
            WHERE {before} < {most} AND (SELECT count(*) FROM {rank}_far) < {most}
        ),
        {rank}_apart AS MATERIALIZED (
            SELECT id FROM ({words.apart(rank)}) i WHERE {before} < {most}
              AND (SELECT count(*) FROM {rank}_far) < {most} AND (SELECT count(*) FROM {rank}_few) < {most}
        ),
        {rank}_mixed AS MATERIALIZED (SELECT n.id FROM {rank}_apart n CROSS JOIN LATERAL ({test}) t),
        {rank}_deep AS MATERIALIZED (
            {lately} WHERE (SELECT count(*) FROM {rank}_few) >= {FEW} AND {near} < {PROMISING} LIMIT {most}
        )
    """


def _walk(kind: str) -> IndexWalk:
    """What a table is sorted by where nobody has said otherwise."""
    walk = columns_of(kind)[default_sort(kind).lstrip("-")].walk
    assert isinstance(walk, IndexWalk)
    return walk


def _order(kind: str) -> str:
    return "DESC" if default_sort(kind).startswith("-") else "ASC"


def _lately(kind: str, depth: int) -> str:
    sql, _ = _walk(kind).page(Step(is_descending=_order(kind) == "DESC"))
    return f"SELECT id FROM ({sql.replace('%(limit)s', str(depth))}) both_parts LIMIT {depth}"


@dataclass(frozen=True, slots=True)
class _Words:
    """Conditions for the words of a query to be there as a rank wants them."""

    kind: str
    are_hosts: tuple[bool, ...]
    longest: int

    @property
    def kin(self) -> Kin:
        return KIN[self.kind]

    def everywhere(self, rank: str) -> str:
        """Of a record `r`."""
        return " AND ".join(self._somewhere(rank, at) for at in range(len(self.are_hosts)))

    def _somewhere(self, rank: str, at: int) -> str:
        name = self._name("r", rank, at)
        kin = f"SELECT FROM {self.kin.table} k WHERE k.{self.kin.owner} = r.id AND {self._host(rank, at)}"
        return name if rank == "named" else f"({name} OR EXISTS ({kin}))"

    def together(self, rank: str) -> str:
        """All words in the name, or in one host."""
        return self._indexed(rank, range(len(self.are_hosts)))

    def apart(self, rank: str) -> str:
        """The longest word, for want of a place that has them all."""
        is_one = len(self.are_hosts) == 1 or rank == "named"
        return "SELECT 0 AS id WHERE false" if is_one else self._indexed(rank, [self.longest])

    def _indexed(self, rank: str, places: Sequence[int]) -> str:
        names = " AND ".join(self._name("k", rank, at) for at in places)
        named = _read(f"crm_{self.kind}", "id", names)
        if rank == "named":
            return named
        hosts = " AND ".join(self._host(rank, at) for at in places)
        return f"{named} UNION {_read(self.kin.table, self.kin.owner, hosts, self.kin.where)}"

    def _name(self, row: str, rank: str, at: int) -> str:
        return f"{row}.name_words LIKE %({_how(rank)}_name_{at})s"

    def _host(self, rank: str, at: int) -> str:
        """`acme.co` is there too where the host without its last label ends in `acme`."""
        how = _how(rank)
        named = f"k.host_words LIKE %({how}_name_{at})s"
        if not self.are_hosts[at]:
            return named
        whole = f"crm_words(k.{self.kin.host}) LIKE %({how}_name_{at})s"
        return f"({named} OR (k.host_words LIKE %({how}_host_{at})s AND {whole}))"


def _how(rank: str) -> str:
    return "inside" if rank == "inside" else "begins"


def _read(table: str, pk: str, condition: str, where: str = "true") -> str:
    """A statement in WITH is planned for all its rows, so that it asks the index, and yet is read only
    as far as somebody asks."""
    return f"""(
        WITH named AS MATERIALIZED (
            SELECT k.{pk} AS id FROM {table} k
            WHERE k.workspace_id = %(workspace)s AND {where} AND {condition}
        )
        SELECT id FROM named LIMIT {FEW}
    )"""
