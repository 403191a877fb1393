"""`manage.py first_run`: creates the first administrator, and prints the credentials as a line of JSON."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from django.utils.crypto import get_random_string

from access.models import ApiKey

USERNAME = "admin"


class Command(BaseCommand):
    """Prints `{"created": true, "username": ..., "password": ..., "api_key": ...}`, or `{"created": false}`."""

    help = "Create the administrator `admin` with a random password and an API key, unless there is a user."

    def add_arguments(self, parser: CommandParser) -> None:
        # With this option, `make run` needs one process instead of two.
        parser.add_argument("--migrate", action="store_true", help="apply the migrations first")

    def handle(self, *args: Any, **options: Any) -> None:
        """Create the administrator in a database without users."""
        if options["migrate"]:
            call_command("migrate", interactive=False, verbosity=0)
        with transaction.atomic():
            if User.objects.exists():
                answer: dict[str, object] = {"created": False}
            else:
                # Only letters and digits, so that a double click selects the whole password.
                password = get_random_string(16)
                user = User.objects.create_superuser(USERNAME, password=password)
                _, key = ApiKey.issue(user=user, name="first run")
                answer = {"created": True, "username": USERNAME, "password": password, "api_key": key}
        self.stdout.write(json.dumps(answer))
