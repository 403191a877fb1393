"""Proves that the API registers, reads and unregisters jobs by their keys, and names each error by its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from schedules.jobs.registration import MAX_INVALID_JOBS, MAX_JOBS_PER_REGISTRATION
from schedules.models import MAX_JOB_KEY_LENGTH, Job
from tests.documented import DocumentedClient, documented_client, fields_of, problem_of
from tests.factories import ECHO

if TYPE_CHECKING:
    from django.contrib.auth.models import User

BY_KEY = "/api/v1/jobs/by-key"
ONE = f"{BY_KEY}/billing.nightly"
BODY: dict[str, Any] = {
    "name": "greeting",
    "schedule": {"cron": "0 0 1 1 *"},
    "target": ECHO,
    "payload": {"message": "x"},
}


def keyed(key: Any, **definition: Any) -> dict[str, Any]:
    return {"key": key, **BODY, **definition}


def test_a_job_is_registered_changed_and_unregistered_by_its_key(api: DocumentedClient) -> None:
    created = api.send("PUT", ONE, BODY)
    assert created.status_code == 201
    assert created.json()["key"] == "billing.nightly"
    assert created["Location"] == f"/api/v1/jobs/{created.json()['id']}"
    assert api.get(ONE).json() == api.get(created["Location"]).json() == created.json()

    same = api.send("PUT", ONE, api.get(ONE).json())
    assert (same.status_code, same.json()) == (200, created.json())
    changed = api.send("PUT", ONE, {**BODY, "name": "other"})
    assert (changed.status_code, changed.json()["name"], changed.json()["version"]) == (200, "other", 2)
    assert changed.json()["id"] == created.json()["id"]

    assert [api.delete(ONE).status_code for _ in range(2)] == [204, 204]
    problem_of(api.get(ONE), 404)
    problem_of(api.get(created["Location"]), 404)


def test_one_request_registers_several_jobs(api: DocumentedClient) -> None:
    api.send("PUT", f"{BY_KEY}/b", BODY)
    answer = api.send("PUT", BY_KEY, {"jobs": [keyed("c"), keyed("b"), keyed("a", name="other")]})
    assert answer.status_code == 200
    assert [(job["key"], job["outcome"]) for job in answer.json()["jobs"]] == [
        ("c", "created"),
        ("b", "unchanged"),
        ("a", "created"),
    ]
    shown = [api.get(f"{BY_KEY}/{job['key']}").json() for job in answer.json()["jobs"]]
    assert [job["id"] for job in shown] == [job["id"] for job in answer.json()["jobs"]]
    sent_back = api.send("PUT", BY_KEY, {"jobs": shown})
    assert {job["outcome"] for job in sent_back.json()["jobs"]} == {"unchanged"}
    assert api.send("PUT", BY_KEY, {"jobs": []}).json() == {"jobs": []}


@pytest.mark.parametrize("is_copy", [False, True], ids=["sent back", "copied"])
def test_read_only_members_of_more_jobs_cost_no_more_queries(api: DocumentedClient, is_copy: bool) -> None:
    keys = [f"job-{number}" for number in range(4)]
    api.send("PUT", BY_KEY, {"jobs": [keyed(key) for key in keys]})
    shown = [api.get(f"{BY_KEY}/{key}").json() for key in keys]

    def n_queries(bodies: list[dict[str, Any]], prefix: str) -> int:
        jobs = [{**body, "key": f"{prefix}-{body['key']}"} if is_copy else body for body in bodies]
        with CaptureQueriesContext(connection) as captured:
            answer = api.send("PUT", BY_KEY, {"jobs": jobs}).json()
        assert {job["outcome"] for job in answer["jobs"]} == {"created" if is_copy else "unchanged"}
        return len(captured)

    n_queries(shown[:1], "warm")
    assert n_queries(shown[:1], "one") == n_queries(shown, "four")


@pytest.mark.long
@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["jobs"]),
        ({"jobs": None}, ["jobs"]),
        ({"jobs": {"a": BODY}}, ["jobs"]),
        ({"jobs": [], "job": []}, ["job"]),
        ({"jobs": [keyed(f"k{n}") for n in range(MAX_JOBS_PER_REGISTRATION + 1)]}, ["jobs"]),
        ({"jobs": [7, None, keyed("a"), []]}, ["jobs.0", "jobs.1", "jobs.3"]),
        ({"jobs": [BODY, keyed(None), keyed(7), keyed("")]}, [f"jobs.{n}.key" for n in range(4)]),
        (
            {"jobs": [keyed("a/b"), keyed("ä"), keyed("-a"), keyed("a\n"), keyed("k" * (MAX_JOB_KEY_LENGTH + 1))]},
            [f"jobs.{n}.key" for n in range(5)],
        ),
        (
            {"jobs": [keyed("") for _ in range(MAX_INVALID_JOBS + 5)]},
            [f"jobs.{n}.key" for n in range(MAX_INVALID_JOBS)],
        ),
        ({"jobs": [keyed("a"), keyed("b"), keyed("a")]}, ["jobs.2.key"]),
        ({"jobs": [keyed("a"), keyed("b", nmae="x", target={"kind": "http"})]}, ["jobs.1.target.url", "jobs.1.nmae"]),
        ({"jobs": [keyed("a"), keyed("b", name="a\u0000b")]}, ["jobs.1.name"]),
        (
            {"jobs": [keyed(""), keyed("a", schedule=None, unreadable={"schedule": "why"}), keyed("b", name="\udc00")]},
            ["jobs.0.key", "jobs.1.schedule", "jobs.2.name"],
        ),
        (
            {"jobs": [keyed(f"k{n}", name="") for n in range(MAX_INVALID_JOBS + 5)]},
            [f"jobs.{n}.name" for n in range(MAX_INVALID_JOBS)],
        ),
    ],
)
def test_an_error_names_the_place_of_the_job_in_the_request(
    api: DocumentedClient, body: dict[str, Any], fields: list[str]
) -> None:
    assert fields_of(api.send("PUT", BY_KEY, body)) == fields
    assert not Job.objects.exists()


@pytest.mark.long
def test_a_job_may_be_as_large_among_many_as_alone(api: DocumentedClient) -> None:
    target = {"kind": "http", "url": "https://example.com", "method": "POST"}
    deep: Any = 1
    for _ in range(60):
        deep = [deep]
    jobs = [keyed(f"job-{number}", target=target, payload=[deep, *range(1000)]) for number in range(120)]
    assert api.send("PUT", f"{BY_KEY}/job-0", jobs[0]).status_code == 201
    answer = api.send("PUT", BY_KEY, {"jobs": jobs})
    assert [job["outcome"] for job in answer.json()["jobs"]] == ["unchanged"] + ["created"] * 119


@pytest.mark.parametrize("key", ["a%20b", "%2e", "a%00b", "k" * (MAX_JOB_KEY_LENGTH + 1), "-a", "ä"])
def test_an_invalid_key_is_refused_by_put_and_not_found_otherwise(api: DocumentedClient, key: str) -> None:
    assert fields_of(api.send("PUT", f"{BY_KEY}/{key}", BODY)) == ["key"]
    problem_of(api.get(f"{BY_KEY}/{key}"), 404)
    assert api.delete(f"{BY_KEY}/{key}").status_code == 204


def test_an_error_of_a_single_registration_names_the_field_alone(api: DocumentedClient) -> None:
    assert fields_of(api.send("PUT", ONE, {**BODY, "schedule": {"cron": "75 * * * *"}})) == ["schedule.cron"]
    assert fields_of(api.send("PATCH", f"/api/v1/jobs/{api.send('PUT', ONE, BODY).json()['id']}", {"key": "x"})) == [
        "key"
    ]


@pytest.mark.parametrize("held", [{"add_job"}, {"change_job"}])
def test_registration_needs_the_permissions_to_add_and_to_change_jobs(staff: User, held: set[str]) -> None:
    staff.is_superuser = False
    staff.save()
    staff.user_permissions.set(Permission.objects.filter(codename__in=held))
    client = documented_client(staff)
    problem_of(client.send("PUT", ONE, BODY), 403)
    problem_of(client.send("PUT", BY_KEY, {"jobs": []}), 403)
    problem_of(client.delete(ONE), 403)
    staff.user_permissions.set(Permission.objects.filter(codename__in={"add_job", "change_job"}))
    assert documented_client(type(staff).objects.get()).send("PUT", ONE, BODY).status_code == 201


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("state", "x"),
        ("enabled", "yes"),
        ("pause_reason", 5),
        ("paused_until_at", "tomorrow"),
        ("pause_catch_up", {}),
        ("pause_catch_up", "x"),
    ],
)
def test_a_repeated_registration_refuses_a_state_that_no_job_can_have(
    api: DocumentedClient, member: str, value: Any
) -> None:
    assert api.send("PUT", ONE, BODY).status_code == 201
    assert fields_of(api.send("PUT", ONE, {**BODY, member: value})) == [member]
