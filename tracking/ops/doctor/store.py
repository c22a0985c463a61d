"""The database: whether it can be used, and what it says about the jobs that have to run."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.core import checks
from django.db import DatabaseError, connection
from django.db.models import Max
from django.utils import timezone

from tracking.fetching.alarms import DIGEST
from tracking.fetching.gate import SENDING, current_gate
from tracking.journey.usual_waits import LEAST_PARCELS
from tracking.models import (
    Alarm,
    Allowance,
    AskedBy,
    Fetch,
    Message,
    Phrase,
    Purpose,
    Shipment,
    Shop,
    UsualWait,
)
from tracking.ops import backup, readiness
from tracking.public import visitors
from tracking.staff.access import groups
from tracking.values.clocks import is_ahead
from tracking.words import seed

WATCH_MAY_LAG = timedelta(hours=1)
LEARN_EVERY = timedelta(days=3)
DIGEST_EVERY = timedelta(days=2)
BACKUP_EVERY = timedelta(days=2)
MAIL_TAKES = timedelta(hours=1)
LOOK_BACK = timedelta(days=7)
CLOCKS_MAY_DIFFER = timedelta(seconds=5)
NEWEST_REQUESTS = 100  # enough that each machine has one among them
_LOOPBACK = tuple(visitors.normal_address(one) for one in ("127.0.0.1", "::1"))


def check_store(*, databases: Sequence[str] | None = None, **kwargs: Any) -> Iterable[checks.CheckMessage]:
    """Return what is wrong in the database, or only why it cannot be used; nothing without `--database`."""
    if not databases:
        return ()
    now = timezone.now()
    jobs = _watch(now), _learn(now), _digest(now), _backups(now), _mails(now), _sessions(now)
    return list(_obstacles()) or chain(_shop(), *jobs, _clocks(now), _people(), _addresses(now))


def _obstacles() -> Iterator[checks.CheckMessage]:
    """Why the rest of the database cannot be checked."""
    try:
        left = readiness.unapplied_migrations()
        if left:
            yield checks.Warning(
                f"Migrations that are not applied: {len(left)}, the first is {left[0]}.",
                hint="python manage.py migrate",
                id="emsguide.W201",
            )
        else:
            yield from _writable()
    except DatabaseError as error:
        yield checks.Warning(
            f"The database does not answer ({type(error).__name__}).",
            hint="Look at DATABASE_URL, whether that server runs, and whether this user may read the file.",
            id="emsguide.W202",
        )


def _writable() -> Iterator[checks.CheckMessage]:
    try:
        readiness.write()
    except DatabaseError as error:
        yield checks.Warning(
            f"Nothing can be written to the database ({type(error).__name__}): no look-up works.",
            hint="Give the file and its folder to the user of the site, for SQLite writes to both, and look for space "
            "on the disk, or for a process that holds its lock. (Run this command as that user.)"
            if connection.vendor == "sqlite"
            else "Look at the rights of its user, for space on its disk, and for a session that holds a lock.",
            id="emsguide.W203",
        )


def _shop() -> Iterator[checks.CheckMessage]:
    for name, email, technical_email in Shop.objects.values_list("name", "email", "technical_email"):
        if name == seed.read("shop")["name"]:
            yield checks.Warning(
                f"The shop is still called “{name}”.",
                hint="Write its name at the desk, under Shop.",
                id="emsguide.W204",
            )
        if not email or email.endswith(("@example.com", ".example", "@localhost")):
            yield checks.Warning(
                "The shop has no e-mail address of its own: customers cannot write by mail, and staff get no mail of "
                "their messages.",
                hint="Write it at the desk, under Shop.",
                id="emsguide.W205",
            )
        if not email and not technical_email:
            yield checks.Warning(
                "No address gets the mail that Japan Post's pages have changed.",
                hint="Write a technical email at the desk, under Shop.",
                id="emsguide.W206",
            )


def _watch(now: datetime) -> Iterator[checks.CheckMessage]:
    due = Shipment.objects.due(now - WATCH_MAY_LAG)
    late, typed_late = due.registered().count(), due.typed().count()
    if not (late or typed_late) or is_ahead(current_gate().paused_until, now):
        return
    by_the_watch = Fetch.objects.filter(asked_by=AskedBy.WATCH, started_at__lte=now)
    last = by_the_watch.aggregate(last=Max("started_at"))["last"]
    if last is None or now - last > WATCH_MAY_LAG:
        when = f"last asked on {last:%Y-%m-%d at %H:%M} UTC" if last else "has never asked"
        due_for_an_hour = f"Parcels that have been due for more than an hour: {late + typed_late}."
        yield checks.Warning(
            f"The watch is not running: it {when}. {due_for_an_hour}",
            hint="Run python manage.py watch as a service, or watch --once from cron.",
            id="emsguide.W207",
        )
        return
    if typed_late:
        yield checks.Info(
            f"Numbers that only visitors typed, and that have been due for more than an hour: {typed_late}. "
            "The watch gives them a quarter of its requests at most, also while no parcel is registered.",
            hint="Register your own parcels at the desk: the watch asks about registered parcels first.",
            id="emsguide.I222",
        )
    if late:
        yield checks.Warning(
            f"The watch cannot keep up. Parcels that have been due for more than an hour: {late}.",
            hint="Start a second one; see also JAPANPOST_CONCURRENCY and JAPANPOST_SPACING_MS.",
            id="emsguide.W208",
        )


def _learn(now: datetime) -> Iterator[checks.CheckMessage]:
    last = UsualWait.objects.aggregate(last=Max("learned_at"))["last"]
    hint = "Run python manage.py learn daily, from cron or a timer."
    if last and abs(now - last) > LEARN_EVERY:  # in the future: by a clock that was ahead
        yield checks.Warning(
            f"How long parcels wait was last learnt on {last:%Y-%m-%d}.", hint=hint, id="emsguide.W209"
        )
    elif last is None and Shipment.objects.exclude(story_at=None).count() >= LEAST_PARCELS:
        yield checks.Info(
            "Nothing has been learnt from the stored stories: too few have moved on, or learn has never run.",
            hint=hint,
            id="emsguide.I210",
        )


def _digest(now: datetime) -> Iterator[checks.CheckMessage]:
    if not settings.EMAIL_IS_SET_UP:  # emsguide.W007 says so
        return
    waiting = Phrase.objects.unmapped().filter(first_seen_at__lt=now - DIGEST_EVERY).count()
    since = (now - DIGEST_EVERY).date()
    if (
        waiting
        and not Alarm.objects.filter(
            kind=DIGEST, day__range=(since, now + DIGEST_EVERY), mailed_at__isnull=False
        ).exists()
    ):
        yield checks.Warning(
            f"New phrases have waited for days, and no mail has named them to staff: {waiting}.",
            hint="Run python manage.py digest daily, from cron or a timer.",
            id="emsguide.W211",
        )


def _backups(now: datetime) -> Iterator[checks.CheckMessage]:
    folder = Path(settings.BACKUP_FOLDER)
    last, ahead = backup.newest_in(folder, now), backup.from_the_future(folder, now)
    hint = "Run python manage.py backup daily, from cron or a timer."
    if ahead:
        yield checks.Warning(
            f"Back-ups in {folder} that are dated in the future: {len(ahead)}, the first is {ahead[0].name}. "
            "They count neither as the newest nor for --keep of backup.",
            hint="Look at the clock of this machine (timedatectl). If it is right, it was wrong when they were made: "
            "delete them once there are newer ones.",
            id="emsguide.W221",
        )
    if last is None and not ahead:
        yield checks.Info(
            f"There is no back-up in {settings.BACKUP_FOLDER}.",
            hint=f"{hint} If another machine does, there is nothing to do here.",
            id="emsguide.I212",
        )
    elif last and now - last > BACKUP_EVERY:
        yield checks.Warning(
            f"The newest back-up in {settings.BACKUP_FOLDER} is of {last:%Y-%m-%d}.",
            hint=hint,
            id="emsguide.W213",
        )


def _mails(now: datetime) -> Iterator[checks.CheckMessage]:
    stuck = Alarm.objects.filter(mailed_at=None, claimed_at__range=(now - LOOK_BACK, now - MAIL_TAKES))
    if settings.EMAIL_IS_SET_UP and (count := stuck.count()):
        yield checks.Warning(
            f"Mails to staff that did not leave in the last week: {count}.",
            hint="Look at EMAIL_URL and the log, and try: python manage.py sendtestemail you@example.com",
            id="emsguide.W214",
        )


def _clocks(now: datetime) -> Iterator[checks.CheckMessage]:
    # Only the newest: those of a clock that was ahead for a while stay in the store for long.
    newest = Fetch.objects.order_by("-pk").values_list("started_at", flat=True)[:NEWEST_REQUESTS]
    ahead = any(started_at > now + CLOCKS_MAY_DIFFER for started_at in newest)
    start = current_gate().next_start_at
    distance = timedelta(milliseconds=settings.JAPANPOST_SPACING_MS) + SENDING
    if ahead or (start and start > now + distance + CLOCKS_MAY_DIFFER):
        yield checks.Warning(
            "The store has times that lie ahead of this machine's clock: some machine's clock is wrong.",
            hint="Run a time service on every machine (timedatectl set-ntp true); they must agree to about a second.",
            id="emsguide.W215",
        )


def _people() -> Iterator[checks.CheckMessage]:
    able = User.objects.filter(is_active=True, is_staff=True)
    owners = able.filter(is_superuser=True)
    if not owners.exists():
        yield checks.Warning(
            "There is no superuser, who alone can give rights at the desk.",
            hint="python manage.py createsuperuser",
            id="emsguide.W216",
        )
    for owner in owners:
        if not owner.has_usable_password():
            yield checks.Warning(
                f"The superuser {owner} has no password, so cannot log in.",
                hint=f"python manage.py changepassword {owner}",
                id="emsguide.W217",
            )
    for group in Group.objects.filter(name__in=[groups.EDITORS, groups.SUPPORT]):
        if not able.filter(groups=group).exists():
            yield checks.Info(
                f"The group {group} has no active members.",
                hint="Add colleagues at the desk, under Users; a superuser needs none of the groups.",
                id="emsguide.I218",
            )


def _addresses(now: datetime) -> Iterator[checks.CheckMessage]:
    """Find visitors with this machine's address: they came through a proxy that TRUSTED_PROXIES does not count."""
    here = [visitors.key_of(address) for address in _LOOPBACK]
    wrote = Message.objects.filter(sender_key__in=here, created_at__gt=now - LOOK_BACK)
    # Staff may log in on this machine. A use that was given back leaves its row, with 0 uses.
    asked = Allowance.objects.filter(key__in=here, used__gt=0).exclude(purpose=Purpose.LOG_IN)
    if not settings.TRUSTED_PROXIES and not settings.DEBUG and (wrote.exists() or asked.exists()):
        yield checks.Warning(
            "Visitors have the address of this machine, so there is a proxy in front, and all of them count as one.",
            hint="Set TRUSTED_PROXIES to the number of your proxies, mostly 1. "
            "(A look-up that you made on this machine looks the same.)",
            id="emsguide.W219",
        )


def _sessions(now: datetime) -> Iterator[checks.CheckMessage]:
    if old := Session.objects.filter(expire_date__lt=now - timedelta(days=30)).count():
        yield checks.Info(
            f"Log-ins that ran out a month ago and are still stored: {old}.",
            hint="Run python manage.py prune daily, from cron or a timer; the watch deletes them too.",
            id="emsguide.I220",
        )
