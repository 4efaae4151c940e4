import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.project.settings")
os.environ.setdefault("STATEMENT_SECONDS", "30")
os.environ.setdefault("POOLED_CONNECTIONS", "20")

application = get_asgi_application()

from crm.starting import say_what_is_missing  # noqa: E402 (once there are applications)

say_what_is_missing()
