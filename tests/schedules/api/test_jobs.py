"""Proves the API of jobs: create, read, change, delete, pause, resume, run, and the lists with their filters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from executions.models import Run, RunEvent
from executions.states import Reason
from schedules.models import Job, JobState
from tests.documented import DocumentedClient, documented_client, fields_of, problem_of
from tests.factories import ECHO, NOW, end, make_job, make_run

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from pytest_django import DjangoAssertNumQueries

JOBS = "/api/v1/jobs"
YEARLY = {"cron": "0 0 1 1 *"}
BODY: dict[str, Any] = {"name": "greeting", "schedule": YEARLY, "target": ECHO, "payload": {"message": "hello"}}
PAST = {"at": "2026-11-20T12:00:30Z"}


def at(job: Job | str, verb: str = "") -> str:
    return f"{JOBS}/{job.pk if isinstance(job, Job) else job}{verb}"


def yearly(name: str = "greeting", **definition: Any) -> Job:
    return make_job(name, YEARLY, **definition)


def test_a_created_job_has_every_default(api: DocumentedClient) -> None:
    response = api.send("POST", JOBS, BODY)

    assert response.status_code == 201
    job = response.json()
    assert response["Location"] == at(job["id"])
    assert job["state"] == "active"
    assert job["version"] == 1
    assert job["schedule"] == {
        "kind": "cron",
        "cron": "0 0 1 1 *",
        "timezone": "UTC",
        "dst_gap": "shift",
        "dst_fold": "first",
    }
    assert job["policies"]["retry"] == {
        "max_retries": 3,
        "backoff": "exponential",
        "delay": "5s",
        "max_delay": "1h",
        "jitter": True,
    }
    assert job["policies"]["catch_up"] == {"mode": "last", "max_age": "1h", "max_runs": 1000, "pace": None}
    assert job["next_run_at"].endswith("-01-01T00:00:00Z")
    assert api.get(response["Location"]).json() == job
    runs: dict[str, Any] = {"next": None, "previous": None, "results": [], "last_pruned": None}
    assert api.get(job["links"]["runs"]).json() == runs


def test_a_job_without_a_schedule_has_no_next_run(api: DocumentedClient) -> None:
    job = api.send("POST", JOBS, {"name": "by hand", "target": ECHO}).json()

    assert (job["schedule"]["kind"], job["next_run_at"], job["state"]) == ("none", None, "active")


def test_all_wrong_fields_are_reported_at_once(api: DocumentedClient) -> None:
    response = api.send(
        "POST",
        JOBS,
        {
            "schedule": {"cron": "75 * * * *", "timezone": "Mars/Olympus"},
            "target": {"kind": "http", "url": "ftp://x"},
            "policies": {"retry": {"max_retries": -1}},
        },
    )

    assert set(fields_of(response)) == {
        "name",
        "schedule.cron",
        "schedule.timezone",
        "target.url",
        "policies.retry.max_retries",
    }
    assert not Job.objects.exists()


def test_an_unknown_member_is_refused_by_name(api: DocumentedClient) -> None:
    assert fields_of(api.send("POST", JOBS, {**BODY, "cron": "* * * * *"})) == ["cron"]


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_body_that_is_not_an_object_is_refused(api: DocumentedClient, method: str) -> None:
    path = JOBS if method == "POST" else at(yearly())
    for body in ("[]", '"text"', "12", "null", "true"):
        assert "object" in problem_of(api.send(method, path, body), 400)["detail"]


@pytest.mark.parametrize(
    "definition",
    [
        {},
        {"schedule": {"every": "15m"}},
        {"schedule": {"every": "15m", "anchor_at": "2026-01-01T00:07:00Z", "max_runs": 5}},
        {"schedule": {"kind": "none"}},
        {"target": {"kind": "http", "url": "https://example.org/hook", "method": "POST"}, "payload": [1, 1.5, None]},
        {"policies": {"timeout": "90s", "catch_up": {"max_age": "2h"}}, "description": "two\nlines"},
    ],
    ids=["cron", "every", "anchored", "by hand", "http", "policies"],
)
def test_sending_back_the_job_that_was_read_changes_nothing(api: DocumentedClient, definition: dict[str, Any]) -> None:
    created = api.send("POST", JOBS, {**BODY, **definition}).json()

    sent_back = api.send("PUT", at(created["id"]), created).json()

    assert {**sent_back, "updated_at": None} == {**created, "updated_at": None}


def test_an_ended_job_can_be_renamed_and_sent_back(api: DocumentedClient) -> None:
    job = make_job(schedule=PAST)
    Job.objects.update(state=JobState.ENDED, next_run_at=None)

    renamed = api.send("PATCH", at(job), {"name": "renamed"})
    assert renamed.status_code == 200
    body = renamed.json()
    assert (body["name"], body["state"], body["version"]) == ("renamed", "ended", 2)
    assert api.send("PUT", at(job), body).json()["version"] == 2
    assert fields_of(api.send("PATCH", at(job), {"schedule": {"at": "2026-11-19T12:00:00Z"}})) == ["schedule.at"]


def test_put_sets_members_that_are_left_out_to_their_defaults(api: DocumentedClient) -> None:
    job = yearly(description="old", policies={"timeout": "90s"})

    body = api.send("PUT", at(job), {"name": "new", "target": ECHO}).json()

    assert (body["description"], body["policies"]["timeout"], body["schedule"]["kind"]) == ("", None, "none")
    assert (body["payload"], body["version"]) == (None, 2)


def test_patch_keeps_the_members_and_policies_that_it_does_not_name(api: DocumentedClient) -> None:
    job = yearly(description="kept", policies={"timeout": "90s", "overlap": "allow"})

    body = api.send("PATCH", at(job), {"policies": {"timeout": "2m"}}).json()

    assert (body["policies"]["timeout"], body["policies"]["overlap"]) == ("2m", "allow")
    assert (body["description"], body["target"]) == ("kept", ECHO)


def test_patch_of_a_read_only_member_says_what_to_do_instead(api: DocumentedClient) -> None:
    response = api.send("PATCH", at(yearly()), {"state": "paused"})

    assert problem_of(response, 400)["errors"] == [
        {
            "field": "state",
            "message": "state is read-only: pause or resume the job with POST /jobs/{id}/pause or /jobs/{id}/resume.",
        }
    ]


def test_another_schedule_moves_the_next_run_and_keeps_the_version(api: DocumentedClient) -> None:
    body = api.send("PATCH", at(yearly()), {"schedule": {"cron": "0 0 1 7 *"}}).json()

    assert body["next_run_at"][4:] == "-07-01T00:00:00Z"
    assert body["version"] == 1


def test_the_history_of_a_deleted_job_stays(api: DocumentedClient) -> None:
    job = yearly()
    run = end(make_run(job))

    assert api.delete(at(job)).status_code == 204
    problem_of(api.get(at(job)), 404)
    problem_of(api.get(at(job, "/runs")), 404)
    assert [one["id"] for one in api.get(f"/api/v1/runs?job={job.pk}").json()["results"]] == [str(run.pk)]


@pytest.mark.parametrize(
    ("method", "verb"),
    [
        ("GET", ""),
        ("PUT", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/pause"),
        ("POST", "/resume"),
        ("POST", "/run"),
        ("GET", "/runs"),
    ],
)
def test_an_unknown_job_is_a_404(api: DocumentedClient, method: str, verb: str) -> None:
    body = BODY if method in ("PUT", "PATCH") else "" if method in ("GET", "DELETE") else {}
    problem_of(api.send(method, at("019a9f5c-7c00-7c3a-9a51-0c2f8f4b1d6e", verb), body), 404)
    problem_of(api.send(method, at("not-a-uuid", verb), body), 404)


def test_a_job_is_paused_with_a_reason_and_resumed(api: DocumentedClient) -> None:
    job = yearly()

    paused = api.send("POST", at(job, "/pause"), {"reason": "  server move "}).json()
    assert (paused["state"], paused["pause_reason"], paused["next_run_at"]) == ("paused", "server move", None)
    assert paused["paused_at"] is not None

    resumed = api.post(at(job, "/resume")).json()
    assert (resumed["state"], resumed["pause_reason"], resumed["paused_at"]) == ("active", None, None)
    assert resumed["next_run_at"] is not None
    assert paused["updated_at"] == paused["paused_at"] != resumed["updated_at"]
    assert "not paused" in problem_of(api.post(at(job, "/resume")), 409)["detail"]


def test_a_job_that_has_ended_cannot_be_paused(api: DocumentedClient) -> None:
    job = make_job(schedule=PAST)
    Job.objects.update(state=JobState.ENDED, next_run_at=None)

    assert "ended" in problem_of(api.post(at(job, "/pause")), 409)["detail"]


@pytest.mark.parametrize("reason", [5, ["a"], {"a": 1}, True, "a\0b", "\ud800", "x" * 256])
def test_an_invalid_reason_of_a_pause_is_refused(api: DocumentedClient, reason: Any) -> None:
    assert fields_of(api.send("POST", at(yearly(), "/pause"), {"reason": reason})) == ["reason"]


def test_a_misspelt_member_of_a_pause_is_refused_with_a_suggestion(api: DocumentedClient) -> None:
    problem = problem_of(api.send("POST", at(yearly(), "/pause"), {"reasons": "x"}), 400)

    assert 'Did you mean "reason"?' in problem["errors"][0]["message"]


def test_a_run_by_hand_records_who_started_it(api: DocumentedClient) -> None:
    response = api.post(at(yearly(), "/run"))

    assert response.status_code == 202
    run = response.json()
    assert response["Location"] == f"/api/v1/runs/{run['id']}"
    assert (run["origin"], run["status"], run["attempts"]) == ("manual", "queued", [])
    assert [(event["kind"], event["actor"]) for event in run["events"]] == [("queued", "admin (key tests)")]
    assert api.get(response["Location"]).json() == run


def test_an_actor_is_shortened_to_the_width_of_its_column(api: DocumentedClient, staff: User) -> None:
    staff.username = "u" * 150
    staff.save()

    assert api.post(at(yearly(), "/run")).status_code == 202
    assert RunEvent.objects.get().actor == "u" * 150


def test_a_paused_job_can_be_run_by_hand(api: DocumentedClient) -> None:
    job = yearly()
    api.post(at(job, "/pause"))

    assert api.post(at(job, "/run")).status_code == 202


def test_the_list_of_jobs_filters_by_state_kind_name_and_search(api: DocumentedClient) -> None:
    first = yearly("Nightly report")
    second = yearly("nightly backup 100%", target={"kind": "http", "url": "https://example.org"})
    third = make_job("over", PAST)
    Job.objects.filter(pk=second.pk).update(state=JobState.PAUSED)
    Job.objects.filter(pk=third.pk).update(state=JobState.ENDED, next_run_at=None)

    def names(query: str) -> list[str]:
        return [job["name"] for job in api.get(f"{JOBS}?{query}").json()["results"]]

    assert names("") == ["over", "nightly backup 100%", "Nightly report"]
    assert names("state=active") == [first.name]
    assert names("state=paused,ended") == ["over", "nightly backup 100%"]
    assert names("target_kind=http") == [second.name]
    assert names("name=over") == ["over"]
    assert names("search=NIGHTLY") == ["nightly backup 100%", "Nightly report"]
    assert names("search=100%25") == ["nightly backup 100%"]
    assert names("search=ni&state=active") == [first.name]
    assert names("search=gh") == []
    assert names("search=report&state=active") == [first.name]


def test_filters_use_the_latest_name_and_target_of_a_job(api: DocumentedClient) -> None:
    job = yearly("before")
    api.send(
        "PATCH", at(job), {"name": "after", "payload": None, "target": {"kind": "http", "url": "https://example.org"}}
    )

    for query, n in (("search=before", 0), ("name=before", 0), ("target_kind=command", 0), ("search=AFTER", 1)):
        assert len(api.get(f"{JOBS}?{query}").json()["results"]) == n, query


def test_a_search_has_pages_in_both_directions(api: DocumentedClient) -> None:
    created = [str(yearly(f"greeting {number}").pk) for number in range(5)]
    yearly("other")

    first = api.get(f"{JOBS}?search=greet&target_kind=command&page_size=2").json()
    second = api.get(first["next"]).json()
    third = api.get(second["next"]).json()
    assert [job["id"] for page in (first, second, third) for job in page["results"]] == created[::-1]
    assert third["next"] is None
    assert api.get(second["previous"]).json()["results"] == first["results"]


@pytest.mark.parametrize(
    "parameter", ["state=gone", "state=", "target_kind=ftp", "search=", "page_size=0", "stat=active"]
)
def test_an_invalid_filter_is_refused_by_name(api: DocumentedClient, parameter: str) -> None:
    assert fields_of(api.get(f"{JOBS}?{parameter}")) == [parameter.split("=")[0]]


def test_the_list_of_jobs_needs_the_same_queries_at_any_length(
    api: DocumentedClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    api.get(JOBS)  # the first request of a minute also writes when the API key was used
    for number in range(12):
        yearly(f"job {number}")

    with django_assert_num_queries(4):  # the key, the sizes of the jobs, the page, and the chains that its jobs are in
        assert len(api.get(JOBS).json()["results"]) == 12


def test_the_runs_of_a_job_are_paged_and_filtered(api: DocumentedClient) -> None:
    job, other = yearly("one"), yearly("two")
    for minute in range(3):
        make_run(job, NOW + timedelta(minutes=minute))
    make_run(other)
    skipped = make_run(job, NOW + timedelta(minutes=9), reason=Reason.OVERLAP)

    page = api.get(at(job, "/runs?page_size=3")).json()
    assert [run["nominal_at"][11:16] for run in page["results"]] == ["12:09", "12:02", "12:01"]
    rest = api.get(page["next"]).json()
    assert [run["nominal_at"][11:16] for run in rest["results"]] == ["12:00"]
    assert rest["next"] is None
    assert api.get(rest["previous"]).json()["results"] == page["results"]
    assert [run["id"] for run in api.get(at(job, "/runs?status=skipped")).json()["results"]] == [str(skipped.pk)]
    assert fields_of(api.get(at(job, f"/runs?job={other.pk}"))) == ["job"]


def test_runs_within_one_millisecond_keep_their_order_across_pages(api: DocumentedClient) -> None:
    job = yearly()
    for micro in range(7):
        make_run(job, NOW + timedelta(microseconds=micro))

    seen: list[str] = []
    url: str | None = at(job, "/runs?page_size=2")
    while url:
        page = api.get(url).json()
        seen += [run["id"] for run in page["results"]]
        url = page["next"]

    assert seen == [str(pk) for pk in Run.objects.order_by("-nominal_at", "-id").values_list("pk", flat=True)]


def test_a_new_interval_counts_from_the_creation_of_the_job(api: DocumentedClient) -> None:
    before = datetime.now(UTC)
    created = api.send("POST", JOBS, {**BODY, "schedule": {"every": "1h"}}).json()

    anchor = datetime.fromisoformat(created["schedule"]["anchor_at"])
    assert before <= anchor <= datetime.now(UTC)
    assert datetime.fromisoformat(created["next_run_at"]) == anchor + timedelta(hours=1)


@pytest.mark.django_db
def test_a_user_who_is_not_staff_is_forbidden(django_user_model: type[User]) -> None:
    client = documented_client(django_user_model.objects.create_user("guest"))

    problem_of(client.get(JOBS), 403)
    problem_of(client.send("POST", JOBS, BODY), 403)
