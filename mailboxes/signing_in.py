"""Signing in asks issuers through the same door as the reading of mail."""

from functools import partial

import requests
from allauth.socialaccount import app_settings

from crm.signin import adapter
from mailboxes.accounts.opening import egress
from mailboxes.egress_requests import guarded_session


class SocialAdapter(adapter.SocialAdapter):
    def get_requests_session(self) -> requests.Session:
        session = guarded_session(egress())
        # Somebody sits and waits for the page.
        session.request = partial(session.request, timeout=app_settings.REQUESTS_TIMEOUT)  # type: ignore[method-assign]
        return session
