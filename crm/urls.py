from django.urls import include, path, register_converter

from crm.records import BY_PLURAL
from crm.views import (
    bulk,
    deleting,
    filters,
    home,
    invitations,
    live,
    members,
    names,
    notifications,
    saved_views,
    search,
    stars,
    tables,
    teams,
)


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
    path("<slug:slug>/", home.workspace, name="workspace"),
    path("<slug:slug>/companies/", tables.records, {"plural": "companies"}, name="companies"),
    path("<slug:slug>/people/", tables.records, {"plural": "people"}, name="people"),
    path("<slug:slug>/<plural:plural>/columns/", tables.columns, name="columns"),
    path("<slug:slug>/<plural:plural>/columns/<slug:name>/menu/", tables.column_menu, name="column_menu"),
    path("<slug:slug>/<plural:plural>/calculations/", tables.calculations, name="calculations"),
    path("<slug:slug>/<plural:plural>/changes/", tables.changes, name="changes"),
    path("<slug:slug>/<plural:plural>/filters/", filters.filtering, name="filters"),
    path("<slug:slug>/<plural:plural>/filters/menu/", filters.filter_menu, name="filter_menu"),
    path("<slug:slug>/<plural:plural>/filters/form/", filters.filter_form, name="filter_form"),
    path("<slug:slug>/<plural:plural>/<int:pk>/neighbours/", tables.neighbours, name="neighbours"),
    path("<slug:slug>/<plural:plural>/export.csv", tables.export, name="export"),
    # /<slug>/views/
    path("<slug:slug>/views/", saved_views.views, name="views"),
    path("<slug:slug>/views/<plural:plural>/", saved_views.creation, name="view_creation"),
    path("<slug:slug>/views/<plural:plural>/form/", saved_views.form, name="view_form"),
    path("<slug:slug>/views/<plural:plural>/tabs/", saved_views.tabs, name="view_tabs"),
    path(
        "<slug:slug>/views/<plural:plural>/<int:pk>/arrangement/",
        saved_views.arrangement,
        name="view_arrangement",
    ),
    path(
        "<slug:slug>/views/<plural:plural>/<int:pk>/description/",
        saved_views.description,
        name="view_description",
    ),
    path(
        "<slug:slug>/views/<plural:plural>/<int:pk>/description/form/",
        saved_views.description_form,
        name="view_description_form",
    ),
    path("<slug:slug>/views/<plural:plural>/<int:pk>/deletion/", saved_views.deletion, name="view_deletion"),
    # /<slug>/
    path("<slug:slug>/<plural:plural>/", include("crm.record_urls")),
    path("<slug:slug>/favourites/", stars.favourites, name="favourites"),
    path("<slug:slug>/deletions/", deleting.recently, name="recently"),
    path("<slug:slug>/deletions/<int:pk>/undoing/", deleting.undoing, name="undoing"),
    path("<slug:slug>/edits/<int:pk>/undoing/", bulk.undoing, name="edit_undoing"),
    path("<slug:slug>/live/", live.live, name="live"),
    path("<slug:slug>/search/", search.results, name="search"),
    path("<slug:slug>/search/shortcuts/", search.shortcuts, name="shortcuts"),
    path("<slug:slug>/notifications/", notifications.notifications, name="notifications"),
    path("<slug:slug>/notifications/reading/", notifications.read, name="read_notifications"),
    path("<slug:slug>/notifications/badge/", notifications.badge, name="notification_badge"),
    # /<slug>/settings/
    path("<slug:slug>/settings/account/profile/", names.profile, name="profile"),
    path("<slug:slug>/settings/workspace/general/", names.general, name="general"),
    # /<slug>/settings/workspace/
    path("<slug:slug>/settings/workspace/members/", members.members, name="members"),
    path("<slug:slug>/settings/workspace/members/<int:pk>/role/", members.role, name="role"),
    path(
        "<slug:slug>/settings/workspace/members/<int:pk>/deactivation/form/",
        members.deactivation_form,
        name="deactivation_form",
    ),
    path(
        "<slug:slug>/settings/workspace/members/<int:pk>/deactivation/",
        members.deactivation,
        name="deactivation",
    ),
    path(
        "<slug:slug>/settings/workspace/members/<int:pk>/reactivation/",
        members.reactivation,
        name="reactivation",
    ),
    path(
        "<slug:slug>/settings/workspace/invitations/form/",
        invitations.invitation_form,
        name="invitation_form",
    ),
    path("<slug:slug>/settings/workspace/invitations/", invitations.invite, name="invitations"),
    path("<slug:slug>/settings/workspace/invitations/<int:pk>/renewal/", invitations.renewal, name="renewal"),
    path(
        "<slug:slug>/settings/workspace/invitations/<int:pk>/revocation/",
        invitations.revocation,
        name="revocation",
    ),
    path("<slug:slug>/settings/workspace/teams/", teams.teams, name="teams"),
    path(
        "<slug:slug>/settings/workspace/teams/creation/form/", teams.creation_form, name="team_creation_form"
    ),
    path("<slug:slug>/settings/workspace/teams/creation/", teams.creation, name="team_creation"),
    path("<slug:slug>/settings/workspace/teams/<int:pk>/", teams.team, name="team"),
    path("<slug:slug>/settings/workspace/teams/<int:pk>/name/form/", teams.name_form, name="team_name_form"),
    path("<slug:slug>/settings/workspace/teams/<int:pk>/name/", teams.name, name="team_name"),
    path(
        "<slug:slug>/settings/workspace/teams/<int:pk>/deletion/form/",
        teams.deletion_form,
        name="team_deletion_form",
    ),
    path("<slug:slug>/settings/workspace/teams/<int:pk>/deletion/", teams.deletion, name="team_deletion"),
    path("<slug:slug>/settings/workspace/teams/<int:pk>/members/", teams.joining, name="team_joining"),
    path(
        "<slug:slug>/settings/workspace/teams/<int:pk>/members/<int:member_pk>/removal/",
        teams.leaving,
        name="team_leaving",
    ),
    path("accounts/invitations/<str:token>/", invitations.invitation, name="invitation"),
]
