"""The way out to an issuer, and the way back. What happens between is allauth's."""

from allauth.account.decorators import reauthentication_required
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from allauth.utils import get_request_param
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from crm.decorators import public
from crm.signin.conversation import IssuerAdapter
from crm.signin.issuers import issuer


@never_cache
@require_http_methods(["GET", "POST"])
@public
def begin(request: HttpRequest, issuer_id: str) -> HttpResponse:
    """GET asks first: otherwise a picture on somebody's page could sign a visitor in."""
    adapter = _adapter(request, issuer_id)
    process = get_request_param(request, "process", AuthProcess.LOGIN)
    if process not in (AuthProcess.LOGIN, AuthProcess.CONNECT):
        raise BadRequest("There is no such process.")
    leave = OAuth2LoginView.adapter_view(adapter)
    if process == AuthProcess.CONNECT:
        # Whoever finds a browser open must not make himself a key of his own.
        leave = reauthentication_required(leave, allow_get=True, app="allauth.socialaccount")
    return leave(request)


@never_cache
@require_safe
@sensitive_variables()
@public
def callback(request: HttpRequest, issuer_id: str) -> HttpResponse:
    return OAuth2CallbackView.adapter_view(_adapter(request, issuer_id))(request)


def _adapter(request: HttpRequest, issuer_id: str) -> IssuerAdapter:
    found = issuer(issuer_id)
    if found is None or not found.is_set_up:
        raise Http404
    return IssuerAdapter(request, found)
