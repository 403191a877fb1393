"""Authentication by an API key in the header `Authorization: Bearer ms_…`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import structlog
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, ParseError

from access.addresses import client_address
from access.models import ApiKey
from values import clock

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from rest_framework.request import Request


log = structlog.get_logger(__name__)

# Only text in the form of a prefix is logged: anything else may be a secret.
KEY_PREFIX = re.compile(r"(?<!\w)ms_([0-9a-f]{12})_", re.ASCII)


def log_refusal(request: Request) -> None:
    """Log that the request's header Authorization is refused. Nothing is logged for a request without the header."""
    if header := get_authorization_header(request).decode("latin-1"):
        prefix = KEY_PREFIX.search(header)
        address = client_address(request._request)
        log.warning("api_key_refused", action="authenticate", prefix=prefix[1] if prefix else "", address=address)


class ApiKeyAuthentication(BaseAuthentication):
    """Authenticates requests by API key. Raises AuthenticationFailed for an invalid or empty key.

    Returns None for a request without the header `Authorization: Bearer`: it may have a session, as behind a proxy that
    uses the header itself. Without one, the view logs the refusal. Raises ParseError for a NUL character.
    """

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        # Latin-1 decodes any bytes: a header that is not ASCII is then an unknown key, not a server error.
        scheme, _, key = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        if "\0" in key:
            log_refusal(request)
            raise ParseError("The Authorization header contains a NUL character: remove it.")
        now = clock.now()
        if not key.strip():
            log_refusal(request)
            raise AuthenticationFailed(
                "The request has no API key: nothing follows Bearer in the header Authorization. "
                "Perhaps the shell variable with the key is not set."
            )
        found = ApiKey.find(key.strip(), now)
        if found is None:
            log_refusal(request)
            raise AuthenticationFailed(
                "This API key is unknown, expired or revoked, or its user is inactive. "
                "Create a key in the admin, under API keys."
            )
        found.note_use(now)
        return found.user, found

    def authenticate_header(self, request: Request) -> str:
        # Without this header, Django REST framework would respond with 403 instead of 401.
        return "Bearer"


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # untyped metaclass
    """Documents ApiKeyAuthentication in the OpenAPI document."""

    target_class = "access.api.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "ms_<prefix>_<secret>",
            "description": "An API key. Create one in the admin under “API keys”.",
        }
