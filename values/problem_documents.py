"""The error responses of the REST API: `application/problem+json` (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from values.json_values import clean_text

API = "/api/"  # errors of URLs below this prefix are JSON, all other errors are HTML pages
MEDIA_TYPE = "application/problem+json"
Errors = dict[str, list[str]]  # messages by field


def problem(status: int, detail: str, errors: Errors | None = None) -> dict[str, Any]:
    """Return the members of a problem document. `clean_text` is applied to the texts, because they may quote input."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": clean_text(detail),
    }
    if errors:
        body["errors"] = [
            {"field": clean_text(name), "message": clean_text(text)} for name, texts in errors.items() for text in texts
        ]
    return body
