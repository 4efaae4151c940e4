"""Every issuer as a provider of allauth, which looks for them in a module of this name."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.providers.base import ProviderAccount
from allauth.socialaccount.providers.oauth2.provider import OAuth2Provider
from django.http import HttpRequest
from django.urls import reverse

from crm.signin.claims import Claims
from crm.signin.conversation import IssuerAdapter
from crm.signin.issuers import issuer


class IssuerProvider(OAuth2Provider):
    """One class for all: which of them it is says the application, by its `provider_id`."""

    id = "issuer"
    name = "Issuer"
    account_class = ProviderAccount
    oauth2_adapter_class = IssuerAdapter

    def __init__(self, request: HttpRequest, app: Any = None) -> None:
        super().__init__(request, app=app)
        self.name = app.name

    @property
    def vouches(self) -> bool:
        found = issuer(self.sub_id)
        return bool(found and found.vouches)

    def get_oauth2_adapter(self, request: HttpRequest) -> IssuerAdapter:
        found = issuer(self.sub_id)
        assert found
        return IssuerAdapter(request, found)

    def get_login_url(self, request: HttpRequest, **kwargs: Any) -> str:
        return reverse("issuer_login", args=[self.sub_id])

    def get_callback_url(self) -> str:
        return reverse("issuer_callback", args=[self.sub_id])

    # allauth would let a link decide about these two.

    def get_scope_from_request(self, request: HttpRequest) -> list[str]:
        return self.get_scope()

    def get_auth_params_from_request(self, request: HttpRequest, action: str) -> dict[str, str]:
        return self.get_auth_params()

    def extract_uid(self, data: Claims) -> str:
        return data.subject

    def extract_extra_data(self, data: Claims) -> dict[str, str]:
        return {"email": data.email, "name": data.name}

    def extract_common_fields(self, data: Claims) -> dict[str, str]:
        return {"email": data.email, "name": data.name}

    def extract_email_addresses(self, data: Claims) -> list[EmailAddress]:
        if not data.email:
            return []
        return [EmailAddress(email=data.email, verified=data.is_verified, primary=True)]


provider_classes = [IssuerProvider]
