"""Fixtures that every suite may use. The stores come from `make test`: see `scheduler_project.launch.stores`."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth import get_user_model
from django.test import override_settings
from hypothesis import settings as hypothesis_settings

from tests import fast_flush
from tests.documented import api, staff
from tests.factories import NOW
from tests.optional import pytest_terminal_summary
from tests.staff import signed_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from django.contrib.auth.models import User

    from tests.staff import StaffClient

__all__ = ["api", "pytest_terminal_summary", "staff"]

hypothesis_settings.register_profile("mainspring", deadline=None, derandomize=True)
hypothesis_settings.load_profile("mainspring")
fast_flush.install()
# The default thresholds scan all of the modules and 6,000 collected tests again and again: a tenth of the time.
gc.set_threshold(100_000, 50, 100)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put long files first: a long file that started last would run alone at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session", autouse=True)
def fast_settings() -> Iterator[None]:
    """Hash passwords with MD5, as the hash of production takes 0.4 s by design; find static files on request.

    In production WhiteNoise reads them all at the start; here each test client is a start, of a tenth of a second.
    """
    hashers = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with override_settings(PASSWORD_HASHERS=hashers, WHITENOISE_AUTOREFRESH=True):
        yield


@pytest.fixture
def now() -> datetime:
    """A Friday at noon, UTC."""
    return NOW


@pytest.fixture
def admin_user(db: None) -> User:
    """A superuser, `admin` with the password `correct horse`."""
    user: User = get_user_model().objects.create_superuser("admin", "admin@example.org", "correct horse")
    return user


@pytest.fixture
def admin(admin_user: User) -> StaffClient:
    """A client of the admin, signed in as that superuser."""
    return signed_in(admin_user)
