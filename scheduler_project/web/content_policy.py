"""The Content-Security-Policy of every page: nothing from other servers, no inline script, in nobody's frame."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

HEADER = "Content-Security-Policy"
STRICT = {
    "default-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",  # the theme's colours, Swagger UI and Redoc
    "img-src": "'self' data:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}


def policy(**changes: str) -> str:
    """The policy with other sources for some directives: `policy(worker_src="blob:")`."""
    directives = STRICT | {name.replace("_", "-"): sources for name, sources in changes.items()}
    return "; ".join(f"{name} {sources}" for name, sources in directives.items())


def admin_policy() -> str:
    """Alpine, which the theme is built on, evaluates attributes. Signing in may lead on to Flower's own port."""
    flower = urlsplit(settings.FLOWER_URL)
    onwards = f"'self' {flower.scheme}://{flower.netloc}" if flower.netloc else "'self'"
    return policy(script_src="'self' 'unsafe-eval'", form_action=onwards)


def with_policy(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Add the policy to each page that has none of its own."""

    def handle(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.get("Content-Type", "").startswith("text/html") and HEADER not in response:
            response[HEADER] = admin_policy() if request.path.startswith("/admin/") else policy()
        return response

    return handle
