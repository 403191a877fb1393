"""A page is shown in the time zone of the browser's cookie, and in UTC if the cookie is missing or wrong."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.utils import timezone

from scheduler_project.web.viewer_timezone import ZONE_COOKIE, activate_viewer_timezone


def zone_of_page(cookie: str | None) -> str:
    """Return the current time zone while a page is made."""
    request = RequestFactory().get("/admin/")
    if cookie is not None:
        request.COOKIES[ZONE_COOKIE] = cookie
    handle = activate_viewer_timezone(lambda _: HttpResponse(str(timezone.get_current_timezone())))
    return handle(request).content.decode()


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+12", "UTC"])
def test_a_page_is_made_in_the_time_zone_of_the_cookie(name: str) -> None:
    assert zone_of_page(name) == name


@pytest.mark.parametrize(
    "cookie", [None, "", "Mars/Base", "europe/berlin", "../../etc/passwd", "localtime", "America", "a\x00b", "x" * 5000]
)
def test_without_a_valid_cookie_a_page_is_made_in_utc(cookie: str | None) -> None:
    assert zone_of_page(cookie) == "UTC"


def test_the_time_zone_ends_with_the_request_even_if_the_page_fails() -> None:
    def fail(_: HttpRequest) -> HttpResponse:
        raise RuntimeError("no page")

    request = RequestFactory().get("/admin/")
    request.COOKIES[ZONE_COOKIE] = "Asia/Tokyo"
    with timezone.override(ZoneInfo("Europe/Paris")):
        with pytest.raises(RuntimeError):
            activate_viewer_timezone(fail)(request)
        assert timezone.get_current_timezone_name() == "Europe/Paris"
