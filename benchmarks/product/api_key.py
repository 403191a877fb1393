"""Creates a superuser and prints an API key of this user."""

from __future__ import annotations

from django.contrib.auth.models import User

from access.models import ApiKey

if __name__ == "__main__":
    print(ApiKey.issue(user=User.objects.create_superuser("bench"), name="bench")[1])
