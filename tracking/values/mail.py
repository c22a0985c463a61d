"""The one sender of mails."""

import logging

from django.core.mail import EmailMessage

logger = logging.getLogger(__name__)


class NoRecipientsError(Exception):
    """The mail has no recipient, so Django sends nothing."""


def send(mail: EmailMessage, *, name: str) -> Exception | None:
    """Send a mail. Returns None once the mail server has it, else the error. Never raises.

    `name` says in the log which mail it was. The error's own words are not logged: they may hold addresses.
    """
    try:
        if mail.send():
            return None
        error: Exception = NoRecipientsError("no recipients")
    except Exception as raised:  # whatever a mail server and its library may raise
        error = raised
    logger.warning("%s was not mailed: %s", name, type(error).__name__)
    return error
