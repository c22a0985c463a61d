"""Settings, files and the way to Japan Post: what can be seen without the database."""

import stat
import tempfile
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core import checks
from django.db import connection
from django.http.request import validate_host

from tracking.japanpost import client
from tracking.japanpost.errors import Unavailable
from tracking.ops import readiness
from tracking.ops.doctor.finding import Finding

_NEW_KEY = 'python -c "import secrets; print(secrets.token_urlsafe(64))"'
_NETWORK = {
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "ncpfs",
    "9p",
    "fuse.sshfs",
    "fuse.glusterfs",
    "ceph",
    "afs",
}
_GONE_AFTER_A_RESTART = {"tmpfs", "ramfs"}
_TOLD_HERE = {
    "security.W008",  # the proxy in front redirects to https
    "security.W009",  # the secret key
    "security.W018",  # DEBUG
    "security.W020",  # ALLOWED_HOSTS
}


def debug() -> Iterator[Finding]:
    if settings.DEBUG:
        yield Finding(
            "DEBUG is on: whoever meets an error reads our code and settings.",
            "Take DEBUG out, or set DEBUG=False, unless this is your own machine.",
        )


def secret_key() -> Iterator[Finding]:
    key = settings.SECRET_KEY
    if len(key) < 50 or len(set(key)) < 5 or key.startswith("django-insecure-"):
        yield Finding(
            "SECRET_KEY can be guessed: with it anybody can forge a log-in.",
            f"Set it to what this prints: {_NEW_KEY}. Staff have to log in again.",
        )


def hosts() -> Iterator[Finding]:
    if "*" in settings.ALLOWED_HOSTS:
        yield Finding(
            "ALLOWED_HOSTS allows every host: a forged one gets into links.",
            "Set it to your host names, such as track.example.com.",
        )
    host = urlsplit(settings.SITE_URL).hostname
    if host and not validate_host(host, settings.ALLOWED_HOSTS):
        yield Finding(
            f"SITE_URL is at {host}, which ALLOWED_HOSTS does not have: links in mails lead to an error.",
            f"Add {host} to ALLOWED_HOSTS.",
        )


def site_url() -> Iterator[Finding]:
    if not settings.SITE_URL:
        yield Finding(
            "SITE_URL is missing: mails to staff cannot link to the desk.",
            "Set it to where the site is, such as https://track.example.com.",
        )
    elif settings.SITE_URL.startswith("http:") and not settings.DEBUG:
        yield Finding(
            "SITE_URL begins with http: but cookies of the desk are sent over https alone, so nobody can log in.",
            "Put a proxy with a certificate in front, and let SITE_URL begin with https.",
        )


def mail() -> Iterator[Finding]:
    if not settings.EMAIL_IS_SET_UP:
        yield Finding(
            "EMAIL_URL is missing: messages of customers are kept and not mailed, and no alarm reaches anybody.",
            "Set it, such as smtp+tls://user:password@host:587, and try it with: python manage.py sendtestemail you@example.com",
        )
    elif settings.DEFAULT_FROM_EMAIL == "webmaster@localhost":
        yield Finding(
            "Mails come from webmaster@localhost, which mail servers refuse.",
            "Set DEFAULT_FROM_EMAIL to an address of yours.",
        )


def proxies() -> Iterator[Finding]:
    if settings.SITE_URL.startswith("https:") and not settings.TRUSTED_PROXIES:
        yield Finding(
            "The site is at https and TRUSTED_PROXIES is 0. With a proxy in front, all visitors count as one.",
            "Set TRUSTED_PROXIES to the number of proxies of yours in front, mostly 1; leave it where there is none.",
            is_wrong=False,
        )


def env_file(file: Path | None = None) -> Iterator[Finding]:
    file = file or settings.SETTINGS_FILE
    if file.is_file() and file.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
        yield Finding(
            f"Everybody on this machine can read {file}, secrets included.",
            f"chmod o= {file}",
        )


def static_files() -> Iterator[Finding]:
    """The list that collectstatic writes last, beside the files it was made from."""
    if settings.DEBUG:
        return
    manifest = Path(settings.STATIC_ROOT) / "staticfiles.json"
    remedy = "python manage.py collectstatic --no-input, and start the site anew."
    if not manifest.is_file():
        yield Finding(f"There are no static files in {manifest.parent}: every page fails.", remedy)
        return
    listed = chain.from_iterable(finder.list([]) for finder in get_finders())
    newest = max(Path(storage.path(name)).stat().st_mtime for name, storage in listed)
    if newest > manifest.stat().st_mtime:
        yield Finding("The static files are older than the program: pages may look wrong.", remedy)


def sqlite_place(file: Path | None = None, mounts: str | None = None) -> Iterator[Finding]:
    """`mounts` as in /proc/self/mounts."""
    if file is None and connection.vendor != "sqlite":
        return
    folder = (file or Path(connection.settings_dict["NAME"])).absolute().parent
    remedy = "Move it: DATABASE_URL=sqlite:////var/lib/emsguide/db.sqlite3, or take PostgreSQL."
    if not folder.is_dir():
        yield Finding(f"The database should be in {folder}, which is no folder.", f"mkdir -p {folder}")
        return
    kind = _filesystem_of(folder.resolve(), _mounts() if mounts is None else mounts)
    if kind in _NETWORK:
        yield Finding(
            f"The database is in {folder}, on a network ({kind}): SQLite's locks do not hold there, and it breaks.",
            remedy,
        )
    if kind in _GONE_AFTER_A_RESTART or _is_temporary(folder.resolve()):
        yield Finding(
            f"The database is in {folder}, a temporary folder: it goes with the next restart.", remedy
        )


def cache() -> Iterator[Finding]:
    word = readiness.cache_word()
    if word != readiness.OK:
        yield Finding(f"The cache {word}: pages fail.", "Look at CACHE_URL, and whether that server runs.")
    elif settings.CACHES["default"]["BACKEND"].endswith("LocMemCache"):
        yield Finding(
            "The cache is the memory of each process: each worker renders a page once for itself. Limits and the pause "
            "are in the database and hold for all.",
            "Nothing, for one machine. For several, CACHE_URL can name a Valkey or Redis that they share.",
            is_wrong=False,
        )


def django_finds() -> Iterator[Finding]:
    """Django's own check --deploy, but for what is told here in other words."""
    if settings.DEBUG:
        return
    for message in checks.run_checks(include_deployment_checks=True):
        if message.level >= checks.WARNING and not message.is_silenced() and message.id not in _TOLD_HERE:
            yield Finding(
                f"Django says ({message.id}): {message.msg}",
                message.hint or "Look the id up in Django's docs.",
            )


def japan_post() -> Iterator[Finding]:
    try:
        client.try_connection(settings.JAPANPOST_URL, timeout=settings.JAPANPOST_TIMEOUT)
    except Unavailable as reason:
        yield Finding(
            f"Japan Post cannot be reached at {settings.JAPANPOST_URL}: {reason}.",
            "Look at this machine's network, name service and firewall; perhaps they are down, then wait.",
        )


def _filesystem_of(folder: Path, mounts: str) -> str:
    """Of the mount that is nearest; empty where nobody knows."""
    mounted = (line.split() for line in mounts.splitlines())
    here = [(len(point), kind) for _, point, kind, *_ in mounted if folder.is_relative_to(point)]
    return max(here, default=(0, ""))[1]


def _mounts() -> str:
    try:
        return Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""  # no Linux


def _is_temporary(folder: Path) -> bool:
    return any(
        folder.is_relative_to(Path(one).resolve())
        for one in (tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm")
    )


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    debug,
    secret_key,
    hosts,
    site_url,
    mail,
    proxies,
    env_file,
    static_files,
    sqlite_place,
    cache,
    django_finds,
    japan_post,
)
