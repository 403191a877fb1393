"""Proves which terms of a pause the API accepts, and what resuming previews and starts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from schedules import triggers
from schedules.models import Job
from schedules.pauses.terms import PauseTerms
from tests.documented import DocumentedClient, fields_of, problem_of
from tests.factories import NOW, make_job


def at(job: Job, verb: str = "") -> str:
    return f"/api/v1/jobs/{job.pk}{verb}"


def yearly() -> Job:
    return make_job(schedule={"cron": "0 0 1 1 *"})


def test_a_paused_job_shows_the_actor_the_end_and_the_catch_up_of_its_pause(api: DocumentedClient) -> None:
    job = yearly()
    terms = {"until": "2999-01-01T00:00:00Z", "catch_up": "last"}
    paused = api.send("POST", at(job, "/pause"), terms).json()
    assert [paused[name] for name in ("paused_by", "paused_until_at", "pause_catch_up")] == [
        "admin (key tests)",
        *terms.values(),
    ]
    resumed = api.post(at(job, "/resume")).json()
    assert [resumed[name] for name in ("paused_by", "paused_until_at", "pause_catch_up")] == [None, None, None]


@pytest.mark.parametrize(
    "terms",
    [
        {"until": "2020-01-01T00:00:00Z"},
        {"until": "2999-01-01T00:00:00"},
        {"until": "9999-12-31T23:59:59Z"},
        {"catch_up": "some"},
    ],
)
def test_invalid_terms_of_a_pause_are_refused_by_name(api: DocumentedClient, terms: dict[str, str]) -> None:
    job = yearly()
    assert fields_of(api.send("POST", at(job, "/pause"), terms)) == list(terms)
    assert api.get(at(job)).json()["state"] == "active"


@pytest.mark.parametrize("address", ["job", "/api/v1/jobs/pause"])
def test_a_catch_up_is_refused_for_a_pause_without_an_end(api: DocumentedClient, address: str) -> None:
    job = yearly()
    rest: dict[str, Any] = {} if address == "job" else {"filter": {}}
    address = at(job, "/pause") if address == "job" else address
    assert fields_of(api.send("POST", address, {"catch_up": "all", **rest})) == ["until"]
    assert api.get(at(job)).json()["state"] == "active"
    assert api.send("POST", address, {"catch_up": "none", "until": None, **rest}).status_code in (200, 202)


@pytest.mark.parametrize("catch_up", [{}, {"catch_up": "none"}, {"catch_up": "first"}, {"catch_up": "last"}])
@pytest.mark.parametrize("dry_run", [False, True])
def test_max_runs_is_refused_unless_catch_up_is_all(
    api: DocumentedClient, catch_up: dict[str, str], dry_run: bool
) -> None:
    job = yearly()
    triggers.pause(job.pk, NOW, actor="ann")
    body = {"max_runs": 5, "dry_run": dry_run, **catch_up}
    assert fields_of(api.send("POST", at(job, "/resume"), body)) == ["max_runs"]
    assert api.get(at(job)).json()["state"] == "paused"


def test_a_resumption_can_be_previewed_first(api: DocumentedClient) -> None:
    job = make_job(schedule={"every": "1h", "anchor_at": "2026-01-01T00:00:00Z"}, now=NOW)
    triggers.pause(job.pk, NOW, actor="ann", terms=PauseTerms(until=NOW + timedelta(hours=3)))
    preview = api.send("POST", at(job, "/resume"), {"catch_up": "all", "max_runs": 2, "dry_run": True}).json()
    assert (preview["n_occurrences"], preview["n_would_start"], preview["is_more"]) == (3, 2, False)
    assert [preview["first_at"], preview["last_at"]] == ["2026-11-20T14:00:00Z", "2026-11-20T15:00:00Z"]
    assert api.get(at(job)).json()["state"] == "paused"
    assert api.send("POST", at(job, "/resume"), {"catch_up": "all"}).json()["state"] == "active"
    problem_of(api.send("POST", at(job, "/resume"), {"dry_run": True}), 409)


@pytest.mark.parametrize("body", [{"max_runs": 0}, {"max_runs": 1001}, {"catch_up": "most"}, {"dry_run": "yes"}])
def test_an_invalid_resumption_is_refused_by_name(api: DocumentedClient, body: dict[str, object]) -> None:
    assert fields_of(api.send("POST", at(yearly(), "/resume"), body)) == list(body)
