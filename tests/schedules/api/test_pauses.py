"""Pauses over REST: their terms, and what resuming starts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from schedules import triggers
from schedules.models import Job
from tests.documented import DocumentedClient, fields_of, problem_of
from tests.factories import NOW, make_job


def at(job: Job, verb: str = "") -> str:
    return f"/api/v1/jobs/{job.pk}{verb}"


def yearly() -> Job:
    return make_job(schedule={"cron": "0 0 1 1 *"})


def test_a_pause_says_who_wanted_it_until_when_and_what_starts_then(api: DocumentedClient) -> None:
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
def test_terms_of_a_pause_that_cannot_be_are_refused_by_name(api: DocumentedClient, terms: dict[str, str]) -> None:
    job = yearly()
    assert fields_of(api.send("POST", at(job, "/pause"), terms)) == list(terms)
    assert api.get(at(job)).json()["state"] == "active"


@pytest.mark.parametrize("address", ["job", "/api/v1/jobs/pause"])
def test_what_starts_at_the_end_of_a_pause_needs_an_end(api: DocumentedClient, address: str) -> None:
    job = yearly()
    rest: dict[str, Any] = {} if address == "job" else {"filter": {}}
    address = at(job, "/pause") if address == "job" else address
    assert fields_of(api.send("POST", address, {"catch_up": "all", **rest})) == ["until"]
    assert api.get(at(job)).json()["state"] == "active"
    assert api.send("POST", address, {"catch_up": "none", "until": None, **rest}).status_code in (200, 202)


@pytest.mark.parametrize("catch_up", [{}, {"catch_up": "none"}, {"catch_up": "first"}, {"catch_up": "last"}])
@pytest.mark.parametrize("dry_run", [False, True])
def test_a_number_of_runs_is_refused_where_there_is_nothing_to_count(
    api: DocumentedClient, catch_up: dict[str, str], dry_run: bool
) -> None:
    job = yearly()
    triggers.pause(job.pk, NOW, actor="ann")
    asked = {"max_runs": 5, "dry_run": dry_run, **catch_up}
    assert fields_of(api.send("POST", at(job, "/resume"), asked)) == ["max_runs"]
    assert api.get(at(job)).json()["state"] == "paused"


def test_resuming_says_first_what_it_would_start(api: DocumentedClient) -> None:
    job = make_job(schedule={"every": "1h", "anchor_at": "2026-01-01T00:00:00Z"}, now=NOW)
    triggers.pause(job.pk, NOW, actor="ann", until=NOW + timedelta(hours=3))
    foreseen = api.send("POST", at(job, "/resume"), {"catch_up": "all", "max_runs": 2, "dry_run": True}).json()
    assert (foreseen["n_occurrences"], foreseen["n_would_start"], foreseen["is_more"]) == (3, 2, False)
    assert [foreseen["first_at"], foreseen["last_at"]] == ["2026-11-20T14:00:00Z", "2026-11-20T15:00:00Z"]
    assert api.get(at(job)).json()["state"] == "paused"
    assert api.send("POST", at(job, "/resume"), {"catch_up": "all"}).json()["state"] == "active"
    problem_of(api.send("POST", at(job, "/resume"), {"dry_run": True}), 409)


@pytest.mark.parametrize("body", [{"max_runs": 0}, {"max_runs": 1001}, {"catch_up": "most"}, {"dry_run": "yes"}])
def test_nonsense_in_a_resumption_is_refused_by_name(api: DocumentedClient, body: dict[str, object]) -> None:
    assert fields_of(api.send("POST", at(yearly(), "/resume"), body)) == list(body)
