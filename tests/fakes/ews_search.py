"""Finding things in a folder: restrictions, order, pages."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from operator import eq, ge, gt, le, lt, ne
from typing import Any, TypeVar

from tests.fakes.ews_soap import Element, child, local, m
from tests.fakes.faults import Request, page_of

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "IsEqualTo": eq,
    "IsNotEqualTo": ne,
    "IsGreaterThan": gt,
    "IsGreaterThanOrEqualTo": ge,
    "IsLessThan": lt,
    "IsLessThanOrEqualTo": le,
}
# More than this is never returned at once, whatever is asked for; with a restriction it is less.
MOST, MOST_RESTRICTED = 1000, 250
_Thing = TypeVar("_Thing")


class NotInThisFake(Exception):
    """Said aloud: a search that silently finds everything would hide a mistake."""


def meets(values: Mapping[str, Any], test: Element) -> bool:
    """Whether something with these values passes a test. What has no such value passes none."""
    name = local(test)
    if name == "And":
        return all(meets(values, one) for one in test)
    if name == "Or":
        return any(meets(values, one) for one in test)
    if name == "Not":
        return not meets(values, test[0])
    if name not in COMPARISONS or local(test[0]) != "FieldURI" or local(test[1][0]) != "Constant":
        raise NotInThisFake(f"The fake does not know the restriction {name}")
    value = values.get(str(test[0].get("FieldURI")))
    return value is not None and COMPARISONS[name](value, _like(value, str(test[1][0].get("Value"))))


def ordered(
    things: Sequence[_Thing], order: Element | None, values: Callable[[_Thing], Mapping[str, Any]]
) -> list[_Thing]:
    """The last criterion is applied first: sorting is stable."""
    found = list(things)
    for one in reversed([] if order is None else list(order)):
        path = str(one[0].get("FieldURI"))
        found.sort(
            key=lambda thing, path=path: _sortable(values(thing).get(path)),  # type: ignore[misc]
            reverse=one.get("Order") == "Descending",
        )
    return found


def page(
    asked: Element, request: Request, things: Sequence[_Thing], *, restricted: bool
) -> tuple[list[_Thing], dict[str, str]]:
    """What to show, and what the container says of it."""
    view = child(asked, "IndexedPageItemView")
    view = child(asked, "IndexedPageFolderView") if view is None else view
    most = MOST_RESTRICTED if restricted else MOST
    offset = 0 if view is None else int(view.get("Offset"))
    if view is not None and view.get("BasePoint") != "Beginning":
        raise NotInThisFake("The fake counts from the beginning")
    size = most if view is None else min(most, int(view.get("MaxEntriesReturned", most)))
    shown, taken, more = page_of(request, things[offset:], size)
    told = {"TotalItemsInView": str(len(things)), "IncludesLastItemInRange": "false" if more else "true"}
    return shown, {"IndexedPagingOffset": str(offset + len(taken))} | told


def root_folder(about: Mapping[str, str], things: Element) -> Element:
    return m("RootFolder", things, **about)


def moment(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _like(value: Any, constant: str) -> Any:
    if isinstance(value, bool):
        return constant.lower() in {"true", "1"}
    if isinstance(value, datetime):
        return moment(constant)
    if isinstance(value, int):
        return int(constant)
    if isinstance(value, str):
        return constant
    raise NotInThisFake("The fake compares text, numbers and moments")


def _sortable(value: Any) -> Any:
    if value is None or isinstance(value, str | int | datetime):
        return (value is not None, value)
    raise NotInThisFake("The fake sorts by text, numbers and moments")
