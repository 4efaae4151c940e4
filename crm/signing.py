"""Links that let somebody in once. Without e-mail an operator hands them over."""

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.http import HttpRequest
from django.urls import reverse

from crm.models import User


def password_link(request: HttpRequest, user: User) -> str:
    """Where this user can set a new password; it works once, and for as long as Django says."""
    key = {"uidb36": user_pk_to_url_str(user), "key": default_token_generator.make_token(user)}
    path = reverse("account_reset_password_from_key", kwargs=key)
    return request.build_absolute_uri(path)
