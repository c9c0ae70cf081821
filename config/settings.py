"""The one settings file. Every value comes from the environment; docs/operating.md lists the names.

Each variable NAME may instead be given as NAME_FILE, the path of a file that holds it (Docker and
Kubernetes secrets). Booleans are strict: anything but on/off, true/false, yes/no, 1/0 stops the start.
"""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF
from django.conf.locale import LANG_INFO
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
environ.Env.read_env(BASE_DIR / ".env")


def value(name: str, default: str = "") -> str:
    """The text of NAME as it stands, whatever it begins with, or of the file that NAME_FILE points to."""
    file = os.environ.get(f"{name}_FILE")
    if not file:
        return os.environ.get(name, default).strip()
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE names {file}, which cannot be read: {error}") from error


def switch(name: str, default: bool) -> bool:
    text = value(name).lower()
    if not text:
        return default
    if text in {"on", "true", "yes", "1"}:
        return True
    if text in {"off", "false", "no", "0"}:
        return False
    raise ImproperlyConfigured(f"{name} is {text!r}; allowed are on and off.")


def items(name: str) -> list[str]:
    return [item.strip() for item in value(name).split(",") if item.strip()]


def number(name: str, default: float) -> float:
    text = value(name)
    try:
        return float(text) if text else default
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is {text!r}; a number is needed.") from error


def languages(codes: list[str]) -> list[tuple[str, str]]:
    """Each by its own name for itself, which needs no translation."""
    if unknown := [code for code in codes if "name_local" not in LANG_INFO.get(code, {})]:
        raise ImproperlyConfigured(
            f"LANGUAGES names {', '.join(unknown)}; a code such as en or pt-br is needed."
        )
    return [(code, LANG_INFO[code]["name_local"]) for code in codes]


DEBUG = switch("DEBUG", False)
DEMO = switch("DEMO", False)
DATA_DIR = Path(value("DATA_DIR") or BASE_DIR / "var")

SECRET_KEY = value("SECRET_KEY") or ("only-for-development" if DEBUG else "")
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY is not set. Give a long random text, or DEBUG=on to try the product."
    )

# Provider tokens are encrypted with the first key and read with any of them, so keys can rotate.
FIELD_ENCRYPTION_KEYS = items("FIELD_ENCRYPTION_KEYS")
if not FIELD_ENCRYPTION_KEYS:
    if not DEBUG:
        raise ImproperlyConfigured(
            "FIELD_ENCRYPTION_KEYS is not set. Make a key with: python -c "
            "'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
        )
    FIELD_ENCRYPTION_KEYS = [base64.urlsafe_b64encode(hashlib.sha256(SECRET_KEY.encode()).digest()).decode()]

PUBLIC_URL = value("PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")
ALLOWED_HOSTS = items("ALLOWED_HOSTS") or (["127.0.0.1", "localhost", "[::1]"] if DEBUG else [])
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

INSTALLED_APPS = [
    "config.apps.BackOfficeConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "django_filters",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "lucide",
    "config",
    "tms",
    "providers",
    "badges",
    "achievements",
    "rosters",
]

MIDDLEWARE = [
    "tms.charset.CharsetMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "tms.language.LanguageMiddleware",
    "tms.time_zone.LocalTimeMiddleware",
    "tms.visits.VisitMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.shell.shell",
            ]
        },
    }
]

# Storage: PostgreSQL when DATABASE_URL says so, else one SQLite file that a single process can own.
DATABASE_URL = value("DATABASE_URL")
DATABASES: dict[str, dict[str, Any]]
if DATABASE_URL:
    DATABASES = {"default": environ.Env.db_url_config(DATABASE_URL)}
    DATABASES["default"].setdefault("CONN_HEALTH_CHECKS", True)
    DATABASES["default"].setdefault("CONN_MAX_AGE", 60)
    # To compile a page's statement takes longer than to run it, and no page of a modern disk costs four times
    # as much out of order. The address may say otherwise: …?options=-c%20jit%3Don
    if DATABASES["default"]["ENGINE"].endswith("postgresql"):
        planning = DATABASES["default"].setdefault("OPTIONS", {})
        planning.setdefault("options", "-c jit=off -c random_page_cost=1.1")
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": DATA_DIR / "db.sqlite3",
            "OPTIONS": {
                # IMMEDIATE takes the write lock at BEGIN: two writers queue instead of one failing half-way.
                "transaction_mode": "IMMEDIATE",
                "timeout": 30,
                "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA temp_store=MEMORY;",
            },
            # An in-memory test database breaks as soon as a thread opens a second connection.
            "TEST": {"NAME": DATA_DIR / "test.sqlite3"},
        }
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Included columns of indexes: SQLite leaves them out, which changes nothing but speed.
SILENCED_SYSTEM_CHECKS = ["models.W040"]

# Queue: Redis when there is one; otherwise worker and beat run inside the web process (config.embedded).
REDIS_URL = value("REDIS_URL")
CELERY_BROKER_URL = value("CELERY_BROKER_URL") or REDIS_URL or "memory://localhost/"
EMBEDDED_WORKER = switch("EMBEDDED_WORKER", CELERY_BROKER_URL.startswith("memory:"))
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    # What lasts as long as the code that made it, and needs no server.
    "process": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "process"},
}

# Awarding and issuing
BADGES_ENABLED = switch("BADGES_ENABLED", True)
PROVIDER_ALLOWED_HOSTS = items("PROVIDER_ALLOWED_HOSTS")
ISSUE_LEASE_SECONDS = number("ISSUE_LEASE_SECONDS", 90)
EVALUATION_SECONDS = number("EVALUATION_SECONDS", 60)
DELIVERY_CONNECTIONS = int(number("DELIVERY_CONNECTIONS", 8))
SWEEP_SECONDS = number("SWEEP_SECONDS", 5)

# Sign-in
AUTH_USER_MODEL = "tms.User"
AUTHENTICATION_BACKENDS = ["tms.sign_in.EmailBackend"]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "dashboard"
LOGOUT_REDIRECT_URL = "sign-in"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

# Language, time
LANGUAGES = languages(items("LANGUAGES") or ["en", "de"])
# Where neither a person nor a browser says which.
LANGUAGE_CODE = LANGUAGES[0][0]
LOCALE_PATHS = [*map(Path, items("LOCALE_DIR")), BASE_DIR / "locale"]
LANGUAGE_COOKIE_AGE = 31_536_000
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
USE_I18N = True
FORMAT_MODULE_PATH = "config.formats"
USE_TZ = True
TIME_ZONE = "UTC"

# Static files
STATIC_URL = "static/"
STATIC_ROOT = Path(value("STATIC_ROOT") or BASE_DIR / "staticfiles")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# What people upload is at most a picture or a list; nobody fills the disk with more.
FILE_UPLOAD_HANDLERS = [
    "tms.uploads.Bounded",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# Security
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        # Pictures of badges lie at the providers, and a provider that may be local may be without TLS.
        "img-src": [SELF, "data:", "https:", *(f"http://{host}" for host in PROVIDER_ALLOWED_HOSTS)],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = switch("SECURE_SSL_REDIRECT", False)
BEHIND_PROXY = switch("BEHIND_PROXY", False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_HSTS_SECONDS = int(number("HSTS_SECONDS", 31_536_000 if SESSION_COOKIE_SECURE else 0))
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# Mail. While trying, and without a server, it is written to files; in production nothing pretends to be sent.
EMAIL_URL = value("EMAIL_URL")
MAIL_ENABLED = bool(EMAIL_URL) or DEBUG
if EMAIL_URL:
    try:
        vars().update(environ.Env.email_url_config(EMAIL_URL))
    except (ImproperlyConfigured, ValueError) as error:
        raise ImproperlyConfigured(f"EMAIL_URL cannot be used: {error}.") from error
elif DEBUG:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = DATA_DIR / "mail"
else:
    EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
EMAIL_TIMEOUT = int(number("EMAIL_TIMEOUT", 10))
DEFAULT_FROM_EMAIL = value("DEFAULT_FROM_EMAIL", "badges@localhost")
NOTICE_WAIT_SECONDS = number("NOTICE_WAIT_SECONDS", 60)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "tms.sign_in.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "config.api_pages.Pagination",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "config.api_errors.handle",
    "PAGE_SIZE": 50,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Badging and achievements",
    "VERSION": "1",
    "DESCRIPTION": "Report learning activity, read achievements and issued badges, issue badges by hand.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    # A reference is written as an id or ext:VALUE and read as an id: what is sent and what is shown differ.
    "COMPONENT_SPLIT_REQUEST": True,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": value("LOG_LEVEL", "INFO").upper()},
    "loggers": {"celery": {"level": "WARNING"}},
}
