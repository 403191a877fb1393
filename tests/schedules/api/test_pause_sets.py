"""Proves that the API pauses the jobs of a filter, previews that, and resumes exactly those jobs."""

from __future__ import annotations

from uuid import uuid4

import pytest

from schedules.models import Job, JobState, PauseSet
from tests.documented import DocumentedClient, fields_of, problem_of
from tests.factories import make_job

MANY = "/api/v1/jobs/pause"
PAUSES = "/api/v1/pauses"
YEARLY = {"cron": "0 0 1 1 *"}


def test_jobs_are_counted_paused_and_resumed_as_a_set(api: DocumentedClient) -> None:
    for name in ("bill a", "bill b", "other"):
        make_job(name, YEARLY)
    body = {"filter": {"search": "bill"}, "reason": "  a move ", "until": "2999-01-01T00:00:00Z"}
    assert api.send("POST", MANY, {**body, "dry_run": True}).json() == {"dry_run": True, "n_jobs": 2}
    assert not PauseSet.objects.exists()

    response = api.send("POST", MANY, body)
    assert (response.status_code, response.json()["n_paused"], response.json()["reason"]) == (202, 2, "a move")
    assert response.json()["filter"]["search"] == "bill"
    shown = api.get(response["Location"]).json()
    assert (shown, api.get(PAUSES).json()["results"]) == (response.json(), [shown])
    assert {job["paused_until_at"] for job in api.get("/api/v1/jobs?state=paused").json()["results"]} == {body["until"]}

    undo = f"{response['Location']}/undo"
    assert api.send("POST", undo, {"catch_up": "last", "dry_run": True}).json()["n_jobs"] == 2
    undone = api.send("POST", undo, {"catch_up": "last"})
    assert (undone.status_code, undone.json()["state"], undone.json()["n_resumed"]) == (202, "undone", 2)
    assert not Job.objects.filter(state="paused").exists()
    problem_of(api.post(undo), 409)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "filter"),
        ({"filter": {"state": "active"}}, "filter.state"),
        ({"filter": {"target_kind": "carrier pigeon"}}, "filter.target_kind"),
        ({"filter": {"search": ""}}, "filter.search"),
        ({"filter": {"name": "a\0b"}}, "filter.name"),
        ({"filter": {"ids": []}}, "filter.ids"),
        ({"filter": {"ids": ["x"]}}, "filter.ids.0"),
        ({"filter": {}, "until": "2020-01-01T00:00:00Z"}, "until"),
        ({"filter": {}, "reasons": "x"}, "reasons"),
    ],
)
def test_an_invalid_pause_is_refused_at_its_field_and_pauses_nothing(
    api: DocumentedClient, body: dict[str, object], field: str
) -> None:
    make_job(schedule=YEARLY)
    assert fields_of(api.send("POST", MANY, body)) == [field]
    assert not Job.objects.filter(state="paused").exists()


def test_a_misspelt_member_of_the_filter_gets_a_suggestion(api: DocumentedClient) -> None:
    problem = problem_of(api.send("POST", MANY, {"filter": {"serach": "bill"}}), 400)
    assert problem["errors"][0]["message"] == 'serach is not a known field. Did you mean "search"?'


@pytest.mark.parametrize("member", ["target_kind", "name", "search", "ids"])
@pytest.mark.parametrize("dry_run", [False, True])
def test_null_in_a_filter_is_refused_and_pauses_nothing(api: DocumentedClient, member: str, dry_run: bool) -> None:
    job = make_job()
    response = api.send("POST", MANY, {"filter": {member: None}, "dry_run": dry_run})
    [error] = problem_of(response, 400)["errors"]
    assert error["field"] == f"filter.{member}" and "leave it out" in error["message"]
    job.refresh_from_db()
    assert job.state == JobState.ACTIVE


def test_an_unknown_pause_set_is_a_404(api: DocumentedClient) -> None:
    problem_of(api.get(f"{PAUSES}/{uuid4()}"), 404)
    problem_of(api.post(f"{PAUSES}/{uuid4()}/undo"), 404)
