from django.urls import path

from mailboxes.views import progress

app_name = "mailboxes"

# /<slug>/
urlpatterns = [path("progress/", progress.progress, name="progress")]
