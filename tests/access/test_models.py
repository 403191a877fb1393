"""Scopes and API keys."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction

from access.models import ApiKey, Scope
from access.system import SYSTEM_SCOPE_ID
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def test_the_system_scope_is_there_and_others_can_be_made_beside_it() -> None:
    assert Scope.objects.get().pk == SYSTEM_SCOPE_ID
    made = [Scope.objects.create(kind="tenant", tenant=name) for name in ("a", "b")]
    assert len({scope.pk for scope in made} | {SYSTEM_SCOPE_ID}) == 3


@pytest.mark.parametrize(
    "scope",
    [{"kind": "tenant"}, {"kind": "organization", "tenant": "a"}, {"kind": "system", "tenant": "a"}, {"kind": "x"}],
)
def test_a_scope_names_what_its_kind_needs_and_no_more(scope: dict[str, str]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Scope.objects.create(**scope)


def test_a_key_is_found_until_it_is_revoked_or_expires() -> None:
    user = get_user_model().objects.create_user("ann")
    row, key = ApiKey.issue(user=user, name="tests", expires_at=NOW + timedelta(days=1))
    assert key.startswith("ms_") and ApiKey.find(key, NOW) == row
    assert ApiKey.find(key[:-1] + ("a" if key[-1] != "a" else "b"), NOW) is None
    assert ApiKey.find(key, NOW + timedelta(days=1)) is None
    ApiKey.objects.update(revoked_at=NOW)
    assert ApiKey.find(key, NOW) is None


def test_use_is_noted_once_a_minute() -> None:
    row, _ = ApiKey.issue(user=get_user_model().objects.create_user("ann"), name="tests")
    for seconds in (0, 30, 61):
        ApiKey.objects.get(pk=row.pk).note_use(NOW + timedelta(seconds=seconds))
        row.refresh_from_db()
        assert row.last_used_at == NOW + timedelta(seconds=61 if seconds > 60 else 0)
