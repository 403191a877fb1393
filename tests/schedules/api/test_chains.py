"""Proves that the API shows chains at both of their jobs, changes them and refuses cycles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schedules.passes.follow_ups import follow_once
from tests.documented import DocumentedClient, fields_of
from tests.factories import ECHO, end, make_job, make_run

if TYPE_CHECKING:
    from schedules.models import Job

JOBS = "/api/v1/jobs"
BY_HAND = {"kind": "none"}


def starting_after(api: DocumentedClient, source: Job, on: str = "success") -> dict[str, Any]:
    body = {"name": "report", "target": ECHO, "start_after": [{"job": str(source.pk), "on": on}]}
    created: dict[str, Any] = api.send("POST", JOBS, body).json()
    return created


def test_both_jobs_of_a_chain_show_it_and_can_be_sent_back(api: DocumentedClient) -> None:
    source = make_job("load", BY_HAND)
    job = starting_after(api, source, "failure")

    assert job["start_after"] == [{"job": str(source.pk), "on": "failure"}]
    assert job["starts"] == []
    shown = api.get(f"{JOBS}/{source.pk}").json()
    assert (shown["start_after"], shown["starts"]) == ([], [{"job": job["id"], "on": "failure"}])
    assert [one["starts"] for one in api.get(JOBS).json()["results"]] == [[], shown["starts"]]
    sent_back = api.send("PUT", f"{JOBS}/{job['id']}", job).json()
    assert {**sent_back, "updated_at": None} == {**job, "updated_at": None}


def test_a_patch_without_start_after_keeps_the_chain(api: DocumentedClient) -> None:
    job = starting_after(api, make_job("load", BY_HAND))
    address = f"{JOBS}/{job['id']}"

    assert api.send("PATCH", address, {"description": "x"}).json()["start_after"] == job["start_after"]
    assert fields_of(api.send("PATCH", address, {"starts": []})) == ["starts"]
    assert api.send("PATCH", address, {"start_after": []}).json()["start_after"] == []


def test_a_cycle_is_a_400_at_the_entry_that_closes_it(api: DocumentedClient) -> None:
    source = make_job("load", BY_HAND)
    job = starting_after(api, source)

    response = api.send("PATCH", f"{JOBS}/{source.pk}", {"start_after": [{"job": job["id"]}]})
    assert fields_of(response) == ["start_after.0.job"]
    assert "“load” starts “report” starts “load”" in response.json()["errors"][0]["message"]


def test_deleting_a_job_removes_it_from_the_chains_of_other_jobs(api: DocumentedClient) -> None:
    source = make_job("load", BY_HAND)
    job = starting_after(api, source)

    assert api.delete(f"{JOBS}/{source.pk}").status_code == 204
    assert api.get(f"{JOBS}/{job['id']}").json()["start_after"] == []


def test_a_chained_run_names_the_run_that_started_it(api: DocumentedClient) -> None:
    source = make_job("load", BY_HAND)
    job = starting_after(api, source)
    run = end(make_run(source))
    assert run.finished_at is not None
    follow_once(run.finished_at, 10)

    (started,) = api.get("/api/v1/runs?origin=chain").json()["results"]
    assert (started["job"]["id"], started["caused_by"]) == (job["id"], str(run.pk))
    assert started["priority"] == "medium"
