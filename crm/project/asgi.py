import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.project.settings")
for _name, _usual in (("STATEMENT_SECONDS", "30"), ("POOLED_CONNECTIONS", "20")):
    # A file of settings names them all, with nothing behind those that are left as they are.
    os.environ[_name] = os.environ.get(_name) or _usual

pages = get_asgi_application()

from crm.room import with_words  # noqa: E402 (once there are applications)
from crm.starting import say_what_is_missing  # noqa: E402

application = with_words(pages)
say_what_is_missing()
