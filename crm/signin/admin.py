"""Registrations come from the environment and tokens are not kept, so allauth's lists of both would only
mislead operators."""

from allauth.socialaccount.models import SocialApp, SocialToken
from django.contrib import admin

admin.site.unregister([SocialApp, SocialToken])
