"""The conversation with an issuer, as allauth has it."""

from typing import Any

from allauth.socialaccount.models import SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2Adapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from crm.signin import claims
from crm.signin.claims import NotSaid
from crm.signin.issuers import Issuer


class IssuerAdapter(OAuth2Adapter):
    def __init__(self, request: HttpRequest, issuer: Issuer) -> None:
        super().__init__(request)
        self.issuer = issuer
        self.provider_id = issuer.id
        self.authorize_url, self.access_token_url = issuer.authorize_url, issuer.token_url

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        """As it is registered with the issuer: where people reach the site, whatever this request says."""
        return settings.PUBLIC_URL.rstrip("/") + reverse("issuer_callback", args=[self.issuer.id])

    def get_access_token_data(
        self, request: HttpRequest, app: Any, client: Any, pkce_code_verifier: str | None = None
    ) -> dict[str, Any]:
        try:
            return super().get_access_token_data(request, app, client, pkce_code_verifier)
        except (KeyError, TypeError, ValueError) as error:
            raise OAuth2Error("This is not the answer of a token endpoint.") from error

    def parse_token(self, data: dict[str, Any]) -> SocialToken:
        """We ask nothing with it, so it is dropped before it could be kept in a session."""
        return SocialToken()

    def complete_login(
        self, request: HttpRequest, app: Any, token: SocialToken, **kwargs: Any
    ) -> SocialLogin:
        try:
            said = claims.read(kwargs["response"].get("id_token"), self.issuer)
        except NotSaid as error:
            raise OAuth2Error(str(error)) from error
        return self.get_provider().sociallogin_from_response(request, said)
