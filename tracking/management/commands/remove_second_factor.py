"""`manage.py remove_second_factor`: for a lost phone, if no other superuser can remove the second factor."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tracking.staff.access import second_factor


class Command(BaseCommand):
    help = "Removes the phone and the back-up codes of one member of staff, who sets up new ones after the next log-in."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the user name")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        try:
            user = User.objects.get(username=name)
        except User.DoesNotExist:
            raise CommandError(f"No user is called {name!r}.") from None
        if second_factor.remove(user):
            self.stdout.write(f"{name} sets up a new second factor after the next log-in.")
        else:
            self.stdout.write(f"{name} has no second factor.")
