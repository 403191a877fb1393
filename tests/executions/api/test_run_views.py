from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from executions import runs
from executions.models import Run
from executions.policies.overlap import LiveRuns
from executions.states import Origin, Reason
from executions.targets.base import Failed, Succeeded
from executions.worker.logs import RunLog, store
from tests.documented import fields_of, problem_of
from tests.factories import ECHO, HELLO, NOW, claim, end, make_job, make_run, make_skipped
from tests.nonsense import VALUES

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

    from schedules.models import Job
    from tests.documented import DocumentedClient

RUNS = "/api/v1/runs"
NOBODY = "019a9f93-0900-7d10-8b7e-5a4d1f0e2c3b"


def yearly(name: str = "greeting", **definition: Any) -> Job:
    return make_job(name, {"cron": "0 0 1 1 *"}, **definition)


def ids(api: DocumentedClient, query: str = "") -> list[str]:
    return [run["id"] for run in api.get(f"{RUNS}?{query}").json()["results"]]


def test_a_run_that_succeeded_is_shown_whole(api: DocumentedClient) -> None:
    run = end(make_run(yearly()), Succeeded({"message": "hello"}))

    body = api.get(f"{RUNS}/{run.pk}").json()

    assert body["job"] == {"id": str(run.job_id), "name": "greeting"}
    assert (body["status"], body["origin"], body["reason"], body["job_version"]) == ("succeeded", "schedule", None, 1)
    assert (body["lateness_ms"], body["duration_ms"], body["n_attempts"]) == (8, 250, 1)
    assert body["nominal_at"] == "2026-11-20T12:00:00Z"
    assert (body["target"], body["payload"]) == (ECHO, HELLO)
    assert body["policies"]["catch_up"]["mode"] == "last"
    assert body["attempts"] == [
        {
            "number": 1,
            "status": "succeeded",
            "worker": "worker@tests:1",
            "started_at": "2026-11-20T12:00:00.008000Z",
            "finished_at": "2026-11-20T12:00:00.258000Z",
            "duration_ms": 250,
            "error_code": None,
            "error": None,
            "result": {"message": "hello"},
            "retry_at": None,
        }
    ]
    assert [event["kind"] for event in body["events"]] == ["queued", "running", "succeeded"]


def test_the_attempt_that_is_going_on_is_shown_with_the_ended_ones(api: DocumentedClient) -> None:
    run = end(make_run(yearly()), Failed("exception", "It broke."))
    Run.objects.filter(pk=run.pk).update(status="queued")  # as `dispatch` does when the retry is due
    claim(run, NOW + timedelta(seconds=6), worker="worker@tests:2")

    attempts = api.get(f"{RUNS}/{run.pk}").json()["attempts"]

    assert [(one["number"], one["status"], one["worker"]) for one in attempts] == [
        (1, "failed", "worker@tests:1"),
        (2, "running", "worker@tests:2"),
    ]
    assert (attempts[0]["error_code"], attempts[0]["error"]) == ("exception", "It broke.")
    assert attempts[0]["retry_at"] is not None
    assert (attempts[1]["started_at"], attempts[1]["finished_at"]) == ("2026-11-20T12:00:06Z", None)


def test_a_run_that_did_not_start_says_why(api: DocumentedClient) -> None:
    body = api.get(f"{RUNS}/{make_skipped(yearly()).pk}").json()

    assert (body["status"], body["reason"], body["attempts"], body["started_at"]) == ("skipped", "overlap", [], None)


def test_a_run_shows_the_definition_it_was_born_from_after_its_job_changed(api: DocumentedClient) -> None:
    job = yearly()
    run = end(make_run(job))
    api.send("PATCH", f"/api/v1/jobs/{job.pk}", {"name": "renamed", "payload": {"message": "changed"}})

    body = api.get(f"{RUNS}/{run.pk}").json()
    assert (body["job"]["name"], body["payload"], body["job_version"]) == ("greeting", HELLO, 1)


@pytest.mark.parametrize(("method", "verb"), [("GET", ""), ("GET", "/log"), ("POST", "/retry"), ("POST", "/cancel")])
def test_a_run_that_is_not_there_is_a_404(api: DocumentedClient, method: str, verb: str) -> None:
    problem_of(api.generic(method, f"{RUNS}/{NOBODY}{verb}"), 404)
    problem_of(api.generic(method, f"{RUNS}/12{verb}"), 404)


def test_runs_are_listed_by_nominal_instant_and_filtered(api: DocumentedClient) -> None:
    job, other = yearly("one"), yearly("two")
    queued = make_run(job, NOW)
    done = end(make_run(job, NOW + timedelta(minutes=1)))
    skipped = make_skipped(other, NOW + timedelta(minutes=2), Reason.PAUSED)
    by_hand = make_run(other, NOW + timedelta(minutes=3), origin=Origin.MANUAL)
    a, b, c, d = (str(run.pk) for run in (queued, done, skipped, by_hand))

    assert ids(api) == [d, c, b, a]
    assert ids(api, "status=succeeded,skipped") == [c, b]
    assert ids(api, "status=queued") == [d, a]
    assert ids(api, "origin=manual") == [d]
    assert ids(api, "reason=paused") == [c]
    assert ids(api, f"job={job.pk}") == [b, a]
    assert ids(api, f"job={job.pk}&status=queued") == [a]
    assert ids(api, f"job={NOBODY}") == []


@pytest.mark.parametrize("of_job", [True, False])
def test_several_statuses_are_one_list_in_order_from_end_to_end(api: DocumentedClient, of_job: bool) -> None:
    job = yearly()
    made = [make_run(job, NOW + timedelta(minutes=n)) for n in range(7)]
    for run in made[::2]:
        end(run)
    make_skipped(job, NOW + timedelta(minutes=9))
    wanted = [str(run.pk) for run in reversed(made)]
    query = "status=queued,succeeded,queued&page_size=3" + (f"&job={job.pk}" if of_job else "")

    pages = [api.get(f"{RUNS}?{query}").json()]
    while following := pages[-1]["next"]:
        pages.append(api.get(following).json())
    assert [run["id"] for page in pages for run in page["results"]] == wanted
    back = api.get(pages[-1]["previous"]).json()
    assert [run["id"] for run in back["results"]] == wanted[3:6]


def test_a_window_of_nominal_instants_has_its_start_and_not_its_end(api: DocumentedClient) -> None:
    job = yearly()
    instants = [NOW + timedelta(microseconds=micro) for micro in (-1, 0, 999, 1000)]
    a, b, c, d = (str(make_run(job, at).pk) for at in instants)

    assert ids(api, "nominal_after=2026-11-20T12:00:00Z") == [d, *sorted((b, c), reverse=True)]
    assert ids(api, "nominal_after=2026-11-20T12:00:00.000001Z") == [d, c]
    assert ids(api, f"nominal_after=2026-11-20T12:00:00.000001Z&job={job.pk}") == [d, c]
    assert ids(api, "nominal_before=2026-11-20T12:00:00Z") == [a]
    assert ids(api, "nominal_before=2026-11-20T12:00:00.000999Z") == sorted((a, b), reverse=True)
    assert set(
        ids(api, f"nominal_after={quote('2026-11-20T14:00:00+02:00')}&nominal_before=2026-11-20T12:00:00.001Z")
    ) == {b, c}


@pytest.mark.long
@pytest.mark.parametrize(
    "query",
    [
        "status=done",
        "status=queued,,",
        "origin=cron",
        "reason=none",
        "job=12",
        "nominal_after=yesterday",
        "nominal_after=2026-11-20T12:00:00",
        "nominal_before=9999-12-31T23:59:59-23:59",
        "cursor=abc",
        "page_size=201",
        "state=active",
    ],
)
def test_a_filter_that_cannot_be_is_refused_by_name(api: DocumentedClient, query: str) -> None:
    assert fields_of(api.get(f"{RUNS}?{query}")) == [query.split("=")[0]]


def test_a_list_of_runs_takes_the_same_queries_whatever_its_length(
    api: DocumentedClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    api.get(RUNS)  # notes the key's use, once a minute
    job = yearly()
    for minute in range(12):
        make_run(job, NOW + timedelta(minutes=minute))

    with django_assert_num_queries(2):  # the key, and the page
        assert len(ids(api)) == 12
    with django_assert_num_queries(2):
        assert len(ids(api, f"job={job.pk}&status=queued")) == 12


def test_a_run_takes_four_queries_however_many_attempts_it_had(
    api: DocumentedClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    run = end(make_run(yearly()), Failed("exception", "It broke."))
    api.get(f"{RUNS}/{run.pk}")

    with django_assert_num_queries(4):  # the key, the run, its attempts and its events
        api.get(f"{RUNS}/{run.pk}")


def test_the_log_is_read_page_by_page_and_by_attempt(api: DocumentedClient) -> None:
    run = make_run(yearly())
    for attempt in (1, 2):
        log = RunLog(run.pk, attempt, 10_000)
        for number in range(3):
            log.add(f"{attempt}.{number}", "warning" if number else "info")
        store([log])

    page = api.get(f"{RUNS}/{run.pk}/log?page_size=4").json()
    assert [line["message"] for line in page["results"]] == ["1.0", "1.1", "1.2", "2.0"]
    assert (page["results"][0]["level"], page["results"][0]["attempt"], page["previous"]) == ("info", 1, None)
    rest = api.get(page["next"]).json()
    assert [line["message"] for line in rest["results"]] == ["2.1", "2.2"]
    assert rest["next"] is None
    second = api.get(f"{RUNS}/{run.pk}/log?attempt=2").json()["results"]
    assert [line["message"] for line in second] == ["2.0", "2.1", "2.2"]
    assert fields_of(api.get(f"{RUNS}/{run.pk}/log?attempt=0")) == ["attempt"]
    assert fields_of(api.get(f"{RUNS}/{run.pk}/log?attempt=99999999999")) == ["attempt"]


def test_an_ended_run_is_carried_out_again(api: DocumentedClient) -> None:
    run = end(make_run(yearly()), Failed("exception", "It broke.", permanent=True))

    response = api.post(f"{RUNS}/{run.pk}/retry")

    assert response.status_code == 202
    again = response.json()
    assert response["Location"] == f"{RUNS}/{again['id']}"
    assert (again["retry_of"], again["origin"], again["status"]) == (str(run.pk), "retry", "queued")
    assert again["events"][0]["actor"] == "admin (key tests)"


def test_a_live_run_cannot_be_carried_out_again(api: DocumentedClient) -> None:
    assert "queued" in problem_of(api.post(f"{RUNS}/{make_run(yearly()).pk}/retry"), 409)["detail"]
    assert Run.objects.count() == 1


def test_a_run_that_has_not_begun_is_cancelled_at_once(api: DocumentedClient) -> None:
    run = make_run(yearly())

    response = api.post(f"{RUNS}/{run.pk}/cancel")

    assert (response.status_code, response.json()["status"]) == (200, "cancelled")
    assert response.json()["events"][-1]["actor"] == "admin (key tests)"
    assert "has ended already" in problem_of(api.post(f"{RUNS}/{run.pk}/cancel"), 409)["detail"]


def test_a_running_run_is_asked_to_stop(api: DocumentedClient) -> None:
    run = make_run(yearly())
    claim(run)

    response = api.post(f"{RUNS}/{run.pk}/cancel")

    assert (response.status_code, response.json()["status"]) == (202, "running")
    assert response.json()["cancel_requested_at"] is not None


@pytest.mark.long
@pytest.mark.parametrize("verb", ["retry", "cancel"])
def test_a_verb_takes_no_body_but_an_empty_object(api: DocumentedClient, verb: str) -> None:
    run = make_run(yearly())

    assert fields_of(api.send("POST", f"{RUNS}/{run.pk}/{verb}", {"force": True})) == ["force"]
    for text in VALUES.values():
        if text != "{}":
            problem_of(api.send("POST", f"{RUNS}/{run.pk}/{verb}", text), 400)
    run.refresh_from_db()
    assert run.status == "queued"


def test_the_commands_are_listed_with_the_schema_of_their_parameters(api: DocumentedClient) -> None:
    found = {one["name"]: one for one in api.get("/api/v1/commands").json()["results"]}

    assert found["demo.echo"]["description"]
    assert found["demo.echo"]["parameters"]["properties"]["message"]["type"] == "string"


def test_a_run_of_a_deleted_job_can_be_carried_out_again(api: DocumentedClient) -> None:
    job = yearly()
    run = end(make_run(job))
    api.delete(f"/api/v1/jobs/{job.pk}")

    assert api.post(f"{RUNS}/{run.pk}/retry").status_code == 202
    assert runs.live_runs([run.job_id]) == {run.job_id: LiveRuns(n_active=1)}
