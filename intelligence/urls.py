from django.urls import path

from intelligence.views import activity, calendar, details

app_name = "intelligence"

# /<slug>/companies/<id>/ and /<slug>/people/<id>/
urlpatterns = [
    path("<plural:plural>/<int:pk>/", activity.activity, name="record"),
    path("<plural:plural>/<int:pk>/activity/", activity.activity, name="activity"),
    path("<plural:plural>/<int:pk>/calendar/", calendar.calendar, name="calendar"),
    path("<plural:plural>/<int:pk>/counts/", details.counts, name="counts"),
    path("<plural:plural>/<int:pk>/details/", details.details, name="details"),
    path("<plural:plural>/<int:pk>/outside/", details.outside, name="outside"),
    path("<plural:plural>/<int:pk>/strength/", details.strength, name="strength"),
]
