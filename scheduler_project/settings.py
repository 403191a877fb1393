"""Django's settings, from environment variables.

A wrong value stops the process, with a message that names the variable. Instead of a variable `<NAME>`, `<NAME>_FILE`
can be set to the path of a file that contains the value.
"""

from __future__ import annotations

import os
import warnings
import zoneinfo
from datetime import timedelta
from pathlib import Path

from scheduler_project import theme
from scheduler_project.engine_settings import EngineSettings
from scheduler_project.env import Environment
from scheduler_project.logging import logging_from_environment

# Every process calculates with the package `tzdata` of the lock file, whatever time zone data its machine has.
zoneinfo.reset_tzpath(())
zoneinfo.ZoneInfo.clear_cache()  # a package may have built a zone from the machine's data already

BASE_DIR = Path(__file__).resolve().parent.parent

env = Environment(os.environ)

SECRET_KEY = env.required("SECRET_KEY", "50 random characters")
DEBUG = env.flag("MAINSPRING_DEBUG", default=False)
ALLOWED_HOSTS = env.words("MAINSPRING_ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.words("MAINSPRING_TRUSTED_ORIGINS", default=[])

# Engine

MAINSPRING = EngineSettings.from_environment(env)
MAINSPRING_COMMAND_MODULES = env.words("MAINSPRING_COMMAND_MODULES", default=["executions.targets.command.demo"])
MAINSPRING_TARGET_MODULES = env.words("MAINSPRING_TARGET_MODULES", default=[])
# The default lists the queues of the workers that Procfile, docker/compose.yaml and launch/programs.py start.
MAINSPRING_WORKER_QUEUES = env.words("MAINSPRING_WORKER_QUEUES", default=["command", "http"])

# Stores

DATABASES = {"default": env.postgresql("DATABASE_URL")}
_options = DATABASES["default"].setdefault("OPTIONS", {})
# Without these, a connection to a server that vanished (power, network) hangs for hours instead of 30 seconds. Values
# in the URL take precedence.
for _name, _value in {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4}.items():
    _options.setdefault(_name, _value)
_options.setdefault("tcp_user_timeout", 30_000)  # milliseconds
_options.setdefault("connect_timeout", 5)  # seconds
# Prepared statements are for `values.database.fetch_planned`; Django does not prepare its own statements.
_options.setdefault("prepare_threshold", 0 if env.flag("MAINSPRING_DB_PREPARE", default=True) else None)
_pool_size = env.count("MAINSPRING_DB_POOL", default=20)
if _pool_size:
    _options["pool"] = {
        "min_size": 0,
        "max_size": _pool_size,
        "timeout": 4,  # seconds to wait for a connection: as long as a worker tries to claim a run
        "reconnect_timeout": 5,
    }
DATABASES["default"]["CONN_MAX_AGE"] = 0 if _pool_size else 60  # Django refuses persistent connections with a pool
# Checking a connection before its use costs a round trip per request. Workers do not check: they retry a failed claim.
# wsgi.py switches the check on, because a user of the web process would see the error.
DATABASES["default"]["CONN_HEALTH_CHECKS"] = env.flag("MAINSPRING_DB_CHECK", default=False)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.text("REDIS_URL", "")
CELERY_BROKER_URL = env.text("BROKER_URL") or REDIS_URL or env.required("BROKER_URL", "redis://host:6379/0")

# Celery. The broker may lose all messages: everything that they contain is also in PostgreSQL.

CELERY_BEAT_SCHEDULER = "schedules.beat:JobScheduler"
# beat creates a PeriodicTask row for each entry that has none. Afterwards only the rows count: administrators may edit
# them. A message expires after its period, because the next message does the same work.
CELERY_BEAT_SCHEDULE = {
    "housekeeping: recover lost runs": {
        "task": "executions.reap",
        "schedule": timedelta(seconds=5),
        "options": {"expire_seconds": 5},
    },
    "housekeeping: prune history": {
        "task": "executions.prune",
        "schedule": timedelta(minutes=10),
        "options": {"expire_seconds": 600},
    },
    "housekeeping: watch over schedules": {
        "task": "schedules.watch",
        "schedule": timedelta(minutes=1),
        "options": {"expire_seconds": 60},
    },
    "housekeeping: prepare days": {
        "task": "executions.prepare_days",
        "schedule": timedelta(hours=1),
        "options": {"expire_seconds": 3600},
    },
}
CELERY_TIMEZONE = "UTC"
CELERY_TASK_DEFAULT_QUEUE = "housekeeping"
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_TASK_ACKS_LATE = True  # the message of a worker that is killed is delivered again
CELERY_TASK_IGNORE_RESULT = True  # results are in PostgreSQL, in the rows of runs
CELERY_TASK_SEND_SENT_EVENT = True  # for Flower
CELERY_WORKER_SEND_TASK_EVENTS = True  # for Flower
CELERY_WORKER_PREFETCH_MULTIPLIER = 1  # a busy worker must not hold messages that an idle worker could process
# Seconds until a new worker process that has not reported its start is replaced: connecting to the database takes time.
CELERY_WORKER_PROC_ALIVE_TIMEOUT = 30.0
CELERY_WORKER_POOL = "scheduler_project.worker_pool:PreforkPool"  # used with `--pool prefork`
CELERY_WORKER_CONSUMER = "scheduler_project.worker_consumer:Consumer"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # workers try to connect to the broker without a limit
IS_REDIS = CELERY_BROKER_URL.startswith(("redis", "valkey", "unix"))
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {
        # Seconds after which the broker delivers an unacknowledged message again. A second delivery is harmless,
        # because the claim number in the message has been used. The timeout only makes such deliveries rare.
        "visibility_timeout": 6 * 3600,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        # Seconds until a worker gives up on a broker that hangs. `schedules/beat.py` uses a shorter timeout.
        "socket_timeout": 5,
        "socket_connect_timeout": 5,
    }
    if IS_REDIS
    else {}
)
# The message priority for the run priorities low, medium, high, critical: Redis delivers 0 first, RabbitMQ 9.
MESSAGE_PRIORITIES = (9, 6, 3, 0) if IS_REDIS else (1, 4, 7, 9)
CELERY_TASK_QUEUE_MAX_PRIORITY = None if IS_REDIS else 9

# Application

INSTALLED_APPS = [
    "scheduler_project.apps.MainspringConfig",
    "schedules.apps.SchedulesConfig",
    "executions.apps.ExecutionsConfig",
    "access.apps.AccessConfig",
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_celery_beat",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]
MIDDLEWARE = [
    "scheduler_project.web.health.answer_probes",  # first: health checks use plain HTTP and IP addresses
    "scheduler_project.web.api_responses.complete_api_responses",  # around everything that responds for the API
    # Around every middleware that may refuse a request: a refusal is a page too.
    "scheduler_project.web.content_policy.with_policy",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "access.middleware.drop_invalid_session_cookie",  # before the session is read
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "scheduler_project.web.readable_requests.refuse_unreadable",  # before a form is read
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "scheduler_project.web.viewer_timezone.activate_viewer_timezone",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
ROOT_URLCONF = "scheduler_project.urls"
WSGI_APPLICATION = "scheduler_project.wsgi.application"
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
warnings.filterwarnings("ignore", message="No directory at")
WHITENOISE_USE_FINDERS = True  # without `collectstatic`, as in `make run`, files are served from the packages

# Security

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
UNFOLD = theme.UNFOLD
FLOWER_URL = env.text("MAINSPRING_FLOWER_URL", "")  # the admin links to Flower if this URL is set
# Flower redirects users to the sign-in page at this address.
PUBLIC_URL = env.text("MAINSPRING_PUBLIC_URL", "http://127.0.0.1:8000")
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
# `make run` sets this to false, because it serves plain HTTP on the loopback address.
HTTPS = env.flag("MAINSPRING_HTTPS", default=True)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
# gunicornconfig.py reads the same variable.
BEHIND_PROXY = env.flag("MAINSPRING_BEHIND_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_HSTS_SECONDS = env.count("MAINSPRING_HSTS_SECONDS", default=31536000 if HTTPS else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
# Off by default: the browsers' preload lists apply to the whole domain, and removal from them takes months.
SECURE_HSTS_PRELOAD = env.flag("MAINSPRING_HSTS_PRELOAD", default=False)
SILENCED_SYSTEM_CHECKS = [] if SECURE_HSTS_PRELOAD else ["security.W021"]
SESSION_COOKIE_HTTPONLY = True

# API

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "access.api.authentication.ApiKeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["access.api.bodies.JsonParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "scheduler_project.web.problems.error_response",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Mainspring",
    "DESCRIPTION": "Define jobs and their schedules; read the history of their runs.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
}

LOGGING_CONFIG = None  # Django would add its own handlers
logging_from_environment(env)
