from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from mailboxes.views import consent

# Operators sign in like everybody else, with the same limits and second factor.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
admin.site.site_header = admin.site.site_title = "Operators"

handler404 = "crm.views.errors.not_found"
handler500 = "crm.views.errors.failed"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("accounts/connections/<slug:kind>/callback/", consent.callback, name="consent_callback"),
    path("", include("crm.urls")),
    path("<slug:slug>/", include("mailboxes.urls")),
    path("<slug:slug>/", include("intelligence.urls")),
]
