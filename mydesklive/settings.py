"""Settings of myDESKlive in one file. All values that differ between installations come from the environment.

A process with errors in its configuration does not start (`checks`).
"""

import os
from datetime import UTC, date, datetime
from pathlib import Path

from csp.constants import NONE, SELF
from django.templatetags.static import static
from django.utils.translation import gettext_lazy as _
from environ import Env
from redis.backoff import NoBackoff
from redis.retry import Retry

from accounts.mails import imap
from accounts.work.breaker import PATIENCE
from mydesklive import environment
from mydesklive.powers import permissions_policy

BASE_DIR = Path(__file__).resolve().parent.parent

env = environment.Environment(os.environ)
MALFORMED = env.malformed  # names of settings that could not be read, and what to set; checks.py tells them

DEBUG = env.flag("DEBUG", False)
# The demo shows invented data, keeps mail in the database and lets its cast sign in with the password "demo".
MYDESK_DEMO = env.flag("MYDESK_DEMO", False)
# The last day of the published figures. The demo's history has their totals, and everything after this day is invented.
DEMO_FACTS_UNTIL = date(2022, 11, 30)

# Without keys the demo still starts, and so do commands that need no key. The checks refuse it everywhere else.
SECRET_KEY = env.key("SECRET_KEY") or "insecure: SECRET_KEY is not set"
SECRET_KEY_FALLBACKS = env.items("SECRET_KEY_FALLBACKS")
# Encrypts and hashes tax numbers. What the older keys have sealed is still read (accounts/sealing).
OWN_DATA_KEY = env.key("DATA_KEY")
DATA_KEY = OWN_DATA_KEY or SECRET_KEY
DATA_KEY_FALLBACKS = env.items("DATA_KEY_FALLBACKS")

# The public address of the site. Mail, SMS and calendar files link to it.
SITE_URL = env.text("SITE_URL", "http://localhost:8000").rstrip("/")
_LOCAL_SITE = environment.site("http://localhost:8000")
_site = env.read("SITE_URL", _LOCAL_SITE, environment.site, "the whole address, e.g. https://rantevou.example.org")
LOCAL_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
FURTHER_HOSTS = env.items("ALLOWED_HOSTS")
ALLOWED_HOSTS = [*FURTHER_HOSTS, _site.hostname or "localhost", *LOCAL_HOSTS]
CSRF_TRUSTED_ORIGINS = [SITE_URL] if _site.scheme in {"http", "https"} else []
# Hosts that are reached over a network of our own, where nobody else can listen. All others are spoken to through TLS.
PRIVATE_HOSTS = env.items("PRIVATE_HOSTS")

# Apps and middleware

INSTALLED_APPS = [
    "mydesklive",
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "mydesklive.staff.apps.StaffAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.mfa",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "accounts",
    "accounts.taxisnet",
    "agencies",
    "videocalls",
    "appointments",
    "reports",
]

MIDDLEWARE = [
    "mydesklive.logs.requests.RequestMiddleware",
    "mydesklive.pages.headers.HeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "mydesklive.pages.files.StaticFilesMiddleware",
    "mydesklive.pages.outages.OutageMiddleware",
    "mydesklive.pages.middleware.CompressMiddleware",
    "mydesklive.pages.middleware.PolicyMiddleware",
    "mydesklive.pages.middleware.ReadableMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "mydesklive.pages.middleware.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.staff.standing.StandingMiddleware",
    "mydesklive.pages.middleware.MessagesMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "mydesklive.pages.sight.SightMiddleware",
    "mydesklive.pages.middleware.SwitchMiddleware",
    "reports.gateway.counting.PageViewMiddleware",
]

ROOT_URLCONF = "mydesklive.urls"
WSGI_APPLICATION = "mydesklive.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.template.context_processors.i18n",
                "django.contrib.messages.context_processors.messages",
                "mydesklive.pages.context.site",
            ],
        },
    },
]

FORM_RENDERER = "mydesklive.pages.forms.Renderer"

# Data

_LOCAL_DATABASE = environment.database("postgresql://postgres@localhost/mydesklive")
_POSTGRESQL = "the address of a PostgreSQL database, e.g. postgresql://user:password@host:5432/name?sslmode=verify-full"
DATABASES = {"default": env.read("DATABASE_URL", _LOCAL_DATABASE, environment.database, _POSTGRESQL)}
DATABASES["default"] |= {"ENGINE": "mydesklive.postgresql", "CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}
# Whether statements are prepared: "on", "off", or "auto", which is on, but off behind a connection pooler.
DATABASE_PREPARE = env.choice("DATABASE_PREPARE", "auto", ("on", "off", "auto"))
DATABASES["default"]["PREPARES_BEHIND_POOLER"] = DATABASE_PREPARE == "on"
# How long statements and locks may take is told by accounts/database/patience.py.
DATABASES["default"]["OPTIONS"] = {
    "connect_timeout": 2,  # seconds
    # A network that swallows everything is noticed within about half a minute.
    "keepalives_idle": 10,  # seconds
    "keepalives_interval": 5,  # seconds
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,  # milliseconds
    **DATABASES["default"].get("OPTIONS", {}),
    "server_side_binding": True,
    # From its sixth use on a connection, a statement keeps its plan, because planning took longer than execution.
    "prepare_threshold": None if DATABASE_PREPARE == "off" else 5,
}
DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True  # they outlive a transaction, which a pooler does not allow
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# The threads of each web process. One works at a time, the others are for requests that wait, and each keeps a connection to
# the database. All cores together have about 64 if this is not set.
WEB_THREADS = env.number("WEB_THREADS", max(4, min(16, 64 // (os.cpu_count() or 1))), least=1, most=200)

REDIS_URL = env.text("REDIS_URL", "redis://localhost:6379/0")

# Sessions are in the database, so that no booking is lost when the cache is lost.
SESSION_ENGINE = "accounts.staff.sessions"
CACHES = {
    "default": {
        "BACKEND": "mydesklive.cache.ForgivingRedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "mydesklive",
        # No retries: if Redis does not answer, the page is made without the cache.
        "OPTIONS": {"socket_connect_timeout": 0.1, "socket_timeout": PATIENCE, "retry": Retry(NoBackoff(), 0)},
    }
}

# Background work

# Celery spells the address of a unix socket in its own way.
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A booking must not wait for a lost broker. The periodic tasks find the work that could not be published.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_connect_timeout": 0.1,
    "socket_timeout": 5,
    "max_retries": 0,
    "global_keyprefix": "mydesklive:",
    # What is taken from a queue is counted in the worker and not in Redis. Otherwise each stall loses the worker a place, and
    # without places it takes nothing for ever. A task that is lost with its worker is a sweep, and comes again in seconds.
    "ack_emulation": False,
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 600
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Processes of a worker. They mostly wait for others, and are more than can wait for mail servers and gateways at once.
CELERY_WORKER_CONCURRENCY = env.number("WORKER_PROCESSES", 11, least=1, most=200)
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_TIMEZONE = "Europe/Athens"
CELERY_BEAT_SCHEDULER = "mydesklive.alive.beat:Scheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5  # seconds; so soon it sees that the clock was set back
# The modules of each app with the work that it owes (accounts/work/due.py), in the order of pages.
DUE_WORK = [
    "accounts.mails.due",
    "agencies.members.due",
    "appointments.watch.due",
    "reports.rollups.due",
    "reports.demand.due",
    "reports.mailing.due",
    "mydesklive.alive.due",
]
# Where worker and beat write that they are alive (deploy/healthy.py). Empty is the system's folder of temporary files.
PULSE_FOLDER = env.text("PULSE_FOLDER", "")

# Monitoring: whoever knows the token may read /metrics. Without one nobody can.
METRICS_TOKEN = env.text("METRICS_TOKEN", "")

# Language, time and numbers

LANGUAGE_CODE = "el"
LANGUAGES = [("el", _("Greek")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "mydesklive.formats"
USE_TZ = True
TIME_ZONE = "Europe/Athens"
USE_THOUSAND_SEPARATOR = False

# Accounts and sign-in

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# Argon2 is what OWASP recommends. Passwords that were stored otherwise are stored anew at the next sign-in.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
# Citizens sign in with a code sent by e-mail. Only the demo has a page that asks for a password.
PASSWORD_SIGN_IN = MYDESK_DEMO
LOGIN_URL = "account_login"
# These are names of URLs, not paths, so that the next page has the same language.
LOGIN_REDIRECT_URL = "appointments:list"
ACCOUNT_LOGOUT_REDIRECT_URL = "agencies:portal"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*"]
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "add_email": "accounts.forms.AddressForm",
    "change_email": "accounts.forms.OtherAddressForm",
    "confirm_email_verification_code": "accounts.forms.AddressCodeForm",
    "confirm_login_code": "accounts.forms.LoginCodeForm",
    "login": "accounts.forms.SignInForm",
    "request_login_code": "accounts.forms.CodeForm",
    "signup": "accounts.forms.SignUpForm",
}
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND = ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
# allauth counts in the cache, and nothing while Redis is away. `accounts.limits.tries` has the limits.
ACCOUNT_RATE_LIMITS = False
CODE_MINUTES = 15  # a code is valid so long; three tries a code
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT = CODE_MINUTES * 60  # seconds
ACCOUNT_LOGIN_TIMEOUT = 3 * CODE_MINUTES * 60  # a code can be sent anew twice
ALLAUTH_USER_CODE_FORMAT = {"numeric": True, "dashed": False, "length": 6}
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
# A new address replaces the old one, which is told.
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_SESSION_REMEMBER = False
# The second factor of people with a role. In the demo they may set one up, but need not.
SECOND_FACTOR_REQUIRED = env.flag("SECOND_FACTOR_REQUIRED", not MYDESK_DEMO)
MFA_ADAPTER = "accounts.staff.adapter.FactorAdapter"
MFA_SUPPORTED_TYPES = ["webauthn", "totp", "recovery_codes"]
MFA_FORMS = {
    "authenticate": "accounts.staff.forms.CodeForm",
    "reauthenticate": "accounts.staff.forms.CodeAgainForm",
    "activate_totp": "accounts.staff.forms.AppForm",
    "add_webauthn": "accounts.staff.forms.PasskeyForm",
    "authenticate_webauthn": "accounts.staff.forms.ShownPasskeyForm",
    "reauthenticate_webauthn": "accounts.staff.forms.PasskeyAgainForm",
    "login_webauthn": "accounts.staff.forms.PasskeySignInForm",
}
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_USER_VERIFICATION = "required"
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_ISSUER = "myDESKlive"
MFA_TOTP_TOLERANCE = 1  # half minutes by which a telephone's clock may be wrong
MFA_RATE_LIMITS = False  # `accounts.limits.tries` counts
# Sessions of people with a role end after so many minutes in which nobody does anything.
STAFF_IDLE_MINUTES = env.number("STAFF_IDLE_MINUTES", 30, least=5, most=12 * 60)
# A role that its holder has not used for so many days ends. So many days before, a mail warns.
RIGHTS_LAPSE_DAYS = env.number("RIGHTS_LAPSE_DAYS", 180, least=60, most=1000)
RIGHTS_WARNING_DAYS = 30
# An invitation to a role is valid for so many days.
INVITATION_DAYS = env.number("INVITATION_DAYS", 7, least=1, most=60)
# The number of our own proxies in front, so that limits count the visitor's address and not the proxy's.
ALLAUTH_TRUSTED_PROXY_COUNT = env.number("TRUSTED_PROXIES", 0, least=0, most=10)
ACCOUNT_DEFAULT_HTTP_PROTOCOL = _site.scheme or "http"

# Sign-in at TAXISnet, of citizens and of public employees: the address with its path, such as
# https://oauth2.gsis.gr/oauth2serverotp, and what GSIS gives for it. The demo has a provider of its own.
SANDBOX = MYDESK_DEMO
_SANDBOX = "sandbox" if SANDBOX else ""
TAXISNET_URL = env.text("TAXISNET_URL", _SANDBOX and f"{SITE_URL}/sandbox/oauth2serverotp").rstrip("/")
TAXISNET_CLIENT_ID = env.text("TAXISNET_CLIENT_ID", _SANDBOX)
TAXISNET_SECRET = env.text("TAXISNET_SECRET", _SANDBOX)
TAXISNET_STAFF_URL = env.text("TAXISNET_STAFF_URL", _SANDBOX and f"{SITE_URL}/sandbox/oauth2servergov").rstrip("/")
TAXISNET_STAFF_CLIENT_ID = env.text("TAXISNET_STAFF_CLIENT_ID", _SANDBOX)
TAXISNET_STAFF_SECRET = env.text("TAXISNET_STAFF_SECRET", _SANDBOX)
# Sign-in of other Europeans at a provider of OpenID Connect. OIDC_LEVELS are its own names for levels of assurance.
OIDC_URL = env.text("OIDC_URL", _SANDBOX and f"{SITE_URL}/sandbox/oidc").rstrip("/")
OIDC_CLIENT_ID = env.text("OIDC_CLIENT_ID", _SANDBOX)
OIDC_SECRET = env.text("OIDC_SECRET", _SANDBOX)
OIDC_ACR_VALUES = env.text("OIDC_ACR_VALUES")
# Where else than at OIDC_URL the provider's page is, if it is elsewhere. Browsers are led nowhere else.
OIDC_ORIGINS = env.items("OIDC_ORIGINS")
_LEVELS = "names of levels, such as urn:example:gold=substantial,urn:example:chip=high"
OIDC_LEVELS: dict[str, str] = env.read("OIDC_LEVELS", {}, environment.levels, _LEVELS)
SOCIALACCOUNT_ADAPTER = "accounts.entering.social.SocialAccountAdapter"
SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"provider_class": "accounts.europe.provider.EuropeProvider"}}
SOCIALACCOUNT_STORE_TOKENS = False

# Messages

Env.EMAIL_SCHEMES["demo"] = "accounts.mails.mailbox.DemoBackend"
EMAIL_URL = env.text("EMAIL_URL")
_NO_MAIL, _SMTP = environment.mail("dummymail:"), "the address of a mail server, e.g. smtp+tls://user:password@host:587"
_email = env.read("EMAIL_URL", _NO_MAIL, environment.mail, _SMTP)
EMAIL_BACKEND = _email["EMAIL_BACKEND"]
EMAIL_HOST = _email["EMAIL_HOST"] or "localhost"
EMAIL_PORT = _email["EMAIL_PORT"] or 25
EMAIL_HOST_USER = _email["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD = _email["EMAIL_HOST_PASSWORD"] or ""
EMAIL_USE_TLS = _email.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _email.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10  # seconds
_host = _site.hostname or ""
_sender_host = "localhost" if not _host or ":" in _host else _host  # a number of IPv6 is no domain of mail
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", f"myDESKlive <no-reply@{_sender_host}>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
# The mailbox in which notices of failed mails and answers of calendars arrive, such as imaps://user:password@host/INBOX.
# Without one nobody reads them.
BOUNCE_URL = env.text("BOUNCE_URL")
env.read("BOUNCE_URL", None, imap.place, "the address of a mailbox, e.g. imaps://user:password@host/INBOX")
# Where notices are sent to: name@host, whose mail server also takes name+anything@host. Empty is DEFAULT_FROM_EMAIL.
BOUNCE_ADDRESS = env.text("BOUNCE_ADDRESS")
# Who notes that a mail came back, by the kind of its mark (accounts/mails/marks.py). No mail of another kind is sent.
RETURNED_MAILS = {
    "account": "accounts.mails.outbox.follow",
    "message": "appointments.messages.returned.following.follow_message",
    "notice": "appointments.messages.returned.following.follow_told",
    "alert": "appointments.watch.alerts.follow",
    "report": "reports.mailing.delivery.follow",
}
# An apprise address with {phone} for the recipient, such as jsons://gateway.example.org/sms?:to={phone}. Empty means no SMS.
SMS_URL = env.text("SMS_URL")
# Seconds to wait for a gateway's answer, if SMS_URL says nothing else. It may have taken the message when they are over.
SMS_TIMEOUT = 20
# Signs what the gateway tells about SMS that citizens send. Empty means that none are taken.
SMS_HOOK_SECRET = env.text("SMS_HOOK_SECRET")

# Video: a Jitsi server that accepts signed tokens. Without one the built-in room is used.
JITSI_URL = env.text("JITSI_URL").rstrip("/")
JITSI_APP_ID = env.text("JITSI_APP_ID")
JITSI_SECRET = env.text("JITSI_SECRET")
# A LiveKit server; people see its rooms on a page of our own.
LIVEKIT_URL = env.text("LIVEKIT_URL").rstrip("/")
LIVEKIT_API_KEY = env.text("LIVEKIT_API_KEY")
LIVEKIT_API_SECRET = env.text("LIVEKIT_API_SECRET")
# A BigBlueButton server, as `bbb-conf --secret` shows it.
BBB_URL = env.text("BBB_URL").rstrip("/").removesuffix("/api")
BBB_SECRET = env.text("BBB_SECRET")
# Webex: an integration or service app with its refresh token, or a token that somebody else keeps fresh.
WEBEX_URL = env.text("WEBEX_URL", "https://webexapis.com").rstrip("/")
WEBEX_CLIENT_ID = env.text("WEBEX_CLIENT_ID")
WEBEX_CLIENT_SECRET = env.text("WEBEX_CLIENT_SECRET")
WEBEX_REFRESH_TOKEN = env.text("WEBEX_REFRESH_TOKEN")
WEBEX_TOKEN = env.text("WEBEX_TOKEN")
WEBEX_HOST = env.text("WEBEX_HOST")

# The built-in room: servers of STUN and TURN with commas, such as turn:turn.example.org:3478?transport=udp, and the secret
# that we share with them. Browsers that find no direct way to each other need one.
TURN_URLS = env.items("TURN_URLS")
TURN_SECRET = env.text("TURN_SECRET")
# Everything goes through the relay: nobody in a call learns the network address of another one.
TURN_ONLY = env.flag("TURN_ONLY", False)

# A file that tells countries of network addresses, in MaxMind's format (MMDB). Without one, visitors' countries are not known.
GEOIP_PATH = env.text("GEOIP_PATH")

# Who publishes the open data, as other catalogues name it, and who answers questions about it.
PUBLISHER_NAME_EL = env.text("PUBLISHER_NAME_EL", "myDESKlive")
PUBLISHER_NAME_EN = env.text("PUBLISHER_NAME_EN", "myDESKlive")
PUBLISHER_EMAIL = env.text("PUBLISHER_EMAIL")

# Who is told of weak points (/.well-known/security.txt): mailto:… or https://…. Empty is the help page.
SECURITY_CONTACT = env.text("SECURITY_CONTACT")
# Until when that page is good. A test says when somebody has to look at it again: https://www.rfc-editor.org/rfc/rfc9116
SECURITY_TXT_EXPIRES = datetime(2027, 10, 31, tzinfo=UTC)

# Static files: hashed and compressed by `collectstatic`, or straight from their folders in tests.

STATIC_URL = "/static/"
STATICFILES_DIRS = [
    BASE_DIR / "static",
    ("vendor/digigov", BASE_DIR / "node_modules/@digigov/css/dist"),
    ("vendor/calendar", BASE_DIR / "node_modules/@event-calendar/build/dist"),
    ("vendor/livekit", BASE_DIR / "node_modules/livekit-client/dist"),
    ("vendor/idiomorph", BASE_DIR / "node_modules/idiomorph/dist"),
    ("vendor/d3", BASE_DIR / "node_modules/d3/dist"),
    ("vendor/plot", BASE_DIR / "node_modules/@observablehq/plot/dist"),
    ("vendor/topojson", BASE_DIR / "node_modules/topojson-client/dist"),
    ("vendor/world", BASE_DIR / "node_modules/world-atlas"),
    ("vendor/altcha", BASE_DIR / "node_modules/altcha/dist/workers"),
    ("vendor/roboto", BASE_DIR / "node_modules/@fontsource/roboto/files"),
]
STATIC_MANIFEST = env.flag("STATIC_MANIFEST", not (MYDESK_DEMO or DEBUG))
STATIC_ROOT = BASE_DIR / "staticfiles" if STATIC_MANIFEST else None
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "mydesklive.pages.storage.StaticFilesStorage"
        if STATIC_MANIFEST
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not STATIC_MANIFEST
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ("map", "png", "woff", "woff2", "zip")

# Security

_https = _site.scheme == "https"
SECURE_SSL_REDIRECT = _https
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]
# The proxy in front has to set this header itself and drop the one that it receives.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _https else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if _https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _https
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SESSION_COOKIE_AGE = 12 * 3600
# Computers are shared: no cookie outlives the browser.
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
CSRF_COOKIE_AGE = None
X_FRAME_OPTIONS = "DENY"
# Stands on every answer, also on static files, redirects and errors, unless the answer has its own.
ANSWER_HEADERS = {
    "Permissions-Policy": permissions_policy(),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": SECURE_REFERRER_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": X_FRAME_OPTIONS,
}

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        # Buttons lead to providers, and so does signing out.
        "form-action": [SELF, *environment.origins(TAXISNET_URL, TAXISNET_STAFF_URL, OIDC_URL, *OIDC_ORIGINS)],
        "frame-ancestors": [NONE],
    },
}

# The API

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "EXCEPTION_HANDLER": "agencies.api.refusing.answered",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "agencies.api.negotiation.QuickNegotiation",
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "myDESKlive",
    "DESCRIPTION": "Appointments with public services: agencies, branches, procedures, free times, bookings.",
    "VERSION": "v1",
    "LICENSE": {"name": "EUPL-1.2", "url": "https://eupl.eu/1.2/en/"},
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {"Channel": "agencies.models.Channel", "Status": "appointments.models.Status"},
}

# The admin's theme

UNFOLD = {
    "SITE_TITLE": "myDESKlive",
    "SITE_HEADER": "myDESKlive",
    "SITE_URL": "/",
    "SHOW_LANGUAGES": True,
    "SHOW_VIEW_ON_SITE": False,
    "THEME": "light",
    "STYLES": [lambda _request: static("css/admin.css")],
    "SCRIPTS": [lambda _request: static("js/admin.js")],
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("favicon.svg")}],
    "SIDEBAR": {"navigation": "mydesklive.staff.site.navigation"},
}

# Web processes (deploy/web.sh). 0 means one for each core.
WEB_WORKERS = env.number("WEB_WORKERS", 0, least=1, most=512)

# The log goes to standard output. Security events are always JSON, so that they can be shipped away.

LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
LOG_FORMAT = env.choice("LOG_FORMAT", "line" if MYDESK_DEMO else "json", ("json", "line"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "mydesklive.logs.lines.Json"}, "line": {"()": "mydesklive.logs.lines.Line"}},
    "filters": {
        "security": {"()": "logging.Filter", "name": "mydesklive.security"},
        "others": {"()": "mydesklive.logs.lines.Others", "name": "mydesklive.security"},
    },
    "handlers": {
        "stdout": {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stdout",
            "formatter": LOG_FORMAT,
            "filters": ["others"],
        },
        "security": {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stdout",
            "formatter": "json",
            "filters": ["security"],
        },
    },
    "root": {"handlers": ["stdout", "security"], "level": LOG_LEVEL},
    "loggers": {
        "mydesklive.security": {"level": "INFO"},
        "django": {"handlers": [], "propagate": True},
        "django.request": {"level": "ERROR"},  # each request has its own line
        "django.server": {"handlers": [], "propagate": True, "level": "ERROR"},
        "celery": {"level": "INFO"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "flufl": {"level": "WARNING"},
    },
}
