from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError, no_translations

from accounts.models import User
from accounts.staff import resetting


class Command(BaseCommand):
    help = "Takes the second factor of a person away, who sets up a new one at the next sign-in. For the only operator."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("address", help="The e-mail address of the account.")

    @no_translations
    def handle(self, *, address: str, **options: Any) -> None:
        person = User.objects.filter(email=address.strip().lower()).first()
        if person is None:
            raise CommandError("There is no account with this address.")
        is_done = resetting.reset(person, by=None)
        self.stdout.write("The second factor is reset." if is_done else "There was none. The sessions are ended.")
