"""Customers' messages to the shop: stored first, then mailed."""

from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.utils.translation import gettext as _

from tracking.journey.progress import Progress, build_progress
from tracking.journey.story import recall
from tracking.journey.times import day_count
from tracking.models import Allowance, Message, Purpose
from tracking.models.allowances import limits
from tracking.values import numbers
from tracking.values.mail import send
from tracking.values.store import tolerates_trouble
from tracking.words.glossary import Glossary


def stored_progress(text: str, now: datetime, *, hint: str | None = None) -> Progress | None:
    """Return the progress of the number in a text, from the store; None if there is not exactly one, or no story.

    `hint`: see `build_progress`. Japan Post is not asked.
    """
    found = numbers.find_numbers(text)
    if len(found) != 1:
        return None
    story = recall(found[0])
    return build_progress(story, Glossary.current(), now=now, hint=hint) if story else None


def message_start(progress: Progress | None) -> str:
    """Return the start of a message: number, status, days without news, country. Empty if there is no story."""
    if progress is None:
        return ""
    lines = [
        _("Parcel: %(number)s") % {"number": progress.number},
        _("Status: %(status)s") % {"status": progress.headline},
    ]
    if progress.silence:
        lines.append(_("Days without news: %(days)s") % {"days": progress.silence.days})
    if progress.country:
        lines.append(_("Country: %(country)s") % {"country": progress.country})
    return "\n".join([*lines, "", ""])


def one_line_summary(progress: Progress | None) -> str:
    """Return the headline, the step and the days without news in one line for staff. Empty if there is no story."""
    if progress is None:
        return ""
    step = f" ({progress.step_text})" if progress.step_text else ""
    silence = f", {day_count(progress.silence.days)} without news" if progress.silence else ""
    return f"{progress.headline}{step}{silence}"


def keep_message(cleaned: dict[str, str], *, sender: tuple[str, ...], now: datetime) -> Message | None:
    """Store the message, then try to mail it to the shop; `mailed` is True if that succeeded.

    `sender`: the keys of the visitor, the visitor's own first. None, and nothing stored, if this visitor has sent
    MESSAGES_PER_HOUR messages in this hour. Raises an Error of Django's database only if the message is not stored.
    """
    allowed = limits(sender, settings.MESSAGES_PER_HOUR)
    if not Allowance.objects.has_room(Purpose.MESSAGE, allowed, now):
        return None
    progress = stored_progress(cleaned["number"], now, hint=cleaned["to"] or None)
    with transaction.atomic():  # a message that cannot be stored is not counted
        if not Allowance.objects.take(Purpose.MESSAGE, allowed, now):
            return None
        message = Message.objects.create(
            name=cleaned["name"],
            email=cleaned["email"],
            number=cleaned["number"],
            text=cleaned["text"],
            situation=one_line_summary(progress),
            created_at=now,
            sender_key=sender[0],
            suspected_spam=bool(cleaned["website"]),
        )
    with tolerates_trouble(f"message {message.pk} is kept; whether it was mailed could not be noted"):
        if _mail(message):
            message.mailed = True
            message.save(update_fields=["mailed"])
    return message


def _mail(message: Message) -> bool:
    shop = Glossary.current().shop
    if message.suspected_spam or not settings.EMAIL_IS_SET_UP or not shop.email:
        return False
    subject = f"Customer message about {message.number}" if message.number else "Customer message"
    mail = EmailMessage(
        subject=" ".join(subject.split()),
        body=f"{message.name} <{message.email}> wrote:\n\n{message.text}\n\n{message.situation}",
        to=[shop.email],
        reply_to=[message.email],
    )
    return send(mail, name=f"message {message.pk}") is None
