"""Addresses that let their finder in: of an invitation, of a new password, of an e-mail address to confirm;
also as the page to go on to after signing in. Nothing repeats them. Of any address, what follows its ? stays
out of logs: it is what somebody looked for, or what a provider lets us in with."""

import logging
import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

_LINK = re.compile(r"((?:invitations|reset/key|confirm-email)(?:/|%2F))[\w:%-]{16,}", re.IGNORECASE)

_QUERY = re.compile(r"\?[^\s\"]*")


class WithoutSecrets(logging.Filter):
    """No line of a log has such an address."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(self._hidden(one) for one in record.args)
        return True

    def _hidden(self, argument: object) -> object:
        return _LINK.sub(r"\1…", _QUERY.sub("", argument)) if isinstance(argument, str) else argument


def unspoken(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A page with such an address does not tell it to whatever is loaded by it: a proxy writes down where
    requests for a style sheet came from."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if _LINK.search(request.get_full_path()):
            # Rather than nothing at all: without an origin, forms could not be told from forged ones.
            response["Referrer-Policy"] = "strict-origin"
        return response

    return middleware


for _name in ("uvicorn.access", "django.server", "django.request", "django.security.csrf"):
    logging.getLogger(_name).addFilter(WithoutSecrets())
