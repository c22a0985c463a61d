"""All settings, from the environment (docs/settings.md lists them).

Production does not start without SECRET_KEY and ALLOWED_HOSTS.
"""

from datetime import timedelta
from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from emsguide.environment import Environment, read_settings_file, settings_file
from emsguide.logs import FORMATS

BASE_DIR = Path(__file__).resolve().parent.parent

SETTINGS_FILE = settings_file(BASE_DIR)
read_settings_file(SETTINGS_FILE)
env = Environment()

DEBUG = env.strict_bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="for development on this machine only" if DEBUG else "")
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY is missing. Set it to a long random text, or DEBUG=True to develop."
    )
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"] if DEBUG else [])
if not ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS is missing. Set it to your host, such as track.example.com.")

# --- Japan Post -------------------------------------------------------------------------------------------
JAPANPOST_URL = env.origin("JAPANPOST_URL", default="https://trackings.post.japanpost.jp")
JAPANPOST_TIMEOUT = env.number("JAPANPOST_TIMEOUT", default=8, least=1, most=25)  # seconds, whole answer
# Requests in flight in the whole installation; milliseconds between two starts; look-ups that wait in one process.
JAPANPOST_CONCURRENCY = env.number("JAPANPOST_CONCURRENCY", default=4, least=1, most=32)
JAPANPOST_SPACING_MS = env.number("JAPANPOST_SPACING_MS", default=250, least=0, most=60_000)
JAPANPOST_WAITING = env.number("JAPANPOST_WAITING", default=3, least=0, most=100)
FRESH_MINUTES = env.number("FRESH_MINUTES", default=15, least=1, most=1440)

# --- Visitors ---------------------------------------------------------------------------------------------
TRUSTED_PROXIES = env.number("TRUSTED_PROXIES", default=0, least=0, most=10)
# Look-ups per visitor for which Japan Post is asked; 0: no limit. Pages from the store are not counted.
LOOKUPS_PER_MINUTE = env.number("LOOKUPS_PER_MINUTE", default=30, least=0, most=100_000)
MESSAGES_PER_HOUR = env.number(
    "MESSAGES_PER_HOUR", default=5, least=1, most=1000
)  # contact form, per visitor

# --- Mail: without EMAIL_URL messages are stored for staff, and no page claims that a mail was sent ----------
EMAIL_URL = env.str("EMAIL_URL", default="")
EMAIL_IS_SET_UP = bool(EMAIL_URL)
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
if EMAIL_IS_SET_UP:
    _mail = env.email_url("EMAIL_URL")
    EMAIL_BACKEND = _mail["EMAIL_BACKEND"]
    EMAIL_HOST, EMAIL_PORT = _mail["EMAIL_HOST"], _mail["EMAIL_PORT"]
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail["EMAIL_HOST_USER"], _mail["EMAIL_HOST_PASSWORD"]
    EMAIL_USE_TLS, EMAIL_USE_SSL = _mail.get("EMAIL_USE_TLS", False), _mail.get("EMAIL_USE_SSL", False)
    EMAIL_FILE_PATH = _mail["EMAIL_FILE_PATH"]  # for filemail:///folder
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="webmaster@localhost")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
SITE_URL = env.origin("SITE_URL")  # for links in mails to staff; pages use the host of the request

# --- Django -----------------------------------------------------------------------------------------------
# The first parts of the customers' addresses (tracking/urls.py) and of static files, which ADMIN_PATH must not use.
CUSTOMERS_PATHS = frozenset(
    {"track", "services", "examples", "contact", "static", "healthz", "readyz", "metrics"}
)
ADMIN_PATH = env.path_prefix("ADMIN_PATH", default="admin/", taken=CUSTOMERS_PATHS)
ROOT_URLCONF = "emsguide.urls"
WSGI_APPLICATION = "emsguide.wsgi.application"
INSTALLED_APPS = [
    "emsguide.apps.DeskConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_countries",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_static",
    "django_otp.plugins.otp_totp",
    "simple_history",
    "tracking",
]
MIDDLEWARE = [
    "emsguide.request_ids.middleware",
    "emsguide.safety.read_to_the_end",
    "csp.middleware.CSPMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "emsguide.safety.headers",
    "emsguide.safety.short_redirects",
    "django.middleware.security.SecurityMiddleware",  # may redirect to https: the redirection has the headers above
    "emsguide.incoming.refuse_marked",
    "emsguide.safety.body_limit",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "tracking.staff.access.middleware.DeskSessions",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "tracking.staff.access.middleware.refuse_nul",
    "tracking.staff.access.middleware.DeskLogin",
    "tracking.staff.access.middleware.DeskMessages",
    "tracking.staff.access.middleware.desk_clock",
    "simple_history.middleware.HistoryRequestMiddleware",  # notes who changed a row
]
METRICS_TOKEN = env.token("METRICS_TOKEN", least=16)
if METRICS_TOKEN:
    # Outside the others, so that it measures all of them.
    MIDDLEWARE.insert(1, "tracking.ops.metrics.middleware")
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
            ],
        },
    }
]

# --- Store ------------------------------------------------------------------------------------------------
DATABASES = {"default": env.database("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}")}
DATABASES["default"]["CONN_MAX_AGE"] = 600
if DATABASES["default"]["ENGINE"] != "django.db.backends.sqlite3":
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True  # the server may have closed it since the last request
else:
    # Readers never wait for the writer (WAL); a writer takes its lock at BEGIN, so two cannot deadlock.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
    # Tests use a file too: threads share it as processes do.
    DATABASES["default"]["TEST"] = {"NAME": BASE_DIR / "test.sqlite3"}
BACKUP_FOLDER = env.str("BACKUP_FOLDER", default="") or str(BASE_DIR / "backups")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": env.cache("CACHE_URL", default="locmemcache://?max_entries=2000")}  # of 4 kB each

# --- Words and times --------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
# Languages a visitor may get. Add one when both the site's own sentences and your wording exist in it.
LANGUAGES = [("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
TIME_ZONE = "UTC"
USE_TZ = True

# --- Files ------------------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = env.str("STATIC_ROOT", default=str(BASE_DIR / "staticfiles"))
STATICFILES_DIRS = [BASE_DIR / "static"]
_STATIC = (
    "django.contrib.staticfiles.storage.StaticFilesStorage"
    if DEBUG
    else "whitenoise.storage.CompressedManifestStaticFilesStorage"
)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": _STATIC},
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
WHITENOISE_ALLOW_ALL_ORIGINS = False

# --- Safety -----------------------------------------------------------------------------------------------
# Off, because the proxy does this, and behind a proxy without TRUSTED_PROXIES the site would redirect in a loop.
SECURE_SSL_REDIRECT = env.strict_bool("SECURE_SSL_REDIRECT", default=False)
SECURE_HSTS_SECONDS = env.number(
    "SECURE_HSTS_SECONDS", default=0 if DEBUG else 31_536_000, least=0, most=63_072_000
)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = False  # the shop's other hosts are not ours to bind
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # the line above is intended
    "security.W021",
    "axes.W002",  # its middleware would run on customers' pages too; tracking/staff/access/log_in.py does its part
]
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# Balancers and Prometheus ask each machine and not the proxy.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"  # a link in a mail to staff finds them still logged in
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_AGE = 12 * 3600  # seconds; in a browser that is never closed, staff log in again the next day
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Everything comes from our own host, nothing is inline. No nonces, because cached pages are reused.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        **dict.fromkeys(("script-src", "style-src", "img-src", "connect-src", "form-action"), [SELF]),
        **dict.fromkeys(("object-src", "base-uri", "frame-ancestors"), [NONE]),
    }
}
PERMISSIONS_POLICY: dict[str, list[str]] = dict.fromkeys(
    "accelerometer autoplay camera display-capture encrypted-media geolocation gyroscope hid idle-detection "
    "magnetometer microphone midi payment publickey-credentials-get screen-wake-lock serial usb".split(),
    [],  # no site, not even ours
)
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
# Enough for every form, uploads included. Each file has a smaller limit of its own.
MOST_BODY_BYTES = 4 * 1024 * 1024
CSRF_FAILURE_VIEW = "tracking.public.errors.form_refused"
LOGIN_REDIRECT_URL = "admin:index"  # used if `next` names another site
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": name, "OPTIONS": options}
    for name, options in (
        ("django.contrib.auth.password_validation.UserAttributeSimilarityValidator", {}),
        ("django.contrib.auth.password_validation.MinimumLengthValidator", {"min_length": 10}),
        ("django.contrib.auth.password_validation.CommonPasswordValidator", {}),
        ("django.contrib.auth.password_validation.NumericPasswordValidator", {}),
        ("tracking.staff.access.passwords.LongestPassword", {}),
    )
]

# --- Log-in (django-axes): after five failures of one name from one address, a pause ------------------------
# Tries of one address in 15 minutes, whatever the names; those that succeed are not counted. A /48 network: four times.
FAILURES_PER_ADDRESS = 20
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "tracking.staff.access.log_in.address_of"
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # so that the page can say when the pause ends
AXES_DISABLE_ACCESS_LOG = True  # no data that would have to be deleted later
AXES_ENABLE_ADMIN = False  # tracking/admin/access/people.py has a plainer page
AXES_SENSITIVE_PARAMETERS = ["csrfmiddlewaretoken"]  # the password too, always: neither is stored or logged
AXES_VERBOSE = False
AXES_HANDLER = "tracking.staff.access.failures.FailureHandler"
AXES_CLIENT_STR_CALLABLE = "tracking.staff.access.failures.client_in_log"

# --- Second factor (django-otp): what a phone shows in its list of codes is "track.example.com: ann" --------
STAFF_SECOND_FACTOR = env.choice("STAFF_SECOND_FACTOR", default="off", among=("off", "required"))
OTP_TOTP_ISSUER = ALLOWED_HOSTS[0].lstrip(".")

# --- Log ---------------------------------------------------------------------------------------------------
LOG_FORMAT = env.choice("LOG_FORMAT", default="plain", among=FORMATS)
DEFAULT_EXCEPTION_REPORTER_FILTER = "emsguide.safety.HidesSecrets"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"chosen": FORMATS[LOG_FORMAT]},
    "filters": {
        "broken": {"()": "emsguide.logs.DropHandledResponses"},
        "troubles": {"()": "emsguide.logs.ShortenTroubles"},
        "limit": {"()": "emsguide.log_limits.LimitLines"},
        "request_id": {"()": "emsguide.request_ids.RequestId"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "chosen",
            "filters": ["broken", "troubles", "limit", "request_id"],
        },
        "nowhere": {"class": "logging.NullHandler"},
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "tracking": {"level": "INFO"},
        "django.server": {"level": "INFO"},
        # Any client can send a wrong host, a form without its token or too many fields. It is refused without a line.
        "django.security": {"handlers": ["nowhere"], "propagate": False},
    },
}
