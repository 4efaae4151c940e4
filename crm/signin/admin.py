"""What operators see of how people sign in. Registrations come from the environment and tokens are not kept,
so allauth's lists of both would only mislead; what a second factor is checked against is nobody's to see.
An address is given with its user, where all that it decides follows."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialApp, SocialToken
from django.contrib import admin
from django.http import HttpRequest

admin.site.unregister([EmailAddress, SocialApp, SocialToken, Authenticator])


@admin.register(Authenticator)
class AuthenticatorAdmin(admin.ModelAdmin):
    """To be deleted for whoever has lost his telephone."""

    list_display = fields = readonly_fields = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    list_select_related = ("user",)
    search_fields = ("user__email",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
