"""Django's test client as a person at the admin: over TLS, as production has it, and signed in."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext


class StaffClient(Client):
    """Every request is a secure one."""

    def generic(self, *args: Any, **kwargs: Any) -> Any:
        return super().generic(*args, **(kwargs | {"secure": True}))


def signed_in(user: User) -> StaffClient:
    """A client of this user."""
    client = StaffClient()
    client.force_login(user)
    return client


def staff_member(name: str, *permissions: str) -> User:
    """Somebody with just these permissions, such as `view_run`."""
    user = User.objects.create_user(name, password="correct horse", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def page_of(response: Any) -> str:
    """The page as text, which must have come through."""
    assert response.status_code == 200, response.status_code
    text: str = response.content.decode()
    return text


def n_queries(client: StaffClient, address: str) -> int:
    """How many queries a page takes, none of which may count rows."""
    with CaptureQueriesContext(connection) as captured:
        page_of(client.get(address))
    assert not [query for query in captured.captured_queries if "COUNT(" in query["sql"].upper()]
    return len(captured)
