"""What is put right about a request before anybody looks at it."""

from __future__ import annotations

import pytest
from django.test import Client


@pytest.mark.django_db
def test_a_session_cookie_that_no_session_can_have_is_as_good_as_none() -> None:
    answer = Client().get(
        "/admin/", headers={"cookie": 'sessionid="\\000\\000\\000\\000\\000\\000\\000\\000\\000"'}, secure=True
    )
    assert (answer.status_code, answer["Location"]) == (302, "/admin/login/?next=/admin/")
