from django.urls import path

from intelligence.views import activity

app_name = "intelligence"

# /<slug>/companies/<id>/ and /<slug>/people/<id>/
urlpatterns = [
    path("<plural:plural>/<int:pk>/", activity.activity, name="record"),
    path("<plural:plural>/<int:pk>/activity/", activity.activity, name="activity"),
]
