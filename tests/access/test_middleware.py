"""Proves that an impossible session cookie is ignored instead of causing a server error."""

from __future__ import annotations

import pytest
from django.test import Client


@pytest.mark.django_db
def test_a_session_cookie_with_a_nul_character_counts_as_no_cookie() -> None:
    response = Client().get(
        "/admin/", headers={"cookie": 'sessionid="\\000\\000\\000\\000\\000\\000\\000\\000\\000"'}, secure=True
    )
    assert (response.status_code, response["Location"]) == (302, "/admin/login/?next=/admin/")
