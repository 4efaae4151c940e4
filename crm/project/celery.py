import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.project.settings")

app = Celery("rapport")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
