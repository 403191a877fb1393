"""Proves that `first_run` creates one administrator with an API key, and only in a database without one."""

from __future__ import annotations

import io
import json

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.core.management import call_command

from access.models import ApiKey

pytestmark = pytest.mark.django_db


def first_run() -> dict[str, object]:
    output = io.StringIO()
    call_command("first_run", stdout=output)
    result: dict[str, object] = json.loads(output.getvalue())
    return result


def test_a_new_database_gets_an_administrator_who_can_sign_in() -> None:
    result = first_run()
    assert result["created"] is True
    user = authenticate(username="admin", password=result["password"])
    assert user is not None
    assert user.is_superuser
    assert len(str(result["password"])) >= 16


def test_the_api_key_belongs_to_the_administrator_and_is_not_stored_in_clear() -> None:
    result = first_run()
    key = ApiKey.objects.get(name="first run")
    assert key.user.username == "admin"
    stored = " ".join(str(value) for value in ApiKey.objects.values_list().get())
    assert str(result["api_key"]) not in stored


def test_a_second_call_creates_nothing() -> None:
    assert first_run()["created"] is True
    assert first_run() == {"created": False}
    assert get_user_model().objects.count() == ApiKey.objects.count() == 1


def test_nothing_is_created_if_there_is_a_user_even_without_permissions() -> None:
    get_user_model().objects.create_user("somebody", password="correct horse")
    assert first_run() == {"created": False}


def test_an_ordinary_user_called_admin_is_not_changed() -> None:
    get_user_model().objects.create_user("admin", password="correct horse")
    assert first_run() == {"created": False}
    assert not get_user_model().objects.get(username="admin").is_superuser
