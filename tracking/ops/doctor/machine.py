"""The machine on which the site runs: files, the cache and the way to Japan Post."""

import stat
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core import checks
from django.db import connection

from tracking.japanpost import client
from tracking.japanpost.errors import Unavailable
from tracking.ops import readiness

_NETWORK = set("nfs nfs4 cifs smb3 smbfs ncpfs 9p fuse.sshfs fuse.glusterfs ceph afs".split())
_GONE_AFTER_A_RESTART = {"tmpfs", "ramfs"}


def check_machine(*, databases: Sequence[str] | None = None, **kwargs: Any) -> Iterable[checks.CheckMessage]:
    """Return what is wrong on this machine.

    Returns nothing without `--database`, as in a build that checks the settings alone.
    """
    if not databases:
        return ()
    checked = _env_file(), _static_files(), sqlite_place(), _cache(), _japan_post(), _open_to_all()
    return chain(*checked)


def _env_file() -> Iterator[checks.CheckMessage]:
    file = settings.SETTINGS_FILE
    if file.is_file() and file.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
        yield checks.Warning(
            f"Every user of this machine can read {file}, secrets included.",
            hint=f"chmod o= {file}",
            id="emsguide.W101",
        )


def _static_files() -> Iterator[checks.CheckMessage]:
    """Compare the list that collectstatic writes last with the files that it was made from."""
    if settings.DEBUG:
        return
    manifest = Path(settings.STATIC_ROOT) / "staticfiles.json"
    hint = "python manage.py collectstatic --no-input, and restart the site."
    if not manifest.is_file():
        yield checks.Warning(
            f"There are no static files in {manifest.parent}: every page fails.",
            hint=hint,
            id="emsguide.W102",
        )
        return
    listed = chain.from_iterable(finder.list([]) for finder in get_finders())
    newest = max(Path(storage.path(name)).stat().st_mtime for name, storage in listed)
    if newest > manifest.stat().st_mtime:
        yield checks.Warning(
            "The static files are older than the program: pages may look wrong.",
            hint=hint,
            id="emsguide.W103",
        )


def sqlite_place(file: Path | None = None, mounts: str | None = None) -> Iterator[checks.CheckMessage]:
    """`mounts` as in /proc/self/mounts."""
    if file is None and connection.vendor != "sqlite":
        return
    folder = (file or Path(connection.settings_dict["NAME"])).absolute().parent
    hint = "Move it: DATABASE_URL=sqlite:////var/lib/emsguide/db.sqlite3, or take PostgreSQL."
    if not folder.is_dir():
        yield checks.Warning(
            f"The database should be in {folder}, which is no folder.",
            hint=f"mkdir -p {folder}",
            id="emsguide.W104",
        )
        return
    kind = _filesystem_of(folder.resolve(), _mounts() if mounts is None else mounts)
    if kind in _NETWORK:
        yield checks.Warning(
            f"The database is in {folder}, on a network ({kind}): SQLite's locks fail there, and it breaks.",
            hint=hint,
            id="emsguide.W105",
        )
    if kind in _GONE_AFTER_A_RESTART or _is_temporary(folder.resolve()):
        yield checks.Warning(
            f"The database is in {folder}, a temporary folder: the next restart deletes it.",
            hint=hint,
            id="emsguide.W106",
        )


def _cache() -> Iterator[checks.CheckMessage]:
    word = readiness.cache_word()
    if word != readiness.OK:
        yield checks.Warning(
            f"The cache {word}: pages fail.",
            hint="Look at CACHE_URL, and whether that server runs.",
            id="emsguide.W107",
        )
    elif settings.CACHES["default"]["BACKEND"].endswith("LocMemCache"):
        yield checks.Info(
            "The cache is the memory of each process: each worker renders a page once for itself. Limits and the pause "
            "are in the database and hold for all.",
            hint="Nothing, for one machine. For several, CACHE_URL can name a Valkey or Redis that they share.",
            id="emsguide.I108",
        )


def _japan_post() -> Iterator[checks.CheckMessage]:
    try:
        client.try_connection(settings.JAPANPOST_URL, timeout=settings.JAPANPOST_TIMEOUT)
    except Unavailable as reason:
        yield checks.Warning(
            f"Japan Post cannot be reached at {settings.JAPANPOST_URL}: {reason}.",
            hint="Look at this machine's network, name service and firewall. If Japan Post is down, wait.",
            id="emsguide.W109",
        )


def _open_to_all() -> Iterator[checks.CheckMessage]:
    """Find files of the store that every user of the machine can read or write."""
    files = [Path(settings.BACKUP_FOLDER).absolute()]
    files += files[0].glob("emsguide-*")
    if connection.vendor == "sqlite":
        store = Path(connection.settings_dict["NAME"]).absolute()
        files += [store, *(store.with_name(f"{store.name}-{kind}") for kind in ("wal", "shm"))]
    if found := [file for file in files if is_open_to_all(file)]:
        yield checks.Warning(
            f"Every user of this machine can read customers' messages in {found[0]}"
            + (f" and in {len(found) - 1} more." if found[1:] else "."),
            hint="chmod go= " + " ".join(map(str, found[:5])),
            id="emsguide.W110",
        )


def is_open_to_all(path: Path) -> bool:
    """Whether every user of the machine can read or write an absolute path. False if it is missing."""
    try:
        is_open = bool(path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH))
        return is_open and all(folder.stat().st_mode & stat.S_IXOTH for folder in path.parents)
    except OSError:  # missing, or in a folder that even we cannot enter
        return False


def _filesystem_of(folder: Path, mounts: str) -> str:
    """Return the type of the nearest mount; empty if `mounts` has none."""
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
