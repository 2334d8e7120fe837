"""The one settings file. Every value that differs between installations is an environment variable (docs/operations.md).

Importing it needs neither an environment nor a service; a bad value stops the start with the variable's name.
"""

import socket

from csp.constants import NONE, SELF
from kombu import Queue

from config.reading import (
    BASE_DIR,
    env,
    read_database,
    read_email,
    read_log_format,
    read_log_level,
    read_path,
    read_redis,
    read_switch,
    read_whole_number,
)

# Some constraints are plain SQL: the database checks them, forms cannot, and none needs to.
SILENCED_SYSTEM_CHECKS = ["models.W045"]

# An empty key lets tools import the settings; Django refuses to serve with it.
SECRET_KEY = env.str("SECRET_KEY", default="")
# What earlier keys have signed is still taken.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
DEBUG = read_switch("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
SIGN_UP_OPEN = read_switch("SIGN_UP_OPEN", default=True)

INSTALLED_APPS = [
    # Before django.contrib.auth, whose commands createsuperuser and changepassword it adds an entry of the audit log to.
    "annotation",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "axes",
    "csp",
    "hierarchy",
    # For its commands: backup and restore.
    "config",
]

MIDDLEWARE = [
    "config.watching.WatchMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.pages.Session",
    "config.pages.Locale",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "config.pages.Authentication",
    "config.pages.Messages",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.pages.ContentSecurityPolicy",
    "config.crowds.CrowdMiddleware",
    "config.access.RouteAccessMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            # For intcomma: numbers of many digits as the language groups them. Others are not grouped: some stand in addresses.
            "builtins": ["django.contrib.humanize.templatetags.humanize"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.access.add_role",
            ],
        },
    },
]

_DATABASE_URL = env.str("DATABASE_URL", default="") or "postgres://veriset_app@localhost/veriset"
_STATEMENT_SECONDS = read_whole_number("STATEMENT_TIMEOUT_SECONDS", default=30, minimum=1, maximum=3600)
DATABASES = {"default": read_database("DATABASE_URL", seconds=_STATEMENT_SECONDS, default=_DATABASE_URL)}
# Of the role that owns the tables: backup and restore use it, and take their time.
OWNER_DATABASE = read_database("DATABASE_OWNER_URL", seconds=0, default=_DATABASE_URL)
# Off behind a pooler that gives each transaction another connection.
PREPARED_STATEMENTS = read_switch("PREPARED_STATEMENTS", default=True)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CELERY_BROKER_URL, _CACHE_URL = read_redis()
CACHES = {
    "default": {
        "BACKEND": "config.cache.RedisCache",
        "LOCATION": _CACHE_URL,
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
    }
}

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"

# A wrong password ten times in a row closes that account to that address for a quarter of an hour.
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_HANDLER = "config.logins.RecordedLogins"
AXES_LOCKOUT_TEMPLATE = "registration/locked_out.html"

# SECURE=false serves plain http, as on one's own machine.
SECURE = read_switch("SECURE", default=True)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = SECURE
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "config.errors.show_csrf_failure"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "img-src": [SELF, "data:"],
    }
}

# External crowds: who may frame a worker's pages, and where Mechanical Turk takes what is done, in earnest and in its sandbox.
CROWD_FRAMES = ["https://www.mturk.com", "https://worker.mturk.com", "https://workersandbox.mturk.com"]
CROWD_SUBMITS = {"live": "https://www.mturk.com", "sandbox": "https://workersandbox.mturk.com"}
CROWD_COMPLETIONS = "https://app.prolific.com/submissions/complete"

# Texts in English stand in the sources; locale/ has a catalogue for each other language. Names are what their speakers call them.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_AGE = 31_536_000
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SECURE = SECURE
TIME_ZONE = "UTC"
USE_I18N = USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = read_path("STATIC_ROOT", default="static", kind="folder")
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_ROOT = read_path("MEDIA_ROOT", default="media", kind="folder")
RELEASE_ROOT = read_path("RELEASE_ROOT", default="releases", kind="folder")
# A file, outside the database and its backups: a restored backup must not bring people back who were deleted since.
DELETION_LEDGER = read_path("DELETION_LEDGER", default="deletions.jsonl", kind="file")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "releases": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": RELEASE_ROOT},
    },
    "staticfiles": {
        "BACKEND": (
            "config.static.HashedStaticFilesStorage"
            if read_switch("STATIC_HASHED", default=True)
            else "django.contrib.staticfiles.storage.StaticFilesStorage"
        )
    },
}
# A page of 100 pictures has three fields for each.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000

EMAIL_CONFIG = read_email()
EMAIL_BACKEND = EMAIL_CONFIG["EMAIL_BACKEND"]
EMAIL_HOST = EMAIL_CONFIG["EMAIL_HOST"]
EMAIL_PORT = EMAIL_CONFIG["EMAIL_PORT"]
EMAIL_HOST_USER = EMAIL_CONFIG["EMAIL_HOST_USER"]
EMAIL_HOST_PASSWORD = EMAIL_CONFIG["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS = EMAIL_CONFIG.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = EMAIL_CONFIG.get("EMAIL_USE_SSL", False)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="veriset@localhost")

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "annotation.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["config.access.RoutePermission"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["annotation.api.parsers.ShallowJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_FILTER_BACKENDS": [],
    "EXCEPTION_HANDLER": "config.errors.describe_problem",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Veriset",
    "DESCRIPTION": "Crowdsourced verification of images against WordNet synsets.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["config.access.RoutePermission"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
}

# Of each web process: threads that run requests, with a connection to the database each; how many requests may wait for them; how many
# answers may be sent piece by piece. Granian, which reads the same variable, needs a thread for each of these, and some to refuse the rest.
WEB_THREADS = read_whole_number("WEB_THREADS", default=4, minimum=1, maximum=32)
WEB_WAITING = read_whole_number("WEB_WAITING", default=40, minimum=1, maximum=1000)
WEB_STREAMS = read_whole_number("WEB_STREAMS", default=8, minimum=1, maximum=1000)
read_whole_number(
    "GRANIAN_BLOCKING_THREADS", default=64, minimum=WEB_THREADS + WEB_WAITING + WEB_STREAMS + 8, maximum=4096
)

# The model is learned anew so often, where there is something to learn from; and into how many parts that is split, so many workers
# can share it. Every part sends the counts of all annotators with each pass: with two workers four parts took 6.3 s a pass at 42 million
# votes, eight 8.8 s.
ESTIMATION_SECONDS = read_whole_number("ESTIMATION_SECONDS", default=3600, minimum=10, maximum=604_800)
ESTIMATION_SHARDS = read_whole_number("ESTIMATION_SHARDS", default=4, minimum=1, maximum=1024)

# Steps of an estimation take up to half a minute. A worker without --queues serves both queues; one with --queues celery is
# always there for fresh votes.
CELERY_TASK_QUEUES = (Queue("celery", routing_key="celery"), Queue("estimation", routing_key="estimation"))
CELERY_TASK_DEFAULT_QUEUE = CELERY_TASK_DEFAULT_ROUTING_KEY = "celery"
CELERY_TASK_ROUTES = {
    name: {"queue": "estimation"}
    for name in (
        "annotation.tasks.estimate_all",
        "annotation.tasks.run_estimation_shards",
        "annotation.tasks.carry_on_campaigns",
        "annotation.tasks.record_accuracies",
        "annotation.tasks.release_settled_gold",
    )
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 3
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Whatever a lost message would have said is found after so long; and what a killed worker was at is given to another after so long.
SWEEP_SECONDS = read_whole_number("SWEEP_SECONDS", default=5, minimum=1, maximum=3600)
VISIBILITY_SECONDS = read_whole_number("VISIBILITY_SECONDS", default=300, minimum=10, maximum=3600)
# The hard limit lies below the visibility timeout: a longer task would be delivered twice while it runs.
CELERY_TASK_SOFT_TIME_LIMIT = VISIBILITY_SECONDS * 2 // 3
CELERY_TASK_TIME_LIMIT = VISIBILITY_SECONDS * 4 // 5
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": VISIBILITY_SECONDS,
    "unacked_restore_interval": min(10, VISIBILITY_SECONDS // 2),
    "unacked_restore_throttle": 1,
    "socket_connect_timeout": 1,
    # A worker asks whether Redis still answers where it waits for messages, and gives up a connection on which it does not.
    "health_check_interval": 10,
    "socket_timeout": 5,
    "socket_keepalive": True,
    "socket_keepalive_options": {socket.TCP_KEEPIDLE: 10, socket.TCP_KEEPINTVL: 5, socket.TCP_KEEPCNT: 3},
}
CELERY_TASK_PUBLISH_RETRY = False

# What nobody has taken for so long is not needed: what was due then is due still. By the clocks of whoever sends and whoever takes it, so
# that it must be longer than these disagree.
MESSAGE_SECONDS = 3600
_KEPT = {"expires": MESSAGE_SECONDS}
CELERY_BEAT_SCHEDULE = {
    # A second sweep at the same time does no harm.
    "sweep due questions": {
        "task": "annotation.tasks.sweep_due_questions",
        "schedule": float(SWEEP_SECONDS),
        "options": _KEPT,
    },
    # Large campaigns are opened and closed a range at a time.
    "carry on with campaigns": {"task": "annotation.tasks.carry_on_campaigns", "schedule": 5.0, "options": _KEPT},
    # Begins an estimation when one is due, and goes on with one that whoever worked on it has left.
    "look after the estimation": {"task": "annotation.tasks.estimate_all", "schedule": 10.0, "options": _KEPT},
    "release settled gold": {"task": "annotation.tasks.release_settled_gold", "schedule": 60.0, "options": _KEPT},
    "clear sessions": {"task": "annotation.tasks.clear_sessions", "schedule": 86_400.0, "options": _KEPT},
    # Each annotator's once a day; a call that is lost is made up for.
    "record accuracies": {"task": "annotation.tasks.record_accuracies", "schedule": 21_600.0, "options": _KEPT},
    # Counts are right without it, and add up quickly with it.
    "fold counts": {"task": "hierarchy.tasks.fold_counts", "schedule": 60.0, "options": _KEPT},
}

# Where `manage.py serve_metrics` listens; port 0: nowhere.
METRICS_HOST = env.str("METRICS_HOST", default="127.0.0.1")
METRICS_PORT = read_whole_number("METRICS_PORT", default=9464, minimum=0, maximum=65_535)
# Below this much room for pictures or releases the service is not ready.
LEAST_FREE_MEGABYTES = read_whole_number("LEAST_FREE_MEGABYTES", default=256, minimum=0, maximum=1_000_000_000)

_LOG_LEVEL = read_log_level()
_OURS = {"handlers": ["console"], "propagate": False}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "config.logs.JSONFormatter"}, "text": {"()": "config.logs.TextFormatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": read_log_format()}},
    "root": {"handlers": ["console"], "level": _LOG_LEVEL},
    "loggers": {
        # Lines of requests and tasks, whatever level a worker was started with for Celery's own.
        "config": {"level": _LOG_LEVEL},
        # No handlers of Django's beside ours. Of requests that were refused, ours says as much in one line.
        "django": {"handlers": []},
        "django.request": {"level": "ERROR"},
        "django.server": {**_OURS, "level": "ERROR"},
        # Each would write in a form of its own otherwise.
        "_granian": _OURS,
        "celery.task": _OURS,
        "multiprocessing": _OURS,
    },
}
