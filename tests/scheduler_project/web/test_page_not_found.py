"""What a browser is shown at an address where nothing is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client

from tests.staff import signed_in

if TYPE_CHECKING:
    from django.contrib.auth.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at:UserWarning")]


def test_a_missing_page_wears_the_theme_and_leads_back(admin_user: User) -> None:
    for client, address, way_back in (
        (Client(), "/nowhere", "Sign in"),
        (signed_in(admin_user), "/nowhere", "To the overview"),
        (signed_in(admin_user), "/admin/nowhere/", "To the overview"),
    ):
        answer = client.get(address, secure=True)
        text = answer.content.decode()
        assert answer.status_code == 404
        assert "mainspring/admin.css" in text
        assert f'href="/admin/">{way_back}</a>' in text
