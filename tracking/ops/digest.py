"""The daily mail to the shop about phrases that wait for a meaning. No mail is sent while the inbox is empty.

Days are those of Japan, where the shop's staff work. Several runs on several machines send one mail a day: each run
must claim the day's row in the database first, as for alarms.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localdate, localtime

from tracking.fetching.alarms import DIGEST
from tracking.models import Alarm, Phrase, Shop
from tracking.models.alarms import MAIL_AGAIN
from tracking.staff.words.inbox import Item, items_of
from tracking.values.counting import count_of
from tracking.values.mail import send
from tracking.values.places import JAPAN_TIME

MOST_LISTED = 50


class NotMailedError(Exception):
    """The mail was not sent. The message says why, for cron's mails."""


class MailIsOffError(NotMailedError):
    """The site runs without mail, which is allowed. The desk shows the inbox."""


def digest() -> EmailMessage | None:
    """Return the mail as it would be sent now; None if no phrase waits. `to` is empty if the shop has no address."""
    waiting = Phrase.objects.unmapped()
    count = waiting.count()
    if not count:
        return None
    listed = items_of(waiting.newest_first()[:MOST_LISTED])
    shop = Shop.objects.get()
    address = shop.email or shop.technical_email
    subject = count_of(count, "phrase waits for a meaning", "phrases wait for a meaning")
    return EmailMessage(subject=subject, body=_letter(listed, count), to=[address] if address else [])


def send_digest(*, now: datetime) -> bool:
    """Send the mail unless no phrase waits or another run has claimed the day. Return True if it was sent.

    `now` is aware. Raises NotMailedError.
    """
    mail = digest()
    if mail is None:
        return False
    if not settings.EMAIL_IS_SET_UP:
        raise MailIsOffError("EMAIL_URL is not set")
    if not mail.to:
        raise NotMailedError("the shop has no e-mail address: write one in the admin, under Shop")
    today = Alarm.objects.claim(DIGEST, day=localdate(now, JAPAN_TIME), now=now)
    if today is None:
        return False
    if error := send(mail, name="the digest"):
        # Release the claim, so that the next run need not wait.
        Alarm.objects.filter(pk=today.pk).update(claimed_at=now - MAIL_AGAIN - timedelta(seconds=1))
        raise NotMailedError(f"{type(error).__name__}: {error}. The next run tries again") from error
    Alarm.objects.filter(pk=today.pk).update(mailed_at=now)
    return True


def _letter(listed: list[Item], count: int) -> str:
    path = reverse("admin:tracking_phrase_changelist")
    where = (
        f"{settings.SITE_URL}{path}"
        if settings.SITE_URL
        else "in the admin of your tracking site, under Phrases"
    )
    parts = [
        "Japan Post says something we have no words for yet. Customers read it as it is.",
        *map(_paragraph, listed),
    ]
    if count > len(listed):
        parts.append(f"… and {count - len(listed)} more.")
    parts.append(f"Say what each means, with one click:\n{where}")
    return "\n\n".join(parts) + "\n"


def _paragraph(item: Item) -> str:
    phrase, usage = item.phrase, item.usage
    lines = [f"“{' '.join(phrase.text.split())}”", f"on {count_of(usage.parcels, 'parcel')}"]
    if usage.shown_now:
        lines[-1] += f", shown to customers now on {usage.shown_now}"
    lines.append(f"first seen {_day(phrase.first_seen_at)}, last seen {_day(phrase.last_seen_at)}")
    if item.suggestions:
        best = item.suggestions[0]
        lines.append(f"perhaps “{best.status}”: {best.closeness} to “{best.phrase}”")
    else:
        lines.append("no known phrase is similar")
    return "\n  ".join(lines)


def _day(moment: datetime | None) -> str:
    return date_format(localtime(moment, JAPAN_TIME), "j F Y") if moment else "never"
