"""Who people can sign in with."""

from typing import Any

from allauth.socialaccount.adapter import get_adapter
from django import template

from crm.signin.provider import IssuerProvider

register = template.Library()


@register.simple_tag(takes_context=True)
def sign_in_providers(context: Any, *, only_vouching: bool = False) -> list[IssuerProvider]:
    """Those that are set up; or only those that can say whose an address is."""
    found: list[IssuerProvider] = get_adapter().list_providers(context.get("request"))
    return [one for one in found if one.vouches or not only_vouching]
