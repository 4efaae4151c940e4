"""That no call made while a page is drawn has memory mapped for it, however deep it stands."""

from resource import RUSAGE_SELF, getrusage

from django.http import HttpResponse
from django.test import RequestFactory

from crm.middleware import viewer_time

CALLS = 200


def test_nothing_that_a_page_calls_waits_for_memory() -> None:
    """Memory that is mapped anew is not there until it is touched, which the system counts."""
    faults = list[int]()

    def drawn(request: object) -> HttpResponse:
        faults.extend(_faults_of_calls(depth) for depth in range(300))
        return HttpResponse()

    viewer_time(drawn)(RequestFactory().get("/"))
    assert max(faults) < CALLS / 2


def _faults_of_calls(depth: int) -> int:
    if depth:
        return _faults_of_calls(depth - 1)
    before = getrusage(RUSAGE_SELF).ru_minflt
    for _ in range(CALLS):
        _nothing()
    return getrusage(RUSAGE_SELF).ru_minflt - before


def _nothing() -> None:
    pass
