"""Texts of messages, several to a request."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import ClassVar

from mailboxes.providers.base import Fetched, Missing, QuotaReached, Refused, TryLater, Unreachable
from mailboxes.providers.webapi import Answer, BadRequest, NotThere, Request, TooLarge, WebApi, asks_to_wait


class BatchedTexts(ABC):
    """A batch that is too large comes in two halves, and a message that is too large by itself as its
    head. What is refused by itself is told as such; a pause that is asked for comes after all that the same
    answer holds."""

    part_missing: ClassVar[str]
    """For the owner, when an answer has less than was asked for."""
    _api: WebApi

    def _read(self, ids: Sequence[str], answer: Callable[[], Answer]) -> Iterator[Fetched]:
        """One batch; `answer` gives or raises what sending it came to."""
        try:
            parts = self._parts_of(answer(), len(ids))
        except TooLarge:
            yield from self._read_halves(ids)
            return
        waiting: Exception | None = None
        for one, part in zip(ids, parts, strict=True):
            try:
                yield self._fetched(one, part)
            except (TryLater, BadRequest) as error:
                if asks_to_wait(part, error):
                    waiting = error
                else:
                    yield Refused(one, str(error))
        if waiting:
            raise waiting

    def _read_halves(self, ids: Sequence[str]) -> Iterator[Fetched]:
        if len(ids) == 1:
            yield self._whole_or_head(ids[0])
            return
        middle = len(ids) // 2
        for half in (ids[:middle], ids[middle:]):
            self._spend(len(half))
            yield from self._read(half, partial(self._api.send, self._batch(half)))

    def _whole_or_head(self, provider_id: str) -> Fetched:
        self._spend(1)
        try:
            try:
                return self._fetched(provider_id, self._api.send(self._single(provider_id)))
            except TooLarge:
                return self._head(provider_id)
        except NotThere:
            return Missing(provider_id)
        except (QuotaReached, Unreachable):
            raise
        except (TryLater, BadRequest) as error:
            return Refused(provider_id, str(error))

    def _fetched(self, provider_id: str, answer: Answer | None) -> Fetched:
        if answer is None:
            raise TryLater(self.part_missing)
        if answer.status == 200:
            return self._message(provider_id, answer)
        problem = self._api.explain(answer)
        if isinstance(problem, NotThere):
            return Missing(provider_id)
        raise problem

    def _spend(self, messages: int) -> None:  # noqa: B027 (most providers do not count)
        """Called before so many are asked for once more. May raise QuotaReached."""

    @abstractmethod
    def _batch(self, ids: Sequence[str]) -> Request:
        """One request for the texts of all."""

    @abstractmethod
    def _parts_of(self, answer: Answer, count: int) -> Sequence[Answer | None]:
        """The answers in the answer to a batch, in its order; None where one is missing."""

    @abstractmethod
    def _single(self, provider_id: str) -> Request:
        """A request for one text, with the most that is read of it as its limit."""

    @abstractmethod
    def _message(self, provider_id: str, answer: Answer) -> Fetched:
        """What a good answer about one message says."""

    @abstractmethod
    def _head(self, provider_id: str) -> Fetched:
        """The headers of a message that is too large."""
