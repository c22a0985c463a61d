"""Alarms: Japan Post's pages have changed, or a story has vanished. Saves the page and mails the technical contact.

One mail per kind and day: a row in the database decides, so all processes share it. A thread of its own sends the mail,
so a slow or broken mail server does not delay a visitor.
"""

import logging
import re
import threading
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import Error, connection
from django.utils.text import slugify

from tracking.models import Alarm, KeptPage, Shop
from tracking.values.mail import send
from tracking.values.redaction import redact
from tracking.values.store import log_trouble, tolerates_trouble

logger = logging.getLogger(__name__)

STORY_VANISHED = "story-vanished"
# The daily mail of tracking.ops.digest. It is not a drift, so MOST_MAILS_A_DAY does not count it.
DIGEST = "new-phrases"
MOST_MAILS_A_DAY = 10  # a limit in case one fault produces a hundred kinds


@dataclass(frozen=True)
class Drift:
    """What was wrong with an answer."""

    kind: str
    reason: str


def kind_of(reason: str) -> str:
    """The kind of a reason: its words before the first detail. `cut: the page ends in '…'` is of the kind `cut`."""
    words = re.sub(r"<[^<>]*>", " ", reason)  # never scans a part twice, even where a tag's name has "<"
    words = re.sub(r"^[\W\d]+", "", words)
    words = re.split(r"[\d:;,'\"“\[({]", words, maxsplit=1)[0]
    return slugify(words)[:50].strip("-") or "unexpected"


def raise_alarm(drift: Drift, *, number: str, html: str, now: datetime) -> None:
    """Save the page, and mail the technical contact once per kind and day. Call outside a transaction. Never raises."""
    logger.warning("%s: %s: %s", redact(number), drift.kind, drift.reason)
    try:
        KeptPage.objects.keep(
            html=html, number=number, kind=drift.kind, reason=drift.reason[:500], kept_at=now
        )
        alarm = _claim(drift.kind, now)
        if alarm is None:
            return
        shop = Shop.objects.get()
    except Error as error:
        log_trouble(f"no alarm: the page of {redact(number)} could not be kept", error)
        return
    to = shop.technical_email or shop.email
    if not settings.EMAIL_IS_SET_UP or not to:
        reason = "no EMAIL_URL" if to else "the shop has no e-mail address"
        logger.warning("the alarm %s was not mailed: %s", drift.kind, reason)
        return
    mail = EmailMessage(subject=f"emsguide: {drift.kind}", body=_mail_text(drift, number, now), to=[to])
    try:
        in_context = copy_context().run  # so that its log lines carry the id of this request
        threading.Thread(target=in_context, args=(_send_mail, mail, alarm.pk, now), name="alarm").start()
    except RuntimeError:  # the machine has no thread left
        logger.warning("the alarm %s could not be mailed: no thread left", drift.kind)


def _claim(kind: str, now: datetime) -> Alarm | None:
    today = Alarm.objects.filter(day=now.date()).exclude(kind=DIGEST)
    if not today.filter(kind=kind).exists() and today.count() >= MOST_MAILS_A_DAY:
        return None
    return Alarm.objects.claim(kind, day=now.date(), now=now)


def _mail_text(drift: Drift, number: str, now: datetime) -> str:
    what = (
        "Japan Post's answer has less than an earlier one. Customers still see the whole story."
        if drift.kind == STORY_VANISHED
        else "Japan Post answered with a page that we cannot read. Customers see what we knew before."
    )
    return (
        f"{what}\n\nParcel: {number}\nWhen: {now:%Y-%m-%d %H:%M} UTC\nReason: {drift.reason}\n\n"
        "The page is in the admin under “Kept pages”. Today there will be no further mail of this kind."
    )


def _send_mail(mail: EmailMessage, alarm: int, now: datetime) -> None:
    """Send the mail, in a thread of its own. After a failure, the next alarm of this kind after an hour mails again."""
    try:
        if send(mail, name=f"the alarm {alarm}") is None:
            with tolerates_trouble(f"the alarm {alarm} was mailed, which could not be noted"):
                Alarm.objects.filter(pk=alarm).update(mailed_at=now)
    finally:
        connection.close()
