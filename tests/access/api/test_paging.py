"""Proves that cursors lead through all pages of a list, and that a cursor of another list is refused."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from access.api.paging import MAX_PAGE_BYTES
from executions.models import Run
from executions.targets.base import MAX_LOG_LINE_LENGTH
from executions.worker.logs import RunLog, store
from tests.documented import fields_of
from tests.factories import NOW, make_job, make_run

if TYPE_CHECKING:
    from schedules.models import Job
    from tests.documented import DocumentedClient

RUNS = "/api/v1/runs"
JOBS = "/api/v1/jobs"
LARGE = {"message": "ä" * 40_000}  # six bytes of the payload's limit for each letter, and two bytes of a response


@pytest.fixture
def job(db: None) -> Job:
    job = make_job(schedule={"cron": "0 0 1 1 *"})
    for minute in range(5):
        make_run(job, NOW + timedelta(minutes=minute))
    return job


def minutes(page: dict[str, Any]) -> list[int]:
    return [int(run["nominal_at"][14:16]) for run in page["results"]]


def cursor_of(*values: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def test_the_links_lead_to_the_last_page_and_back_to_the_first(api: DocumentedClient, job: Job) -> None:
    first = api.get(f"{RUNS}?page_size=2").json()
    second = api.get(first["next"]).json()
    third = api.get(second["next"]).json()

    assert [minutes(page) for page in (first, second, third)] == [[4, 3], [2, 1], [0]]
    assert (first["previous"], third["next"]) == (None, None)
    back = api.get(third["previous"]).json()
    assert minutes(back) == [2, 1]
    assert minutes(api.get(back["next"]).json()) == [0]
    start = api.get(back["previous"]).json()
    assert (minutes(start), start["previous"]) == ([4, 3], None)


def test_a_run_that_is_added_meanwhile_does_not_change_the_next_page(api: DocumentedClient, job: Job) -> None:
    first = api.get(f"{RUNS}?page_size=2").json()
    make_run(job, NOW + timedelta(minutes=9))

    assert minutes(api.get(first["next"]).json()) == [2, 1]


def test_a_page_whose_runs_were_deleted_is_empty_and_has_no_links(api: DocumentedClient, job: Job) -> None:
    first = api.get(f"{RUNS}?page_size=2").json()
    Run.objects.all().delete()

    assert api.get(first["next"]).json() == {"next": None, "previous": None, "results": []}


def test_the_links_to_other_pages_keep_the_filters(api: DocumentedClient, job: Job) -> None:
    page = api.get(f"{RUNS}?page_size=2&status=queued&job={job.pk}").json()

    assert "status=queued" in page["next"]
    assert f"job={job.pk}" in page["next"]
    assert minutes(api.get(page["next"]).json()) == [2, 1]


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "!!!!",
        "%00",
        "💥",
        "A" * 401,
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        base64.urlsafe_b64encode(b"[" * 250).decode(),
        cursor_of(),
        cursor_of("next"),
        cursor_of("sideways", "019a9f93-0900-7d10-8b7e-5a4d1f0e2c3b"),
        cursor_of("next", "12"),
        cursor_of("next", 12),
        cursor_of("next", None),
        cursor_of("next", "a\0b"),
        cursor_of("next", {"a": 1}),
        cursor_of("next", "019a9f93-0900-7d10-8b7e-5a4d1f0e2c3b", "2026-11-20T12:00:00Z"),
        cursor_of(["next"], "019a9f93-0900-7d10-8b7e-5a4d1f0e2c3b"),
    ],
)
def test_a_malformed_cursor_is_refused(api: DocumentedClient, job: Job, cursor: str) -> None:
    assert fields_of(api.get(f"{RUNS}?cursor={cursor}")) == ["cursor"]


@pytest.mark.parametrize(
    "cursor",
    [
        cursor_of("next", "2026-11-20T12:00:00", "019a9f93-0900-7d10-8b7e-5a4d1f0e2c3b"),
        cursor_of("next", "2026-11-20", "019a9f93-0900-7d10-8b7e-5a4d1f0e2c3b"),
        cursor_of("next", "2026-13-20T12:00:00Z", "019a9f93-0900-7d10-8b7e-5a4d1f0e2c3b"),
        cursor_of("next", "019a9f93-0900-7d10-8b7e-5a4d1f0e2c3b"),
    ],
)
def test_a_cursor_of_another_list_is_refused(api: DocumentedClient, job: Job, cursor: str) -> None:
    assert fields_of(api.get(f"{RUNS}?job={job.pk}&cursor={cursor}")) == ["cursor"]


@pytest.mark.parametrize("text", ["\0", "\ud800"], ids=["NUL", "half a surrogate pair"])
def test_a_cursor_with_a_text_that_cannot_be_stored_is_refused(api: DocumentedClient, text: str) -> None:
    assert fields_of(api.get(f"/api/v1/feature-flags?cursor={cursor_of('next', text)}")) == ["cursor"]


@pytest.mark.parametrize("number", ["x", "1.5", "", "9" * 30, "-1"])
def test_a_log_cursor_with_an_invalid_number_never_causes_a_server_error(
    api: DocumentedClient, job: Job, number: str
) -> None:
    run = Run.objects.filter(job=job).earliest("id")

    response = api.get(f"{RUNS}/{run.pk}/log?cursor={cursor_of('next', number)}")

    assert response.status_code in (200, 400)


@pytest.mark.parametrize("query", ["", "&state=active", "&state=active,paused", "&name=greeting"])
def test_a_page_of_large_jobs_ends_early_and_leads_to_the_others(api: DocumentedClient, db: None, query: str) -> None:
    jobs = [str(make_job(payload=LARGE).pk) for _ in range(30)]

    response = api.get(f"{JOBS}?page_size=200{query}")
    found = [job["id"] for job in response.json()["results"]]
    assert 10 < len(found) < 20
    while response.json()["next"]:
        assert len(response.content) < MAX_PAGE_BYTES + 100_000
        response = api.get(response.json()["next"])
        found += [job["id"] for job in response.json()["results"]]
    assert found == jobs[::-1]

    back = api.get(response.json()["previous"]).json()
    assert [job["id"] for job in back["results"]] == found[: -len(response.json()["results"])][-len(back["results"]) :]
    assert 10 < len(back["results"]) < 20


def test_a_page_of_long_log_lines_ends_early(api: DocumentedClient, job: Job) -> None:
    run = Run.objects.filter(job=job).earliest("id")
    log = RunLog(run.pk, 1, 10_000_000)
    for _ in range(200):
        log.add("x" * MAX_LOG_LINE_LENGTH)
    store([log])

    page = api.get(f"{RUNS}/{run.pk}/log?page_size=1000").json()
    assert len(page["results"]) == MAX_PAGE_BYTES // MAX_LOG_LINE_LENGTH
    assert len(page["results"]) + len(api.get(page["next"]).json()["results"]) == 200
