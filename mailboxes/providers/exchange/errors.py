"""What Exchange answers when it does not do as asked → an error named by what happens next.

The words are ours alone: what exchangelib puts into an error may be half an answer, with mail in it.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

import requests
from exchangelib import errors

from mailboxes.egress import connection_problem
from mailboxes.providers.base import AuthExpired, ProviderError, SetupWrong, TryLater
from mailboxes.providers.webapi import retry_after

ONLINE = (
    "This account is kept by Microsoft 365. Connect it with the Microsoft button; an Exchange account "
    "is for a company’s own Exchange server."
)
_ONLINE_HOSTS = (
    "outlook.com", "office.com", "office365.com", "office365.us", "outlook.cn", "onmicrosoft.com",
    "microsoftonline.com", "hotmail.com", "live.com",
)  # fmt: skip
_WRONG_PASSWORD = "The Exchange server does not accept this user name and password."  # noqa: S105 (no password)
_NOT_OFFERED = "The Exchange server does not offer this way of signing in ({auth}). Choose the other one."
# What requests_ntlm makes of it when it is asked to sign in by NTLM, does, and gets no answer to that.
_NO_CHALLENGE = "The Exchange server offers NTLM and does not go through with it. Choose Basic, if it may."
_ELSEWHERE = "The server answers, but not with Exchange Web Services. Check the address of the endpoint."
_UNCLEAR = "The answer of the Exchange server could not be read. It will be tried again."
_BUSY = "The Exchange server is busy. It will be tried again."
_NO_ACCESS = "The Exchange server does not let this user read the mailbox."
_MAY_NOT_ACT = (
    "This user may not act for others. An administrator of Exchange has to give it the role "
    "ApplicationImpersonation, for this mailbox at least."
)
_NO_MAILBOX = "The Exchange server has no mailbox of this address."
_NOT_PRIMARY = "This address is only another name of the mailbox. Use its primary address."

_TOO_BUSY = (
    errors.ErrorServerBusy, errors.ErrorTooManyObjectsOpened, errors.ErrorInternalServerTransientError,
    errors.ErrorTimeoutExpired, errors.ErrorConnectionFailed, errors.ErrorConnectionFailedTransientError,
    errors.ErrorExceededConnectionCount, errors.ErrorInsufficientResources, errors.ErrorADUnavailable,
    errors.ErrorMailboxMoveInProgress, errors.ErrorMailboxStoreUnavailable, errors.ErrorMailboxFailover,
    errors.ErrorBatchProcessingStopped, errors.RateLimitError,
)  # fmt: skip
_NOT_THERE = (
    errors.ErrorItemNotFound, errors.ErrorFolderNotFound, errors.ErrorSyncFolderNotFound,
    errors.ErrorInvalidIdMalformed,
)  # fmt: skip
_SIGNED_OUT = (
    errors.UnauthorizedError, errors.ErrorPasswordExpired, errors.ErrorPasswordChangeRequired,
    errors.ErrorAccountDisabled, errors.ErrorMailboxLogonFailed,
)  # fmt: skip
_IMPERSONATION = (
    errors.ErrorImpersonateUserDenied, errors.ErrorImpersonationDenied, errors.ErrorImpersonationFailed,
)  # fmt: skip


class StateOld(Exception):
    """The server does not know where we stopped: list the folder anew."""


class NotThere(Exception):
    """An item or a folder that is gone."""


class NoAccess(SetupWrong):
    """Where it is one of several folders, it is that folder's problem."""


class ServerProblem(TryLater):
    """Something the server cannot do with what it was asked for; with other things it may."""

    def __init__(self, code: str) -> None:
        super().__init__(f"The Exchange server reports a problem: {code}.")
        self.code = code


class Unclear(errors.ResponseMessageError):
    """One item of an answer, that nobody could read."""


def explain(error: Exception, host: str) -> Exception:
    """A ProviderError, StateOld or NotThere."""
    found = next((one for one in _causes(error) if isinstance(one, ProviderError)), None)
    if found:
        return found
    if isinstance(error, errors.ErrorInvalidSyncStateData):
        return StateOld()
    if isinstance(error, _NOT_THERE):
        return NotThere()
    return _of_the_account(error) or _of_the_server(error, host)


def _of_the_account(error: Exception) -> ProviderError | None:
    if isinstance(error, _SIGNED_OUT):
        return AuthExpired(_WRONG_PASSWORD)
    if isinstance(error, _IMPERSONATION):
        return SetupWrong(_MAY_NOT_ACT)
    if isinstance(error, errors.ErrorAccessDenied):
        return NoAccess(_NO_ACCESS)
    if isinstance(error, errors.ErrorNonExistentMailbox | errors.ErrorMissingEmailAddress):
        return SetupWrong(_NO_MAILBOX)
    if isinstance(error, errors.ErrorNonPrimarySmtpAddress):
        return SetupWrong(_NOT_PRIMARY)
    return None


def _of_the_server(error: Exception, host: str) -> ProviderError:
    if any(isinstance(one, PermissionError) for one in _causes(error)):
        return TryLater(_NO_CHALLENGE)
    if any(isinstance(one, requests.RequestException | OSError) for one in _causes(error)):
        return connection_problem(error, host)
    if isinstance(error, _TOO_BUSY):
        return TryLater(_BUSY, retry_after=getattr(error, "back_off", None) or None)
    if isinstance(error, errors.ResponseMessageError):
        return ServerProblem(type(error).__name__)
    return TryLater(_UNCLEAR)


def refusal(response: requests.Response, auth: str) -> ProviderError:
    """Of an answer that is no SOAP at all."""
    status = response.status_code or 0
    if status == requests.codes.unauthorized:
        return _unauthorised(response.headers.get("WWW-Authenticate", ""), auth)
    if is_online(_host_of(response.headers.get("Location", ""))):
        return SetupWrong(ONLINE)
    if status in (requests.codes.too_many_requests, requests.codes.service_unavailable):
        return TryLater(_BUSY, retry_after=retry_after(response.headers.get("Retry-After", "")))
    if status < 500:
        return TryLater(_ELSEWHERE)
    return TryLater(f"The Exchange server reports an error ({status}). It will be tried again.")


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def is_online(host: str) -> bool:
    """Whether a host is one of Microsoft's own, for which this protocol is switched off."""
    name = host.lower().rstrip(".")
    return any(name == one or name.endswith(f".{one}") for one in _ONLINE_HOSTS)


def offers(challenge: str, auth: str) -> bool:
    """Whether a WWW-Authenticate header offers a way of signing in; NTLM may hide in Negotiate."""
    said = challenge.lower()
    return "basic" in said if auth == "basic" else "ntlm" in said or "negotiate" in said


def _unauthorised(challenge: str, auth: str) -> ProviderError:
    if challenge and not offers(challenge, auth):
        return SetupWrong(_NOT_OFFERED.format(auth={"basic": "Basic", "ntlm": "NTLM"}[auth]))
    return AuthExpired(_WRONG_PASSWORD)


def _causes(error: BaseException | None) -> Iterable[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
