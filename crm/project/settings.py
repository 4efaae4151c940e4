"""Everything a big site needs is configuration; each variable is described in .env.example."""

import sys
from urllib.parse import urlsplit

import dj_database_url
import dj_email_url
from csp.constants import NONE, SELF

from crm import embedded
from crm.project.checking import refuse_wrong_settings
from crm.project.environment import (
    BASE_DIR,
    DATA_DIR,
    fernet_key,
    flag,
    kept_secret,
    private_folder,
    random_text,
    text,
    words,
)
from crm.project.logs import is_told_whole

refuse_wrong_settings()

PRODUCT_NAME = text("PRODUCT_NAME", "Rapport")
DEFAULT_PLAN = text("DEFAULT_PLAN", "pro")
PUBLIC_URL = text("PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")
IS_HTTPS = PUBLIC_URL.startswith("https://")

DEBUG = flag("DEBUG")
SECRET_KEY = kept_secret("SECRET_KEY", random_text())
CREDENTIAL_KEYS = words("CREDENTIAL_KEYS") or [kept_secret("CREDENTIAL_KEYS", fernet_key())]
ALLOWED_HOSTS = words("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if IS_HTTPS else []

# Networks that members' mail servers may be in although they are private; administrators only.
EGRESS_ALLOWED_NETWORKS = words("EGRESS_ALLOWED_NETWORKS")
EGRESS_CA_FILE = text("EGRESS_CA_FILE")
EGRESS_ALLOWED_PORTS = [int(port) for port in words("EGRESS_ALLOWED_PORTS")]

# Our own registration at providers, and where they are.
GOOGLE_CLIENT_ID = text("GOOGLE_CLIENT_ID")
GOOGLE_CLIENT_SECRET = text("GOOGLE_CLIENT_SECRET")
GOOGLE_SIGN_IN_URL = text("GOOGLE_SIGN_IN_URL", "https://accounts.google.com")
GOOGLE_TOKEN_URL = text("GOOGLE_TOKEN_URL", "https://oauth2.googleapis.com")
GOOGLE_MAIL_URL = text("GOOGLE_MAIL_URL", "https://gmail.googleapis.com")
GOOGLE_CALENDAR_URL = text("GOOGLE_CALENDAR_URL", "https://www.googleapis.com")
GMAIL_UNITS_PER_MINUTE = int(text("GMAIL_UNITS_PER_MINUTE", "6000"))
MICROSOFT_CLIENT_ID = text("MICROSOFT_CLIENT_ID")
MICROSOFT_CLIENT_SECRET = text("MICROSOFT_CLIENT_SECRET")
MICROSOFT_TENANT = text("MICROSOFT_TENANT", "organizations")
MICROSOFT_SIGN_IN_URL = text("MICROSOFT_SIGN_IN_URL", "https://login.microsoftonline.com")
MICROSOFT_GRAPH_URL = text("MICROSOFT_GRAPH_URL", "https://graph.microsoft.com")

# Commands that never look at the database start no servers.
NEEDS_SERVICES = not {"--help", "collectstatic", "compilemessages"} & set(sys.argv)
DATABASE_URL = text("DATABASE_URL") or (embedded.database_url() if NEEDS_SERVICES else "")
REDIS_URL = text("REDIS_URL") or (embedded.redis_url() if NEEDS_SERVICES else "redis://127.0.0.1/0")

PREPARE_STATEMENTS = flag("PREPARE_STATEMENTS", default=True)

# A page that takes longer is a mistake of ours, and must not take the database along. Set by asgi.py.
STATEMENT_SECONDS = int(text("STATEMENT_SECONDS", "0"))
# Fifty rows are there before helpers would have started, and a server has other pages to answer.
PAGE_OPTIONS = f"-c statement_timeout={STATEMENT_SECONDS}s -c max_parallel_workers_per_gather=0"
# Under ASGI every request has a thread of its own, whose connection nobody would use again. Also set
# by asgi.py; 0 means one connection per thread, kept for a minute.
POOLED_CONNECTIONS = int(text("POOLED_CONNECTIONS", "0"))
# Who has waited this many seconds for one of them is told that there is none.
POOL = {"min_size": 1, "max_size": POOLED_CONNECTIONS, "timeout": 5}
DATABASES = {
    "default": {
        **dj_database_url.parse(
            DATABASE_URL or "postgresql:///none", conn_max_age=0 if POOLED_CONNECTIONS else 60
        ),
        "CONN_HEALTH_CHECKS": True,
        # One message is twenty short statements, and planning them would be half of their time.
        "OPTIONS": {
            "server_side_binding": PREPARE_STATEMENTS,
            "prepare_threshold": 5 if PREPARE_STATEMENTS else None,
            **({"options": PAGE_OPTIONS} if STATEMENT_SECONDS else {}),
            **({"pool": POOL} if POOLED_CONNECTIONS else {}),
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS = {
    "LOCATION": REDIS_URL,
    "KEY_PREFIX": "rapport",
    # Nobody waits for what is only remembered there.
    "OPTIONS": {"socket_timeout": 3, "socket_connect_timeout": 1},
}
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", **REDIS},
    "sessions": {"BACKEND": "crm.sessions.SessionCache", **REDIS},
}
SESSION_CACHE_ALIAS = "sessions"
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_SAMESITE = "Lax"

INSTALLED_APPS = [
    "crm.apps.CrmConfig",
    "mailboxes.apps.MailboxesConfig",
    "intelligence.apps.IntelligenceConfig",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "crm.signin",
    "csp",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "crm.middleware.viewer_time",
    "crm.middleware.private_pages",
    "crm.middleware.forms_again",
    "crm.secret_links.unspoken",
]

# A table of thousands of rows may be ticked from end to end.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000

ROOT_URLCONF = "crm.project.urls"
ASGI_APPLICATION = "crm.project.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["crm.templatetags.urls"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "crm.shell.shell",
            ],
        },
    }
]

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "crm.project.static_files.StaticFiles"},
}
# A body on its way in is somebody's mail: not in a folder that everybody on the machine can list.
FILE_UPLOAD_TEMP_DIR = private_folder("incoming")

# Who signs in, and how

AUTH_USER_MODEL = "crm.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"

EMAIL_URL = text("EMAIL_URL")
ACCOUNT_ADAPTER = "crm.accounts.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_SIGNUP_FORM_CLASS = "crm.signing_up.NameForm"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if EMAIL_URL else "optional"
# Only in the browser that signed up.
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_EMAIL_NOTIFICATIONS = bool(EMAIL_URL)
ACCOUNT_EMAIL_SUBJECT_PREFIX = f"{PRODUCT_NAME}: "
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = True
MFA_ADAPTER = "crm.second_factors.SecondFactors"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = PRODUCT_NAME
# Said aloud although they are allauth's defaults: a change would let an address open an account.
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = False
SOCIALACCOUNT_LOGIN_ON_GET = False
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_ADAPTER = "mailboxes.signing_in.SocialAdapter"
SOCIALACCOUNT_PROVIDERS = {
    "issuer": {
        "SCOPE": ["openid", "email", "profile"],
        "AUTH_PARAMS": {"prompt": "select_account"},
        "OAUTH_PKCE_ENABLED": True,
    }
}
# Another way in is a change of how an account is protected, like a second factor.
SOCIALACCOUNT_REAUTHENTICATION_REQUIRED = True
SOCIALACCOUNT_REQUESTS_TIMEOUT = 10
ALLAUTH_TRUSTED_PROXY_COUNT = int(text("TRUSTED_PROXIES", "0"))

# EMAIL_BACKEND, EMAIL_HOST and so on; without an address mail goes nowhere.
globals().update(dj_email_url.parse(EMAIL_URL or "dummy://"))
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = text("EMAIL_FROM", f"{PRODUCT_NAME} <no-reply@localhost>")

# What a browser may do with our pages

# Browsers look at where a form leads in the end, which is the sign-in page of whom members leave for.
SIGN_IN_ORIGINS = [
    f"{url.scheme}://{url.netloc}"
    for url, is_set_up in (
        (urlsplit(GOOGLE_SIGN_IN_URL), GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET),
        (urlsplit(MICROSOFT_SIGN_IN_URL), MICROSOFT_CLIENT_ID and MICROSOFT_CLIENT_SECRET),
    )
    if is_set_up
]

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        # The hue of an avatar or a company's mark is data.
        "style-src-attr": ["'unsafe-inline'"],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF, *SIGN_IN_ORIGINS],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = False  # the proxy in front does that
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_HTTPS else None

# Work in the background

CELERY_BROKER_URL = embedded.celery_url(REDIS_URL)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 600
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 900,  # longer than the hard limit, or tasks run twice
    "unacked_restore_throttle": 1,
    "socket_timeout": 30,
    "socket_connect_timeout": 10,
    "socket_keepalive": True,
}
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "beat")
TIMETABLE = {
    "mailboxes.tasks.enqueue_due": 15,
    "intelligence.tasks.settle_due_events": 60,
    "mailboxes.tasks.purge_all_blocked": 60,
    "mailboxes.tasks.purge_removed": 60,
    "mailboxes.tasks.follow_up_lost": 300,
    "crm.tasks.forget_deletions": 600,
    "crm.tasks.forget_imports": 600,
    "mailboxes.tasks.extend_series": 86_400,
}
# What comes again anyway is not worth waiting for longer: without workers for a night, a queue of thousands
# would stand before the mail of the morning. Clocks may differ by less than a minute.
CELERY_BEAT_SCHEDULE = {
    task: {"task": task, "schedule": seconds, "options": {"expires": max(seconds, 60)}}
    for task, seconds in TIMETABLE.items()
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "filters": {"told": {"()": "django.utils.log.CallbackFilter", "callback": is_told_whole}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["told"]}},
    "root": {"handlers": ["console"], "level": text("LOG_LEVEL", "INFO")},
    # A parameter of a statement may be somebody's mail.
    "loggers": {
        "django.db.backends": {"level": "ERROR"},
        "httpx": {"level": "WARNING"},  # it names every calendar it asks for
    },
}
