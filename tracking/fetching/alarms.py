"""Japan Post's pages have changed, or a story vanished: keep the page, tell the shop's technical contact.

Once per kind and day, whoever meets it: the row of that day in the database decides. The mail leaves in a thread of
its own, so that neither a slow mail server nor a broken one costs a visitor anything.
"""

import logging
import re
import threading
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import DatabaseError, connection
from django.utils.text import slugify

from tracking.models import Alarm, KeptPage, Shop
from tracking.values.mail import send
from tracking.values.redaction import redact

logger = logging.getLogger(__name__)

STORY_VANISHED = "story-vanished"
DIGEST = "new-phrases"  # the daily list of tracking.ops.digest: no drift, so it takes no place of theirs
MOST_MAILS_A_DAY = 10  # should a reason turn out to have a hundred kinds


@dataclass(frozen=True)
class Drift:
    """What was wrong with an answer."""

    kind: str
    reason: str


def kind_of(reason: str) -> str:
    """The reason's words up to its first particular: `cut: the page ends in '…'` is of the kind `cut`."""
    words = re.sub(r"<[^>]*>", " ", reason)
    words = re.sub(r"^[\W\d]+", "", words)
    words = re.split(r"[\d:;,'\"“\[({]", words, maxsplit=1)[0]
    return slugify(words)[:50].strip("-") or "unexpected"


def sound(drift: Drift, *, number: str, html: str, now: datetime) -> None:
    """Keep the page and mail, if nobody has today. Call it outside of a transaction. Raises nothing."""
    logger.warning("%s: %s: %s", redact(number), drift.kind, drift.reason)
    try:
        KeptPage.objects.keep(
            html=html, number=number, kind=drift.kind, reason=drift.reason[:500], kept_at=now
        )
        alarm = _claim(drift.kind, now)
        if alarm is None:
            return
        shop = Shop.objects.get()
    except DatabaseError:
        logger.exception("cannot keep the page of %s", redact(number))
        return
    to = shop.technical_email or shop.email
    if not settings.EMAIL_IS_SET_UP or not to:
        logger.warning("nobody was told: %s", "no EMAIL_URL" if to else "the shop has no e-mail address")
        return
    mail = EmailMessage(subject=f"emsguide: {drift.kind}", body=_letter(drift, number, now), to=[to])
    try:
        in_context = copy_context().run  # what it logs belongs to this request
        threading.Thread(target=in_context, args=(_mail, mail, alarm.pk, now), name="alarm").start()
    except RuntimeError:  # the machine has no thread left
        logger.warning("the alarm %s could not be mailed: no thread left", drift.kind)


def _claim(kind: str, now: datetime) -> Alarm | None:
    today = Alarm.objects.filter(day=now.date()).exclude(kind=DIGEST)
    if not today.filter(kind=kind).exists() and today.count() >= MOST_MAILS_A_DAY:
        return None
    return Alarm.objects.claim(kind, day=now.date(), now=now)


def _letter(drift: Drift, number: str, now: datetime) -> str:
    what = (
        "Japan Post's answer has less than what it told us before. Customers still see the whole story."
        if drift.kind == STORY_VANISHED
        else "Japan Post answered with a page that we cannot read. Customers see what we knew before."
    )
    return (
        f"{what}\n\nParcel: {number}\nWhen: {now:%Y-%m-%d %H:%M} UTC\nReason: {drift.reason}\n\n"
        "The page is in the admin under “Kept pages”. Today there will be no further mail of this kind."
    )


def _mail(mail: EmailMessage, alarm: int, now: datetime) -> None:
    """In a thread of its own. An alarm that was not mailed is mailed with the next one after an hour."""
    try:
        if send(mail, name=f"the alarm {alarm}") is None:
            Alarm.objects.filter(pk=alarm).update(mailed_at=now)
    except DatabaseError:
        logger.exception("cannot note that the alarm %s was mailed", alarm)
    finally:
        connection.close()
