"""The first administrator."""

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
    answer: dict[str, object] = json.loads(output.getvalue())
    return answer


def test_a_new_database_gets_an_administrator_whose_password_signs_in() -> None:
    answer = first_run()
    assert answer["created"] is True
    user = authenticate(username="admin", password=answer["password"])
    assert user is not None
    assert user.is_superuser
    assert len(str(answer["password"])) >= 16


def test_the_api_key_is_the_administrators_and_is_not_stored_in_clear() -> None:
    answer = first_run()
    key = ApiKey.objects.get(name="first run")
    assert key.user.username == "admin"
    stored = " ".join(str(value) for value in ApiKey.objects.values_list().get())
    assert str(answer["api_key"]) not in stored


def test_the_command_makes_nothing_a_second_time() -> None:
    assert first_run()["created"] is True
    assert first_run() == {"created": False}
    assert get_user_model().objects.count() == ApiKey.objects.count() == 1


def test_where_somebody_administrates_already_nothing_is_made() -> None:
    get_user_model().objects.create_superuser("somebody", password="correct horse")
    assert first_run() == {"created": False}


def test_an_ordinary_user_called_admin_is_left_alone() -> None:
    get_user_model().objects.create_user("admin", password="correct horse")
    assert first_run() == {"created": False}
    assert not get_user_model().objects.get(username="admin").is_superuser
