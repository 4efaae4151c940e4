"""Delta queries of Microsoft Graph: rounds of pages, opaque links that rotate, state that gets lost."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import unquote, urlencode

from tests.fakes.faults import Request, page_of
from tests.fakes.graph_api import Fields, GraphError, Parse, bad, normal, text

SKIP, DELTA = "$skiptoken", "$deltatoken"
TOKENS: dict[str, Parse] = {SKIP: text, DELTA: text}
Key = tuple[Any, ...]
_Row = TypeVar("_Row")


@dataclass
class Loss:
    """How lost state is answered: 410 with a Location, or a status and a code without."""

    status: int = 410
    code: str = "SyncStateNotFound"


@dataclass
class Source:
    """Something that changes. `version` counts up with every change; `epoch`, each time that state is lost."""

    version: int = 1
    epoch: int = 0
    loss: Loss = field(default_factory=Loss)

    def changed(self) -> int:
        self.version += 1
        return self.version

    def forget(self, *, status: int = 410, code: str = "SyncStateNotFound") -> None:
        self.epoch, self.loss = self.epoch + 1, Loss(status, code)


@dataclass(frozen=True)
class State:
    """What a link stands for: a round in progress or, without `after`, one to begin. `since` is None
    in the first round, `as_of` the version when the round began, `shown` how many rows it has had."""

    params: Fields
    epoch: int
    since: int | None = None
    after: Key | None = None
    as_of: int = 0
    shown: int = 0


@dataclass
class Links:
    """Tokens by the collection and the user that they were issued for. None is ever issued twice."""

    base: str = ""
    _issued: dict[str, tuple[tuple[str, str], str, State]] = field(default_factory=dict)

    def begin(self, request: Request, params: Fields, source: Source) -> State:
        """The state of the link that was followed, or the first of a new round."""
        tokens = [name for name in (SKIP, DELTA) if name in params]
        # An empty token is how the Location of a reset looks: it begins anew.
        if not tokens or (tokens == [DELTA] and not params[DELTA]):
            fresh = {name: value for name, value in params.items() if name not in TOKENS}
            return State(fresh, source.epoch, as_of=source.version)
        if len(params) > 1:
            raise bad("A link is followed as it is: its token has all the parameters.")
        state = self._open(request, params[tokens[0]], tokens[0])
        if state.epoch < source.epoch:
            raise self._lost(request, state, source.loss)
        begins = tokens == [DELTA]
        return State(state.params, state.epoch, state.since, None, source.version) if begins else state

    def page(
        self, request: Request, state: State, rows: Sequence[tuple[Key, _Row]], *, size: int, source: Source
    ) -> tuple[list[_Row], Fields]:
        """The next rows and the link after them. `rows` are in order of their keys."""
        rest = [row for row in rows if state.after is None or row[0] > state.after]
        shown, taken, more = page_of(request, rest, size)
        after = taken[-1][0] if taken else state.after or ()
        counted = state.shown + len(taken)
        if more:
            following = State(state.params, state.epoch, state.since, after, state.as_of, counted)
            return [row for _, row in shown], {"@odata.nextLink": self._link(request, SKIP, following)}
        # Nothing that changed meanwhile may be missed. In the first round, it comes again.
        since = state.as_of if state.since is None else source.version
        done = State(state.params, state.epoch, since)
        return [row for _, row in shown], {"@odata.deltaLink": self._link(request, DELTA, done)}

    def _link(self, request: Request, name: str, state: State) -> str:
        token = secrets.token_urlsafe(60)
        self._issued[token] = (_place(request), name, state)
        return f"{self.base}{request.path}?{name}={token}"

    def _open(self, request: Request, token: str, name: str) -> State:
        place, kind, state = self._issued.get(token, (("", ""), "", None))
        if state is None or place != _place(request) or kind != name:
            raise bad("Badly formed token.")
        return state

    def _lost(self, request: Request, state: State, loss: Loss) -> GraphError:
        again = urlencode(state.params | {DELTA: ""}, safe="$")
        gone = {"Location": f"{self.base}{request.path}?{again}"} if loss.status == 410 else {}
        message = "The sync state generation is not found; the delta token is expired."
        return GraphError(loss.status, message, loss.code, headers=gone)


def _place(request: Request) -> tuple[str, str]:
    return request.user, unquote(normal(request.path))
