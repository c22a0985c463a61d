"""`manage.py digest`: mails the shop the phrases that wait for a meaning."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from tracking.ops.digest import MailIsOffError, NotMailedError, digest, send_digest


class Command(BaseCommand):
    help = (
        "Mails the shop the phrases that wait for a meaning: for cron, once a day. However often it runs, on however "
        "many machines, one mail leaves for each day of Japan's calendar, and none while nothing waits."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="print the mail, send nothing")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        if dry_run:
            mail = digest()
            self.stdout.write(_as_text(mail.to, mail.subject, mail.body) if mail else "Nothing waits.")
            return
        try:
            sent = send_digest(now=timezone.now())
        except MailIsOffError as reason:
            self.stdout.write(f"Nothing was mailed: {reason}. The inbox at the desk has what waits.")
            return
        except NotMailedError as reason:
            raise CommandError(f"The digest was not mailed: {reason}.") from reason
        if sent and options["verbosity"] > 1:
            self.stdout.write("Mailed.")


def _as_text(to: Any, subject: Any, body: Any) -> str:
    return (
        f"To: {', '.join(to) or 'no address: the shop has no e-mail address'}\nSubject: {subject}\n\n{body}"
    )
