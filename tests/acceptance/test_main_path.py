"""A job defined over the API fires on time, is carried out by Celery workers, is retried, and can be read about."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from executions.models import Attempt, Run
from executions.states import RunStatus
from tests.receiver import answer, hang
from tests.waiting import wait_until

if TYPE_CHECKING:
    from rest_framework.test import APIClient

    from tests.acceptance.processes import Processes
    from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)


def create(api: APIClient, **definition: Any) -> str:
    """Create a job over the API; returns its id."""
    response = api.post("/api/v1/jobs", {"name": "acceptance", **definition}, format="json")
    assert response.status_code == 201, response.json()
    return str(response.json()["id"])


def run_now(api: APIClient, job_id: str) -> str:
    """Start a run by hand; returns its id."""
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
def test_a_cron_job_with_seconds_posts_on_the_right_seconds_and_its_history_tells(
    api: APIClient, processes: Processes, receiver: Receiver
) -> None:
    processes.start("beat", "worker-http")
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

    wait_until(lambda: not Run.objects.exclude(status=RunStatus.SUCCEEDED).exists(), what="the end of all runs")
    runs = api.get(f"/api/v1/jobs/{job_id}/runs").json()["results"]
    assert len(runs) == len(receiver.requests)
    assert {run["id"] for run in runs} == {r.headers["idempotency-key"] for r in receiver.requests}
    detail = history(api, runs[0]["id"])
    assert (detail["status"], detail["n_attempts"], detail["attempts"][0]["status"]) == ("succeeded", 1, "succeeded")
    assert detail["attempts"][0]["worker"].startswith("worker-http@tests")
    assert detail["duration_ms"] > 0 and detail["lateness_ms"] < 900
    assert [event["kind"] for event in detail["events"]] == ["queued", "running", "succeeded"]


def test_a_job_with_a_delay_runs_so_long_after_the_end_of_its_own_run(
    api: APIClient, processes: Processes, receiver: Receiver
) -> None:
    processes.start("beat", "worker-http")
    job_id = create(api, schedule={"delay": "1s", "max_runs": 3}, target=call(receiver, "/hook"))
    wait_until(lambda: Run.objects.filter(status=RunStatus.SUCCEEDED).count() == 3, 30, what="three runs")
    runs = list(Run.objects.order_by("nominal_at"))
    for earlier, later in pairwise(runs):
        assert earlier.finished_at is not None
        assert later.nominal_at == earlier.finished_at + timedelta(seconds=1)
    assert api.get(f"/api/v1/jobs/{job_id}").json()["state"] == "ended"


def test_two_failures_and_a_success_are_one_run_with_three_attempts_and_growing_delays(
    api: APIClient, processes: Processes, receiver: Receiver
) -> None:
    receiver.script("/flaky", answer(500, "no"), answer(500, "no"), answer(200, "yes"))
    processes.start("beat", "worker-http")
    job_id = create(
        api, target=call(receiver, "/flaky"), policies={"retry": {"delay": "1s", "backoff": "exponential", "jitter": False}}
    )  # fmt: skip
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


def test_a_404_fails_at_once_a_hang_times_out_and_retry_after_is_honoured(
    api: APIClient, processes: Processes, receiver: Receiver
) -> None:
    receiver.script("/missing", answer(404))
    receiver.script("/hang", hang())
    receiver.script("/busy", answer(503, headers={"Retry-After": "2"}), answer(200))
    processes.start("beat", "worker-http")
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
    asked, came = (request.at for request in receiver.requests if request.path == "/busy")
    assert 2 <= came - asked < 4


def test_a_command_is_carried_out_with_its_log_and_a_running_one_can_be_cancelled(
    api: APIClient, processes: Processes
) -> None:
    processes.start("beat", "worker")
    echo = run_now(api, create(api, target={"kind": "command", "name": "demo.echo"}, payload={"message": "hi there"}))
    sleep = run_now(api, create(api, target={"kind": "command", "name": "demo.sleep"}, payload={"seconds": 60}))
    wait_until(lambda: Run.objects.get(pk=sleep).status == RunStatus.RUNNING, what="the sleep")
    assert api.post(f"/api/v1/runs/{sleep}/cancel").status_code == 202
    wait_until(lambda: ended(echo) and ended(sleep), what="the end of both")
    assert history(api, echo)["attempts"][0]["result"]["message"] == "hi there"
    lines = api.get(f"/api/v1/runs/{echo}/log").json()["results"]
    assert [line["message"] for line in lines] == ["hi there"]
    assert history(api, sleep)["status"] == "cancelled"


def test_a_command_that_outstays_its_timeout_is_stopped(api: APIClient, processes: Processes) -> None:
    processes.start("beat", "worker")
    target = {"kind": "command", "name": "demo.sleep"}
    policies = {"timeout": "1s", "retry": {"max_retries": 0}}
    run_id = run_now(api, create(api, target=target, payload={"seconds": 60}, policies=policies))
    wait_until(lambda: ended(run_id), what="the end of the run")
    attempt = Attempt.objects.get()
    assert attempt.status == "timed_out" and attempt.duration < timedelta(seconds=3)
