"""A client of the REST API that holds every answer against the OpenAPI document: status, media type and body."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]  # it has no types
from rest_framework.test import APIClient

from access.models import ApiKey
from scheduler_project.web.openapi import document

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.http import HttpResponse

PROBLEM = "application/problem+json"


@lru_cache(maxsize=1)
def the_document() -> dict[str, Any]:
    """The OpenAPI document, parsed."""
    parsed: dict[str, Any] = json.loads(document())
    return parsed


def assert_fits(body: Any, schema: dict[str, Any]) -> None:
    """Hold a body against a schema of the document."""
    whole = {**schema, "components": the_document()["components"]}
    wrong = [
        f"{error.json_path}: {error.message}"
        for error in Draft202012Validator(whole, format_checker=FormatChecker()).iter_errors(body)
    ]
    assert not wrong, wrong


class DocumentedClient(APIClient):
    """Sends JSON; an answer that the document does not describe fails the test."""

    def request(self, **kwargs: Any) -> Any:
        response = super().request(**{**kwargs, "wsgi.url_scheme": "https", "SERVER_PORT": "443"})
        match = getattr(response, "resolver_match", None)
        template = "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", match.route) if match else ""
        operation = the_document()["paths"].get(template, {}).get(kwargs["REQUEST_METHOD"].lower())
        if operation is not None:
            assert_documented(response, operation)
        return response

    def send(self, method: str, path: str, body: Any = None) -> Any:
        """Send a body as JSON, or a text as it is."""
        text: Any = body if isinstance(body, str | bytes) else json.dumps(body)
        return self.generic(method, path, text, content_type="application/json")


def assert_documented(response: HttpResponse, operation: dict[str, Any]) -> None:
    described = operation["responses"].get(str(response.status_code))
    if described is None and response.status_code in (405, 406, 500, 503):
        assert response["Content-Type"] == PROBLEM
        return
    assert described is not None, f"{response.status_code} is not documented: {response.content!r}"
    if response.status_code == 204:
        assert response.content == b""
        return
    content = described["content"][response["Content-Type"]]
    assert_fits(json.loads(response.content), content["schema"])


def documented_client(user: User) -> DocumentedClient:
    """Return a client that signs in by a fresh API key of the user."""
    _, key = ApiKey.issue(user=user, name="tests", expires_at=datetime.now(UTC) + timedelta(hours=1))
    client = DocumentedClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client


@pytest.fixture
def staff(db: None) -> User:
    """Somebody who may use the API. Without a password: hashing one takes longer than most tests."""
    user: User = get_user_model().objects.create_user("admin", is_staff=True, is_superuser=True)
    return user


@pytest.fixture
def api(staff: User) -> DocumentedClient:
    """A client that signs in by a fresh API key of `staff`."""
    return documented_client(staff)


def problem_of(response: Any, status: int) -> dict[str, Any]:
    """Return the problem document of a response, after checking its status, type and members."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == PROBLEM
    body: dict[str, Any] = json.loads(response.content)
    assert_fits(body, {"$ref": "#/components/schemas/Problem"})
    assert body["status"] == status
    return body


def fields_of(response: Any) -> list[str]:
    """Return the fields that a 400 names."""
    return [error["field"] for error in problem_of(response, 400).get("errors", [])]
