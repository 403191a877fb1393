"""With 100,000 jobs, lists read about as many rows as they show: for any filter, search, order and page."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from django.db import connection, transaction

from access.admin.lists import MAX_PAGE, PER_PAGE
from schedules.admin.job.admin import JobAdmin
from schedules.models import Job
from tests.scale.large_history import N_JOBS, fill
from tests.scale.rows_read import read_for
from tests.staff import signed_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.auth.models import User
    from pytest_django import DjangoDbBlocker

    from tests.staff import StaffClient

pytestmark = [pytest.mark.long, pytest.mark.django_db]

MAX_ROWS = 5_000  # for a page of 50: some for each of its queries, far less than a table
MAX_ROWS_LAST_PAGE = 3 * MAX_PAGE * PER_PAGE  # rows before the page are skipped in the index and in its joins

API = [
    "/api/v1/jobs",
    *(f"/api/v1/jobs?state={state}" for state in ("active", "paused", "ended", "paused,ended", "active,paused")),
    *(f"/api/v1/jobs?target_kind={kind}" for kind in ("http", "command", "command&state=paused", "http&state=ended")),
    "/api/v1/jobs?name=job 500 invoice export",
    *(f"/api/v1/jobs?search={term}" for term in ("invoice", "77777", "nosuchthing", "zq", "jo", "invoice&state=ended")),
    "/api/v1/runs",
    *(f"/api/v1/runs?status={status}" for status in ("succeeded", "failed", "failed,cancelled", "queued,running")),
    *(f"/api/v1/runs?origin={origin}" for origin in ("schedule", "manual", "retry", "chain", "manual&status=failed")),
    *(f"/api/v1/runs?reason={reason}" for reason in ("overlap", "missed")),
    "/api/v1/runs?nominal_after=2026-11-02T00:00:00Z&nominal_before=2026-11-03T00:00:00Z",
    "/api/v1/runs?nominal_after=2026-11-02T00:00:00Z&status=failed",
    "/api/v1/runs?nominal_before=2026-11-05T00:00:00.0005Z&status=failed,cancelled",
    "/api/v1/jobs/BIG/runs",
    *(f"/api/v1/jobs/BIG/runs?status={status}" for status in ("succeeded", "failed", "failed,cancelled", "queued")),
    *(f"/api/v1/jobs/BIG/runs?{query}" for query in ("origin=manual", "reason=overlap", "reason=missed")),
    "/api/v1/runs?job=BIG&status=failed&nominal_before=2026-11-01T03:00:00Z",
]
JOBS, RUNS = "/admin/schedules/job/", "/admin/executions/run/"
ADMIN = [
    "/admin/",
    *(f"{JOBS}?state={state}" for state in ("", "active", "paused", "ended")),
    *(f"{JOBS}?target={kind}" for kind in ("command", "http", "command&schedule=every&state=active")),
    *(f"{JOBS}?schedule={kind}" for kind in ("cron", "every", "once", "none", "none&state=paused")),
    *(f"{JOBS}?o={order}" for order in ("NAME", "-NAME", "NEXT", "-NEXT", "NAME&target=command", "NEXT&state=paused")),
    *(f"{JOBS}?q={term}" for term in ("invoice", "77777", "nosuch", "zq", "invoice&o=NAME", "invoice&o=NEXT", "BIG")),
    *(f"{JOBS}BIG/{page}" for page in ("", "change/", "delete/")),
    *(f"{RUNS}?status={status}" for status in ("", "succeeded", "failed", "failed&status=cancelled")),
    *(f"{RUNS}?origin={origin}" for origin in ("schedule", "manual", "retry", "chain", "manual&status=failed")),
    *(f"{RUNS}?reason={reason}" for reason in ("overlap", "missed")),
    *(f"{RUNS}?job=BIG{more}" for more in ("", "&status=cancelled", "&status=failed&status=cancelled")),
    f"{RUNS}?job=BIG&nominal_at_from_0=2026-11-02&nominal_at_to_0=2026-11-02",
    f"{RUNS}?nominal_at_from_0=2026-11-02&nominal_at_to_0=2026-11-02",
    f"{RUNS}?nominal_at_from_0=2026-11-03&status=cancelled",
    *(f"{RUNS}?q={term}" for term in ("BIG", "invoice", "7777", "job 1 nightly", "job 1 nightly&status=failed", "zq")),
]
DEEP = [
    JOBS,
    *(f"{JOBS}?{query}" for query in ("state=active", "target=http", "schedule=cron", "o=NAME", "o=NEXT", "o=-NEXT")),
    *(f"{RUNS}?{query}" for query in ("", "status=succeeded", "origin=schedule", "job=BIG")),
]


@pytest.fixture(scope="module")
def big(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """Insert the rows; yield the id of the job that has half of all runs."""
    with django_db_blocker.unblock():
        with transaction.atomic():
            fill()
            yield str(Job.objects.earliest("id").pk)
            transaction.set_rollback(True)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE) schedules_job, executions_run, executions_runspec")


@pytest.fixture
def admin(big: str, admin_user: User) -> StaffClient:
    client = signed_in(admin_user)
    client.get("/admin/")
    return client


def filled_in(address: str, big: str) -> str:
    for word, column in (("NAME", "name_shown"), ("NEXT", "next_shown")):
        address = address.replace(word, str(JobAdmin.list_display.index(column) + 1))
    return address.replace("BIG", big)


@pytest.mark.parametrize("address", API)
def test_lists_of_the_api_are_read_by_an_index(admin: StaffClient, big: str, address: str) -> None:
    """The first page, the second, and the first again by its `previous` link."""
    answer, total = read_for(admin.get, filled_in(address, big))
    totals = [total]
    if following := answer.json()["next"]:
        answer, total = read_for(admin.get, relative(following))
        totals.append(total)
        totals.append(read_for(admin.get, relative(answer.json()["previous"]))[1])
    for total in totals:
        assert not total.whole
        assert max(total.n_rows, total.n_sorted) < MAX_ROWS


def relative(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"


@pytest.mark.parametrize("address", ADMIN)
def test_pages_of_the_admin_are_read_by_an_index(admin: StaffClient, big: str, address: str) -> None:
    _, total = read_for(admin.get, filled_in(address, big))
    assert not total.whole
    assert max(total.n_rows, total.n_sorted) < MAX_ROWS


@pytest.mark.parametrize("address", DEEP)
def test_the_last_page_of_the_admin_reads_the_rows_before_it_and_no_more(
    admin: StaffClient, big: str, address: str
) -> None:
    separator = "&" if "?" in address else "?"
    answer, total = read_for(admin.get, f"{filled_in(address, big)}{separator}p={MAX_PAGE}")
    assert f"Page {MAX_PAGE}" in answer.content.decode()
    assert not total.whole
    assert max(total.n_rows, total.n_sorted) < MAX_ROWS_LAST_PAGE
    assert MAX_ROWS_LAST_PAGE < N_JOBS
