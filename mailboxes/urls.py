from django.urls import path

from mailboxes.views import (
    access,
    access_requests,
    accounts,
    blocklist,
    connecting,
    consent,
    emails,
    events,
    exchange,
    progress,
    workspace_settings,
)

app_name = "mailboxes"

# /<slug>/
urlpatterns = [path("progress/", progress.progress, name="progress")]

# /<slug>/events/
urlpatterns += [path("events/<int:pk>/", events.event, name="event")]

# /<slug>/companies/<id>/emails/ and /<slug>/people/<id>/emails/
urlpatterns += [
    path("<plural:plural>/<int:pk>/emails/", emails.record_emails, name="record_emails"),
    path("<plural:plural>/<int:pk>/emails/counts/", emails.thread_counts, name="thread_counts"),
]

# /<slug>/emails/
urlpatterns += [
    path("emails/<int:pk>/", emails.thread, name="thread"),
    path("emails/<int:pk>/row/", emails.thread_row, name="thread_row"),
    path("emails/<int:pk>/access-requests/new/", access_requests.new_request, name="new_request"),
    path("emails/<int:pk>/access-requests/", access_requests.requests, name="requests"),
]

# /<slug>/messages/
urlpatterns += [
    path("messages/<int:pk>/", emails.message, name="message"),
    path("messages/<int:pk>/body/", emails.message_body, name="message_body"),
]

# /<slug>/access-requests/
urlpatterns += [
    path("access-requests/<int:pk>/approval/", access_requests.approval, name="approval"),
    path("access-requests/<int:pk>/refusal/", access_requests.refusal, name="refusal"),
    path("access-requests/<int:pk>/cancellation/", access_requests.cancellation, name="cancellation"),
]

# …/access/
urlpatterns += [
    path("<plural:plural>/<int:pk>/access/", access.record_access, name="record_access"),
    path("<plural:plural>/<int:pk>/access/draft/", access.record_draft, name="record_draft"),
    path("<plural:plural>/<int:pk>/access/coverage/", access.coverage, name="coverage"),
    path("emails/<int:pk>/access/", access.thread_access, name="thread_access"),
    path("emails/<int:pk>/access/draft/", access.thread_draft, name="thread_draft"),
]

# /<slug>/settings/
urlpatterns += [
    path("settings/", accounts.settings_home, name="settings"),
    path("settings/account/", accounts.settings_home, name="settings_of_account"),
    path("settings/account/email-calendar/", accounts.account_settings, name="account_settings"),
]

# /<slug>/mailboxes/
urlpatterns += [
    path("mailboxes/<int:pk>/default-level/", accounts.default_level, name="default_level"),
    path("mailboxes/<int:pk>/shares/", accounts.shares, name="shares"),
    path("mailboxes/<int:pk>/items/", accounts.items, name="items"),
    path("mailboxes/<int:pk>/items/retry/", accounts.retry, name="retry"),
    path("mailboxes/<int:pk>/removal/form/", accounts.removal_form, name="removal_form"),
    path("mailboxes/<int:pk>/removal/", accounts.removal, name="removal"),
    path("mailboxes/<int:pk>/blocklist/", blocklist.blocklist, name="blocklist"),
    path("mailboxes/<int:pk>/blocklist/preview/", blocklist.preview, name="blocklist_preview"),
    path("blocklist/<int:pk>/removal/", blocklist.entry_removal, name="entry_removal"),
]

# /<slug>/mailboxes/ (connecting)
urlpatterns += [
    path("mailboxes/servers/new/", connecting.new_servers, name="new_servers"),
    path("mailboxes/servers/", connecting.connect_servers, name="connect_servers"),
    path("mailboxes/archives/new/", connecting.new_archive, name="new_archive"),
    path("mailboxes/archives/", connecting.connect_archive, name="connect_archive"),
    path("mailboxes/<int:pk>/account/", connecting.account, name="account"),
]

# /<slug>/mailboxes/ (connecting Exchange)
urlpatterns += [
    path("mailboxes/exchange/new/", exchange.new_exchange, name="new_exchange"),
    path("mailboxes/exchange/", exchange.connect_exchange, name="connect_exchange"),
    path("mailboxes/<int:pk>/exchange-account/", exchange.exchange_account, name="exchange_account"),
]

# /<slug>/mailboxes/ (connecting by consent)
urlpatterns += [
    path("mailboxes/consents/<slug:kind>/new/", consent.new_consent, name="new_consent"),
    path("mailboxes/consents/<slug:kind>/", consent.consent, name="consent"),
    path("mailboxes/consents/<slug:kind>/confirmation/", consent.confirmation, name="consent_confirmation"),
    path("mailboxes/consents/<slug:kind>/refusal/", consent.refusal, name="consent_refusal"),
    path("mailboxes/<int:pk>/consented-account/", consent.consented_account, name="consented_account"),
    path("mailboxes/<int:pk>/consent/", consent.renewed_consent, name="renewed_consent"),
]

# /<slug>/settings/workspace/email-calendar/
urlpatterns += [
    path(
        "settings/workspace/email-calendar/", workspace_settings.workspace_settings, name="workspace_settings"
    ),
    path("settings/workspace/record-creation/", workspace_settings.record_creation, name="record_creation"),
    path("settings/workspace/default-level/", workspace_settings.default_level, name="workspace_level"),
    path(
        "settings/workspace/internal-domains/", workspace_settings.internal_domains, name="internal_domains"
    ),
    path(
        "settings/workspace/internal-domains/removal/",
        workspace_settings.internal_domain_removal,
        name="internal_domain_removal",
    ),
]
