"""Proves with a real web process that no body that a client announces counts as none, whatever its form."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import get_resolver

from access.api.views import ApiView
from access.models import ApiKey
from executions.models import Run
from scheduler_project.web.server.connection import MAX_BODY
from schedules.models import Job
from tests.acceptance.processes import database_url
from tests.factories import make_job
from tests.web_process import Answer, WebProcess, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.auth.models import User

pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]

PREVIEW = {"filter": {}, "reason": "x", "dry_run": True}


class Client:
    """Sends requests with an API key, with a body in whatever form."""

    def __init__(self, web: WebProcess, user: User) -> None:
        self.web = web
        _, self._key = ApiKey.issue(user=user, name="raw")

    def send(
        self, method: str, path: str, body: bytes, *headers: str, content_type: str = "application/json"
    ) -> Answer:
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {self._key}", *headers]
        lines += [f"Content-Type: {content_type}"] if content_type else []
        return self.web.ask("\r\n".join([*lines, "", ""]).encode() + body, end=True)

    def send_chunked(self, method: str, path: str, body: Any, *, size: int = 7, trailer: bytes = b"") -> Answer:
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        parts = [text[start : start + size] for start in range(0, len(text), size)]
        chunks = (
            b"".join(b"%x;name=value\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n" + trailer + b"\r\n"
        )
        return self.send(method, path, chunks, "Transfer-Encoding: chunked")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None) -> Iterator[WebProcess]:
    with running(tmp_path_factory.mktemp("web"), config="workers = 1\n", DATABASE_URL=database_url()) as web:
        yield web


@pytest.fixture
def client(site: WebProcess, staff: User) -> Client:
    return Client(site, staff)


def detail_of(answer: Answer, status: int) -> str:
    """Return the detail of a problem document."""
    assert answer.status == status, answer.raw
    assert answer.headers["content-type"] == "application/problem+json"
    detail: str = json.loads(answer.body)["detail"]
    return detail


@pytest.mark.parametrize("size", [1, 7, 4096])
@pytest.mark.parametrize("trailer", [b"", b"X-Checksum: 1\r\n"], ids=["no trailer", "trailer"])
def test_a_chunked_body_is_read_whatever_its_chunks(client: Client, size: int, trailer: bytes) -> None:
    job = make_job(schedule={"cron": "0 0 1 1 *"})
    path = f"/api/v1/jobs/{job.pk}"

    assert client.send_chunked("PATCH", path, {"name": "renamed"}, size=size, trailer=trailer).status == 200
    job.refresh_from_db()
    assert job.name == "renamed"


def test_a_chunked_preview_changes_nothing(client: Client) -> None:
    job = make_job(schedule={"cron": "0 0 1 1 *"})

    answer = client.send_chunked("POST", "/api/v1/jobs/pause", PREVIEW)
    assert answer.status == 200, answer.raw
    assert Job.objects.get(pk=job.pk).paused_at is None


def test_the_end_of_a_pause_in_a_chunked_body_is_kept(client: Client) -> None:
    job = make_job(schedule={"cron": "0 0 1 1 *"})
    until = datetime(2200, 1, 1, tzinfo=UTC)

    assert client.send_chunked("POST", f"/api/v1/jobs/{job.pk}/pause", {"until": until.isoformat()}).status == 200
    job.refresh_from_db()
    assert job.paused_until_at == until


def test_an_empty_chunked_body_is_an_empty_body(client: Client) -> None:
    path = f"/api/v1/jobs/{make_job().pk}/pause"

    assert client.send_chunked("POST", path, b"").status == client.send("POST", path, b"", "Content-Length: 0").status


def test_a_chunked_form_of_the_admin_is_read(site: WebProcess) -> None:
    head = b"POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\nCookie: csrftoken=" + b"a" * 32 + b"\r\n"
    form = b"csrfmiddlewaretoken=" + b"a" * 32 + b"&username=nobody&password=wrong"
    typed = head + b"Content-Type: application/x-www-form-urlencoded\r\n"

    answer = site.ask(typed + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(form), form))
    assert answer.status == 200
    assert b"correct username and password" in answer.body


@pytest.mark.parametrize(
    ("path", "limit"),
    [("/api/v1/jobs/pause", 64 * 1024), ("/api/v1/jobs", 1024 * 1024), ("/api/v1/jobs/by-key", MAX_BODY)],
)
def test_a_chunked_body_that_is_too_large_is_a_413(client: Client, path: str, limit: int) -> None:
    method = "PUT" if path.endswith("by-key") else "POST"

    detail = detail_of(client.send_chunked(method, path, b" " * (limit + 1), size=64 * 1024), 413)
    assert str(limit) in detail


def test_a_body_of_many_small_chunks_is_refused_before_it_is_decoded(client: Client) -> None:
    detail = detail_of(client.send_chunked("POST", "/api/v1/jobs", b" " * 500_000, size=1), 413)
    assert "larger ones" in detail


@pytest.mark.parametrize("n_bytes", [3_000_000, MAX_BODY + 1, MAX_BODY * 2])
def test_the_body_of_a_form_that_is_too_large_is_a_413(client: Client, n_bytes: int) -> None:
    assert client.send_chunked("POST", "/admin/login/", b" " * n_bytes, size=64 * 1024).status == 413


def test_no_body_that_the_server_refuses_would_be_accepted_by_a_view() -> None:
    views = [
        pattern.callback for entry in get_resolver().url_patterns for pattern in getattr(entry, "url_patterns", [])
    ]
    limits = {
        view.view_class.max_body_bytes for view in views if issubclass(getattr(view, "view_class", object), ApiView)
    }
    assert len(limits) > 1
    assert max(limits) == MAX_BODY


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (["Transfer-Encoding: chunked", "Content-Length: 2"], b"2\r\n{}\r\n0\r\n\r\n"),
        (["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], b"2\r\n{}\r\n0\r\n\r\n"),
        (["Transfer-Encoding: gzip"], b"{}"),
        (["Content-Length: 2", "Content-Length: 2"], b"{}"),
        (["Content-Length: +2"], b"{}"),
        (["Transfer-Encoding: chunked"], b"2\r\n{}0\r\n\r\n"),
        (["Transfer-Encoding: chunked"], b"-2\r\n{}\r\n0\r\n\r\n"),
        (["Transfer-Encoding: chunked"], b"2;=\r\n{}\r\n0\r\n\r\n"),
        (["Transfer-Encoding: chunked"], b"ffffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
        (["Transfer-Encoding: chunked"], b"2\r\n{}\r\n0\r\nHost: elsewhere\r\n\r\n"),
        (["Content-Length: 100"], b"{}"),
        (["Transfer-Encoding: chunked"], b"2\r\n{}\r\n"),
        (["Transfer-Encoding: chunked"], b"100\r\n{}"),
    ],
)
def test_a_body_whose_end_is_not_clear_is_a_400(client: Client, headers: list[str], body: bytes) -> None:
    job = make_job(schedule={"cron": "0 0 1 1 *"})

    detail_of(client.send("POST", f"/api/v1/jobs/{job.pk}/run", body, *headers), 400)
    assert not Run.objects.exists()


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "nonsense"])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_body_that_is_not_json_is_a_415(client: Client, content_type: str, chunked: bool) -> None:
    body, header = (
        (b"3\r\na=b\r\n0\r\n\r\n", "Transfer-Encoding: chunked") if chunked else (b"a=b", "Content-Length: 3")
    )
    for method, path in (("POST", f"/api/v1/jobs/{make_job().pk}/run"), ("POST", "/api/v1/jobs/pause")):
        detail_of(client.send(method, path, body, header, content_type=content_type), 415)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, identity", "nonsense"])
def test_a_compressed_body_is_a_415(client: Client, encoding: str) -> None:
    body = gzip.compress(b"{}")
    headers = (f"Content-Length: {len(body)}", f"Content-Encoding: {encoding}")

    assert "Content-Encoding" in detail_of(client.send("POST", "/api/v1/jobs/pause", body, *headers), 415)
    assert client.send("POST", "/admin/login/", body, *headers).status == 415


@pytest.mark.parametrize("method", ["GET", "DELETE", "HEAD"])
def test_a_method_that_takes_no_body_refuses_one(client: Client, method: str) -> None:
    path = f"/api/v1/jobs/{make_job().pk}"

    assert client.send(method, path, b"{}", "Content-Length: 2").status == 400
    assert client.send(method, path, b"2\r\n{}\r\n0\r\n\r\n", "Transfer-Encoding: chunked").status == 400
    assert client.send("GET", path, b"", "Content-Length: 0").status == 200


@pytest.mark.parametrize(
    "charset", ["rot13", "hex", "zlib", "utf-16", "no-such", "x" * 3000, '"utf-8", charset=hex', ""]
)
def test_no_charset_that_a_client_states_is_a_server_error(client: Client, charset: str) -> None:
    stated = {"content_type": f"application/json; charset={charset}"}
    body = json.dumps({"until": "2040-01-01T00:00:00Z"}).encode()
    length = f"Content-Length: {len(body)}"
    path = f"/api/v1/jobs/{make_job().pk}/pause"
    assert client.send("POST", path, body, length, **stated).status == 200
    assert client.send("GET", "/api/v1/jobs?x=%C3%BC", b"", **stated).status == 400
    stated = {"content_type": f"application/x-www-form-urlencoded; charset={charset}"}
    form = b"username=a&password=%FF%FE"
    for method, url in (("GET", "/admin/login/?next=%C3%BC"), ("POST", "/admin/login/")):
        assert client.send(method, url, form, f"Content-Length: {len(form)}", **stated).status == 415


@pytest.mark.parametrize(
    "stated", ["", "; charset=utf-8", ';boundary=x; charset="UTF8"', "; Charset=us-ascii ;x=1", "; x=xcharsety"]
)
def test_utf_8_may_be_stated(client: Client, stated: str) -> None:
    content_type = f"application/x-www-form-urlencoded{stated}"
    assert client.send("GET", "/admin/login/", b"", content_type=content_type).status == 200
