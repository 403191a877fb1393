"""The admin's sign-in page, with a delay after failures, and a log line for each failure."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from math import ceil
from typing import TYPE_CHECKING, Any

import structlog
from django.contrib import admin
from django.core.exceptions import ValidationError
from unfold.forms import AuthenticationForm

from access import sign_in_brake
from access.addresses import client_address
from values import clock
from values.networks import network_of
from values.quoting import quoted

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

log = structlog.get_logger(__name__)


class SignInForm(AuthenticationForm):  # type: ignore[misc]  # untyped library
    """User name and password. `wait`: how long the user must wait for another attempt; zero if this one was made."""

    wait = timedelta(0)

    def clean(self) -> dict[str, Any]:
        """Sign in. Raises ValidationError if that fails, or if the attempt comes too soon after failures."""
        name, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if not name or not password:
            cleaned: dict[str, Any] = super().clean()
            return cleaned
        now, address = clock.now(), client_address(self.request)
        network = network_of(address)
        self.wait = sign_in_brake.begin(name, network, now)
        if self.wait:
            log.warning("sign_in_delayed", action="sign_in", user=quoted(name), address=address, seconds=self.seconds)
            unit = "second" if self.seconds == 1 else "seconds"
            raise ValidationError(f"There were too many failed attempts. Try again in {self.seconds} {unit}.")
        try:
            cleaned = super().clean()
        except ValidationError:
            log.warning("sign_in_failed", action="sign_in", user=quoted(name), address=address)
            sign_in_brake.forget(now)
            raise
        sign_in_brake.succeed(name, network, now)
        return cleaned

    @property
    def seconds(self) -> int:
        """The whole number of seconds to wait."""
        return ceil(self.wait.total_seconds())


admin.site.login_form = SignInForm


def sign_in(request: HttpRequest) -> HttpResponse:
    """Serve /admin/login/. The status is 429 if the attempt comes too soon after failures."""
    response: HttpResponse = admin.site.login(request)
    form = (getattr(response, "context_data", None) or {}).get("form")
    if isinstance(form, SignInForm) and form.wait:
        response.status_code = HTTPStatus.TOO_MANY_REQUESTS
        response["Retry-After"] = str(form.seconds)
        response._has_been_logged = True  # type: ignore[attr-defined]  # `sign_in_delayed` says more
    return response
