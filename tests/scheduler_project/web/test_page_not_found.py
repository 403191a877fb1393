"""Proves that a browser gets a 404 page in the admin's theme with a link back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client

from tests.staff import signed_in

if TYPE_CHECKING:
    from django.contrib.auth.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at:UserWarning")]


def test_a_404_page_has_the_theme_and_a_link_to_the_overview_or_sign_in(admin_user: User) -> None:
    for client, url, link in (
        (Client(), "/nowhere", "Sign in"),
        (signed_in(admin_user), "/nowhere", "Go to the overview"),
        (signed_in(admin_user), "/admin/nowhere/", "Go to the overview"),
    ):
        response = client.get(url, secure=True)
        text = response.content.decode()
        assert response.status_code == 404
        assert "mainspring/admin.css" in text
        assert f'href="/admin/">{link}</a>' in text
