from django.urls import path, register_converter

from crm.records import BY_PLURAL
from crm.views import home, tables


class PluralConverter:
    """companies or people."""

    regex = "|".join(BY_PLURAL)

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(PluralConverter, "plural")

app_name = "crm"

urlpatterns = [
    path("", home.home, name="home"),
    path("health/", home.health, name="health"),
    path("accounts/workspaces/", home.workspaces, name="workspaces"),
    # /<slug>/
    path("<slug:slug>/companies/", tables.records, {"plural": "companies"}, name="companies"),
    path("<slug:slug>/people/", tables.records, {"plural": "people"}, name="people"),
    path("<slug:slug>/<plural:plural>/columns/", tables.columns, name="columns"),
    path("<slug:slug>/<plural:plural>/export.csv", tables.export, name="export"),
]
