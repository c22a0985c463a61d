"""What the database tells: whether it can be used, and whether the jobs beside the site run."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.db import DatabaseError, connection, transaction
from django.db.models import F, Max

from tracking.fetching.alarms import DIGEST
from tracking.fetching.gate import SENDING, current_gate
from tracking.journey.usual_waits import LEAST_PARCELS
from tracking.models import Alarm, AskedBy, Fetch, Message, Phrase, Shipment, Shop, UsualWait, VisitorMinute
from tracking.ops import backup
from tracking.ops.doctor.finding import Finding
from tracking.ops.readiness import unapplied_migrations
from tracking.public import visitors
from tracking.staff.access import groups
from tracking.words import seed

WATCH_MAY_LAG = timedelta(hours=1)
LEARN_EVERY = timedelta(days=3)
DIGEST_EVERY = timedelta(days=2)
BACKUP_EVERY = timedelta(days=2)
MAIL_TAKES = timedelta(hours=1)
LOOK_BACK = timedelta(days=7)
CLOCKS_MAY_DIFFER = timedelta(seconds=5)
_LOOPBACK = ("127.0.0.1", "::1")


def obstacles() -> Iterator[Finding]:
    """Why nothing else can be looked at."""
    try:
        left = unapplied_migrations()
        if left:
            yield Finding(
                f"Migrations that are not applied: {len(left)}, the first is {left[0]}.",
                "python manage.py migrate",
            )
        else:
            yield from _writable()
    except DatabaseError as error:
        yield Finding(
            f"The database does not answer ({type(error).__name__}).",
            "Look at DATABASE_URL, whether that server runs, and whether this user may read the file.",
        )


def _writable() -> Iterator[Finding]:
    """Writes something, and takes it back."""
    try:
        with transaction.atomic():
            Shop.objects.update(name=F("name"))
            transaction.set_rollback(True)
    except DatabaseError as error:
        yield Finding(
            f"Nothing can be written to the database ({type(error).__name__}): no look-up works.",
            _whose_file()
            if connection.vendor == "sqlite"
            else "Look at the rights of its user, and for space on its disk.",
        )


def _whose_file() -> str:
    return (
        "Give the file and its folder to the user of the site, for SQLite writes beside it, and look for space on the "
        "disk. (Run this command as that user.)"
    )


def shop(now: datetime) -> Iterator[Finding]:
    for name, email, technical_email in Shop.objects.values_list("name", "email", "technical_email"):
        if name == seed.read("shop")["name"]:
            yield Finding(f"The shop is still called “{name}”.", "Write its name at the desk, under Shop.")
        if not email or email.endswith(("@example.com", ".example", "@localhost")):
            yield Finding(
                "The shop has no e-mail address of its own: customers cannot write by mail, messages are mailed to nobody.",
                "Write it at the desk, under Shop.",
            )
        if not email and not technical_email:
            yield Finding(
                "Nobody hears when Japan Post's pages change.",
                "Write a technical email at the desk, under Shop.",
            )


def watch(now: datetime) -> Iterator[Finding]:
    late = Shipment.objects.due(now - WATCH_MAY_LAG).count()
    gate = current_gate()
    if not late or (gate.paused_until and gate.paused_until > now):
        return
    last = Fetch.objects.filter(asked_by=AskedBy.WATCH).aggregate(last=Max("started_at"))["last"]
    if last is None or now - last > WATCH_MAY_LAG:
        when = f"last asked on {last:%Y-%m-%d at %H:%M} UTC" if last else "has asked nobody yet"
        yield Finding(
            f"The watch is not running: it {when}. Parcels that have been due for more than an hour: {late}.",
            "Run python manage.py watch as a service, or watch --once from cron.",
        )
    else:
        yield Finding(
            f"The watch cannot keep up. Parcels that have been due for more than an hour: {late}.",
            "Start a second one; see also JAPANPOST_CONCURRENCY and JAPANPOST_SPACING_MS.",
        )


def learn(now: datetime) -> Iterator[Finding]:
    last = UsualWait.objects.aggregate(last=Max("learned_at"))["last"]
    remedy = "Run python manage.py learn daily, from cron or a timer."
    if last and now - last > LEARN_EVERY:
        yield Finding(f"How long parcels wait was last learnt on {last:%Y-%m-%d}.", remedy)
    elif last is None and Shipment.objects.exclude(story_at=None).count() >= LEAST_PARCELS:
        yield Finding(
            "Nothing has been learnt from the stored stories: too few have moved on, or learn has never run.",
            remedy,
            is_wrong=False,
        )


def digest(now: datetime) -> Iterator[Finding]:
    if not settings.EMAIL_IS_SET_UP:  # `configuration.mail` says so
        return
    waiting = Phrase.objects.unmapped().filter(first_seen_at__lt=now - DIGEST_EVERY).count()
    since = (now - DIGEST_EVERY).date()
    if waiting and not Alarm.objects.filter(kind=DIGEST, day__gte=since, mailed_at__isnull=False).exists():
        yield Finding(
            f"Phrases have waited for days, and no mail has told anybody: {waiting}.",
            "Run python manage.py digest daily, from cron or a timer.",
        )


def backups(now: datetime) -> Iterator[Finding]:
    last = backup.newest_in(Path(settings.BACKUP_FOLDER))
    remedy = "Run python manage.py backup daily, from cron or a timer."
    if last is None:
        yield Finding(
            f"There is no back-up in {settings.BACKUP_FOLDER}.",
            f"{remedy} If another machine does, there is nothing to do here.",
            is_wrong=False,
        )
    elif now - last > BACKUP_EVERY:
        yield Finding(f"The newest back-up in {settings.BACKUP_FOLDER} is of {last:%Y-%m-%d}.", remedy)


def mails(now: datetime) -> Iterator[Finding]:
    stuck = Alarm.objects.filter(mailed_at=None, claimed_at__range=(now - LOOK_BACK, now - MAIL_TAKES))
    if settings.EMAIL_IS_SET_UP and (count := stuck.count()):
        yield Finding(
            f"Mails to staff that did not leave in the last week: {count}.",
            "Look at EMAIL_URL and the log, and try: python manage.py sendtestemail you@example.com",
        )


def clocks(now: datetime) -> Iterator[Finding]:
    ahead = Fetch.objects.filter(started_at__gt=now + CLOCKS_MAY_DIFFER).exists()
    start = current_gate().next_start_at
    distance = timedelta(milliseconds=settings.JAPANPOST_SPACING_MS) + SENDING
    if ahead or (start and start > now + distance + CLOCKS_MAY_DIFFER):
        yield Finding(
            "The store has times that lie ahead of this machine's clock: some machine's clock is wrong.",
            "Run a time service on every machine (timedatectl set-ntp true); they must agree to about a second.",
        )


def people(now: datetime) -> Iterator[Finding]:
    able = User.objects.filter(is_active=True, is_staff=True)
    owners = able.filter(is_superuser=True)
    if not owners.exists():
        yield Finding(
            "Nobody can give rights at the desk: there is no superuser.", "python manage.py createsuperuser"
        )
    for owner in owners:
        if not owner.has_usable_password():
            yield Finding(
                f"The superuser {owner} has no password, so cannot log in.",
                f"python manage.py changepassword {owner}",
            )
    for group in Group.objects.filter(name__in=[groups.EDITORS, groups.SUPPORT]):
        if not able.filter(groups=group).exists():
            yield Finding(
                f"Nobody is in the group {group}.",
                "Add colleagues at the desk, under Users; a superuser needs none of the groups.",
                is_wrong=False,
            )


def addresses(now: datetime) -> Iterator[Finding]:
    """Whoever the limits count as this very machine came through a proxy that nobody told us of."""
    here = [visitors.key_of(address) for address in _LOOPBACK]
    wrote = Message.objects.filter(sender_key__in=here, created_at__gt=now - LOOK_BACK)
    asked = VisitorMinute.objects.filter(visitor__in=here)
    if not settings.TRUSTED_PROXIES and not settings.DEBUG and (wrote.exists() or asked.exists()):
        yield Finding(
            "Visitors come from this very machine, so a proxy stands in front, and all of them count as one.",
            "Set TRUSTED_PROXIES to the number of your proxies, mostly 1. (A look-up you made here yourself looks the same.)",
        )


def sessions(now: datetime) -> Iterator[Finding]:
    if old := Session.objects.filter(expire_date__lt=now - timedelta(days=30)).count():
        yield Finding(
            f"Log-ins that ran out a month ago and are still stored: {old}.",
            "Run python manage.py prune daily, from cron or a timer; the watch throws them away too.",
            is_wrong=False,
        )


CHECKS: tuple[Callable[[datetime], Iterator[Finding]], ...] = (
    shop,
    watch,
    learn,
    digest,
    backups,
    mails,
    clocks,
    people,
    addresses,
    sessions,
)
