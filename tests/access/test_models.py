"""Proves the constraints of scopes, and when an API key is valid."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction

from access.models import ApiKey, Scope
from access.system import SYSTEM_SCOPE_ID
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def test_the_system_scope_exists_and_new_scopes_get_other_ids() -> None:
    assert Scope.objects.get().pk == SYSTEM_SCOPE_ID
    tenants = [Scope.objects.create(kind="tenant", tenant=name) for name in ("a", "b")]
    assert len({scope.pk for scope in tenants} | {SYSTEM_SCOPE_ID}) == 3


@pytest.mark.parametrize(
    "scope",
    [{"kind": "tenant"}, {"kind": "organization", "tenant": "a"}, {"kind": "system", "tenant": "a"}, {"kind": "x"}],
)
def test_a_scope_needs_the_names_of_its_kind_and_allows_no_others(scope: dict[str, str]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Scope.objects.create(**scope)


def test_a_key_is_valid_until_it_is_revoked_or_expires() -> None:
    user = get_user_model().objects.create_user("ann")
    row, key = ApiKey.issue(user=user, name="tests", expires_at=NOW + timedelta(days=1))
    assert key.startswith("ms_") and ApiKey.find(key, NOW) == row
    assert ApiKey.find(key[:-1] + ("a" if key[-1] != "a" else "b"), NOW) is None
    assert ApiKey.find(key, NOW + timedelta(days=1)) is None
    ApiKey.objects.update(revoked_at=NOW)
    assert ApiKey.find(key, NOW) is None


def test_the_last_use_of_a_key_is_stored_at_most_once_a_minute() -> None:
    row, _ = ApiKey.issue(user=get_user_model().objects.create_user("ann"), name="tests")
    for seconds in (0, 30, 61):
        ApiKey.objects.get(pk=row.pk).note_use(NOW + timedelta(seconds=seconds))
        row.refresh_from_db()
        assert row.last_used_at == NOW + timedelta(seconds=61 if seconds > 60 else 0)
