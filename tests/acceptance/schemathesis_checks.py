"""Our own checks of each response, for schemathesis."""

from __future__ import annotations

from typing import Any

import schemathesis


@schemathesis.check
def the_error_names_a_field(context: Any, response: Any, case: Any) -> None:
    """A 400 names the wrong fields, and says for each field what to write instead."""
    if response.status_code == 400 and response.headers.get("content-type") == ["application/problem+json"]:
        errors = response.json().get("errors")
        assert errors or response.json()["detail"], "the response says nothing about the error"
        for error in errors or ():
            assert set(error) == {"field", "message"} and len(error["message"]) > 5, error


@schemathesis.check
def the_response_is_not_stored(context: Any, response: Any, case: Any) -> None:
    assert "no-store" in response.headers.get("cache-control", [""])[0], "another person could read the stored response"
