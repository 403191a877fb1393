"""`manage.py first_run`: creates the first administrator with an API key, and prints them as a line of JSON."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils.crypto import get_random_string

from access.models import ApiKey

USERNAME = "admin"


class Command(BaseCommand):
    """Prints `{"created": true, "username": ..., "password": ..., "api_key": ...}`, or `{"created": false}`."""

    help = "Create the administrator `admin` with a random password and an API key, unless an administrator exists."

    def handle(self, *args: Any, **options: Any) -> None:
        """Create the administrator, unless a superuser or a user with that name exists."""
        with transaction.atomic():
            # A user called `admin` who is no superuser must not be overwritten either.
            if User.objects.filter(is_superuser=True).exists() or User.objects.filter(username=USERNAME).exists():
                answer: dict[str, object] = {"created": False}
            else:
                password = get_random_string(16)  # letters and digits only, so that a double click selects all of it
                user = User.objects.create_superuser(USERNAME, password=password)
                _, key = ApiKey.issue(user=user, name="first run")
                answer = {"created": True, "username": USERNAME, "password": password, "api_key": key}
        self.stdout.write(json.dumps(answer))
