"""The security headers of all pages, such as the policy: nothing from other servers, no inline scripts, no framing."""

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
    "style-src": "'self' 'unsafe-inline'",  # needed by the theme's colours, Swagger UI and Redoc
    "img-src": "'self' data:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}


def policy(**changes: str) -> str:
    """Return the policy, with the given sources for some directives: `policy(worker_src="blob:")`."""
    directives = STRICT | {name.replace("_", "-"): sources for name, sources in changes.items()}
    return "; ".join(f"{name} {sources}" for name, sources in directives.items())


def admin_policy() -> str:
    """Return the policy of the admin's pages.

    The policy allows `unsafe-eval`: the theme uses Alpine.js, which evaluates attributes as scripts. The policy also
    allows the sign-in form to redirect to Flower's origin.
    """
    flower = urlsplit(settings.FLOWER_URL)
    form_targets = f"'self' {flower.scheme}://{flower.netloc}" if flower.netloc else "'self'"
    return policy(script_src="'self' 'unsafe-eval'", form_action=form_targets)


def with_policy(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware that adds a Content-Security-Policy header to each HTML page that does not have one.

    To every response it adds headers of Django's SecurityMiddleware, which adds none to a refusal of its own.
    """

    def handle(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.get("Content-Type", "").startswith("text/html") and HEADER not in response:
            response[HEADER] = admin_policy() if request.path.startswith("/admin/") else policy()
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", settings.SECURE_REFERRER_POLICY)
        return response

    return handle
