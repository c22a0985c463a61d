"""Sends every mail of the site."""

import logging

from django.core.mail import EmailMessage

logger = logging.getLogger(__name__)


class NoRecipientsError(Exception):
    """The mail has no recipient, so Django sends nothing."""


def send(mail: EmailMessage, *, name: str) -> Exception | None:
    """Send a mail. Returns None once the mail server has accepted it, else the error. Never raises.

    `name` identifies the mail in the log. The error's message is not logged, because it may contain addresses.
    """
    try:
        if mail.send():
            return None
        error: Exception = NoRecipientsError("no recipients")
    except Exception as raised:  # mail servers and their libraries raise many kinds
        error = raised
    logger.warning("%s was not mailed: %s", name, type(error).__name__)
    return error
