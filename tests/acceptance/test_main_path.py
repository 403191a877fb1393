"""Jobs that are created over the API run on real workers: on time, with retries, timeouts, logs and cancellation."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from django.contrib.auth import get_user_model

from executions.models import Attempt, Run
from executions.states import RunStatus
from tests.acceptance.fixtures import shared_processes
from tests.documented import documented_client
from tests.receiver import answer, hang
from tests.waiting import wait_until

if TYPE_CHECKING:
    from rest_framework.test import APIClient

    from tests.acceptance.processes import Processes
    from tests.receiver import Receiver


processes = shared_processes("beat", "worker", "worker-http")


@pytest.fixture(scope="module")
def api(processes: Processes) -> APIClient:
    return documented_client(get_user_model().objects.create_user("admin", is_staff=True, is_superuser=True))


def create(api: APIClient, **definition: Any) -> str:
    """Create a job over the API; return its id."""
    response = api.post("/api/v1/jobs", {"name": "acceptance", **definition}, format="json")
    assert response.status_code == 201, response.json()
    return str(response.json()["id"])


def run_now(api: APIClient, job_id: str) -> str:
    """Start a run by hand; return its id."""
    response = api.post(f"/api/v1/jobs/{job_id}/run", {}, format="json")
    assert response.status_code == 202, response.json()
    return str(response.json()["id"])


def ended(run_id: str) -> bool:
    return Run.objects.get(pk=run_id).is_terminal


def history(api: APIClient, run_id: str) -> dict[str, Any]:
    body: dict[str, Any] = api.get(f"/api/v1/runs/{run_id}").json()
    return body


def call(receiver: Receiver, path: str, **target: Any) -> dict[str, Any]:
    return {"kind": "http", "method": "POST", "url": receiver.url(path), **target}


@pytest.mark.alone
def test_a_cron_job_with_seconds_calls_on_its_seconds_and_has_a_history(api: APIClient, receiver: Receiver) -> None:
    job_id = create(
        api, schedule={"cron": "*/2 * * * * *"}, target=call(receiver, "/hook"), payload={"greeting": "hello"}
    )
    wait_until(lambda: len(receiver.requests) >= 4, 30, what="four calls")
    api.post(f"/api/v1/jobs/{job_id}/pause", {}, format="json")
    since = datetime.now(UTC) - timedelta(seconds=time.monotonic())
    seconds = [(since + timedelta(seconds=request.at)).timestamp() for request in receiver.requests]
    assert all(moment % 2 < 0.9 for moment in seconds), seconds
    assert all(round(later - earlier) == 2 for earlier, later in pairwise(seconds))
    assert {(r.method, r.path, r.body) for r in receiver.requests} == {("POST", "/hook", b'{"greeting":"hello"}')}

    of_job = Run.objects.filter(job=UUID(job_id))
    wait_until(lambda: not of_job.exclude(status=RunStatus.SUCCEEDED).exists(), what="the end of all runs")
    runs = api.get(f"/api/v1/jobs/{job_id}/runs").json()["results"]
    assert len(runs) == len(receiver.requests)
    assert {run["id"] for run in runs} == {r.headers["idempotency-key"] for r in receiver.requests}
    detail = history(api, runs[0]["id"])
    assert (detail["status"], detail["n_attempts"], detail["attempts"][0]["status"]) == ("succeeded", 1, "succeeded")
    assert detail["attempts"][0]["worker"].startswith("worker-http@tests")
    assert detail["duration_ms"] > 0 and detail["lateness_ms"] < 900
    assert [event["kind"] for event in detail["events"]] == ["queued", "running", "succeeded"]


def test_a_job_with_a_delay_runs_that_long_after_its_own_previous_run(api: APIClient, receiver: Receiver) -> None:
    job_id = create(api, schedule={"delay": "1s", "max_runs": 3}, target=call(receiver, "/hook"))
    of_job = Run.objects.filter(job=UUID(job_id))
    wait_until(lambda: of_job.filter(status=RunStatus.SUCCEEDED).count() == 3, 30, what="three runs")
    for earlier, later in pairwise(of_job.order_by("nominal_at")):
        assert earlier.finished_at is not None
        assert later.nominal_at == earlier.finished_at + timedelta(seconds=1)
    assert of_job.count() == 3
    assert api.get(f"/api/v1/jobs/{job_id}").json()["state"] == "ended"


def test_two_failures_then_a_success_are_one_run_with_growing_delays(api: APIClient, receiver: Receiver) -> None:
    receiver.script("/flaky", answer(500, "no"), answer(500, "no"), answer(200, "yes"))
    retry = {"delay": "1s", "backoff": "exponential", "jitter": False}
    job_id = create(api, target=call(receiver, "/flaky"), policies={"retry": retry})
    run_id = run_now(api, job_id)
    wait_until(lambda: ended(run_id), what="the end of the run")
    detail = history(api, run_id)
    assert (detail["status"], [a["status"] for a in detail["attempts"]]) == (
        "succeeded",
        ["failed", "failed", "succeeded"],
    )
    first, second = (later.at - earlier.at for earlier, later in pairwise(receiver.requests))
    assert 1 <= first < second and 2 <= second < 4
    assert len({request.headers["idempotency-key"] for request in receiver.requests}) == 1
    assert [a["result"]["response"]["body"] for a in detail["attempts"]] == ["no", "no", "yes"]


def test_a_404_fails_at_once_a_hang_times_out_and_retry_after_is_honoured(api: APIClient, receiver: Receiver) -> None:
    receiver.script("/missing", answer(404))
    receiver.script("/hang", hang())
    receiver.script("/busy", answer(503, headers={"Retry-After": "2"}), answer(200))
    once = {"retry": {"max_retries": 0}}
    missing = run_now(api, create(api, target=call(receiver, "/missing")))
    hanging = run_now(api, create(api, target=call(receiver, "/hang"), policies={**once, "timeout": "1500ms"}))
    busy = run_now(api, create(api, target=call(receiver, "/busy"), policies={"retry": {"delay": "10s"}}))
    wait_until(lambda: all(map(ended, (missing, hanging, busy))), what="the end of all three")

    assert (history(api, missing)["status"], history(api, missing)["n_attempts"]) == ("failed", 1)
    attempt = Attempt.objects.get(run_id=hanging)
    assert attempt.status == "timed_out"
    assert timedelta(seconds=1.4) < attempt.duration < timedelta(seconds=2.5)
    assert history(api, busy)["status"] == "succeeded"
    first, second = (request.at for request in receiver.requests if request.path == "/busy")
    assert 2 <= second - first < 4


def test_a_command_keeps_its_log_and_can_be_cancelled_while_it_runs(api: APIClient) -> None:
    echo = run_now(api, create(api, target={"kind": "command", "name": "demo.echo"}, payload={"message": "hi there"}))
    sleep = run_now(api, create(api, target={"kind": "command", "name": "demo.sleep"}, payload={"seconds": 60}))
    wait_until(lambda: Run.objects.get(pk=sleep).status == RunStatus.RUNNING, what="the sleep")
    assert api.post(f"/api/v1/runs/{sleep}/cancel").status_code == 202
    wait_until(lambda: ended(echo) and ended(sleep), what="the end of both")
    assert history(api, echo)["attempts"][0]["result"]["message"] == "hi there"
    lines = api.get(f"/api/v1/runs/{echo}/log").json()["results"]
    assert [line["message"] for line in lines] == ["hi there"]
    assert history(api, sleep)["status"] == "cancelled"


def test_a_command_that_exceeds_its_timeout_is_stopped(api: APIClient) -> None:
    target = {"kind": "command", "name": "demo.sleep"}
    policies = {"timeout": "1s", "retry": {"max_retries": 0}}
    run_id = run_now(api, create(api, target=target, payload={"seconds": 60}, policies=policies))
    wait_until(lambda: ended(run_id), what="the end of the run")
    attempt = Attempt.objects.get(run_id=run_id)
    assert attempt.status == "timed_out" and attempt.duration < timedelta(seconds=3)


def test_a_command_that_blocks_all_signals_is_killed_with_its_process(api: APIClient) -> None:
    policies = {"timeout": "1s", "retry": {"max_retries": 0}}
    run_id = run_now(api, create(api, target={"kind": "command", "name": "tests.stubborn"}, policies=policies))
    wait_until(lambda: ended(run_id), 60, what="the end of the run")
    run = Run.objects.get(pk=run_id)
    assert (run.status, run.error_code) == (RunStatus.FAILED, "timed_out")
