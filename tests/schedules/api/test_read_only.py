"""Proves that no member of a job is ignored: the state is set at creation, and others must say what the job has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import Permission

from access.api.exceptions import InvalidInput
from executions.models import Run
from schedules import triggers
from schedules.api.read_only import check_sent_back, split
from schedules.api.shapes import job_of
from schedules.jobs.chains import Links
from schedules.models import Job, JobState
from schedules.pauses.terms import PauseTerms
from schedules.tick import tick
from tests.documented import DocumentedClient, documented_client, fields_of, problem_of
from tests.factories import ECHO, NOW, make_job

if TYPE_CHECKING:
    from django.contrib.auth.models import User

pytestmark = pytest.mark.django_db

JOBS = "/api/v1/jobs"
BODY: dict[str, Any] = {
    "name": "greeting",
    "schedule": {"every": "1m"},
    "target": ECHO,
    "payload": {"message": "hello"},
}
FUTURE = "2040-01-01T00:00:00Z"


def post(api: DocumentedClient, body: dict[str, Any]) -> Any:
    return api.send("POST", JOBS, body)


def put_by_key(api: DocumentedClient, body: dict[str, Any]) -> Any:
    return api.send("PUT", f"{JOBS}/by-key/a", body)


def put_many(api: DocumentedClient, body: dict[str, Any]) -> Any:
    return api.send("PUT", f"{JOBS}/by-key", {"jobs": [{"key": "a", **body}]})


each_way = pytest.mark.parametrize("create", [post, put_by_key, put_many])


def plain(fields: list[str]) -> list[str]:
    return [field.removeprefix("jobs.0.") for field in fields]


class TestCreation:
    @each_way
    @pytest.mark.parametrize("sent", [{"state": "paused"}, {"enabled": False}, {"state": "paused", "enabled": False}])
    def test_a_job_can_be_created_paused(self, api: DocumentedClient, create: Any, sent: dict[str, Any]) -> None:
        assert create(api, {**BODY, **sent}).status_code in (200, 201)
        job = Job.objects.get()
        assert (job.state, job.paused_by, job.pause_reason) == (JobState.PAUSED, "admin (key tests)", "")
        tick(datetime.now(UTC) + timedelta(hours=1), 10)
        assert not Run.objects.exists()

    @pytest.mark.parametrize("schedule", [{"delay": "5m"}, {"kind": "none"}, {"at": FUTURE}, {"cron": "* * * * * *"}])
    def test_a_job_with_any_schedule_can_be_created_paused(self, api: DocumentedClient, schedule: Any) -> None:
        created = post(api, {**BODY, "schedule": schedule, "state": "paused"}).json()
        assert (created["state"], created["next_run_at"]) == ("paused", None)
        tick(datetime.now(UTC) + timedelta(minutes=1), 10)
        assert not Run.objects.exists()
        assert api.send("POST", f"{JOBS}/{created['id']}/resume", {}).json()["state"] == "active"

    @each_way
    @pytest.mark.parametrize("sent", [{}, {"state": "active"}, {"enabled": True}, {"state": "active", "enabled": True}])
    def test_a_job_is_created_active_otherwise(self, api: DocumentedClient, create: Any, sent: dict[str, Any]) -> None:
        assert create(api, {**BODY, **sent}).status_code in (200, 201)
        assert Job.objects.get().state == JobState.ACTIVE

    @each_way
    @pytest.mark.parametrize(
        ("sent", "field"),
        [
            ({"state": "ended"}, "state"),
            ({"state": "Paused"}, "state"),
            ({"state": None}, "state"),
            ({"state": 1}, "state"),
            ({"enabled": "no"}, "enabled"),
            ({"enabled": 0}, "enabled"),
            ({"enabled": None}, "enabled"),
            ({"state": "paused", "enabled": True}, "enabled"),
            ({"state": "active", "enabled": False}, "enabled"),
            ({"pause_reason": "moving"}, "pause_reason"),
            ({"paused_until_at": FUTURE}, "paused_until_at"),
            ({"state": "paused", "paused_until_at": "2020-01-01T00:00:00Z"}, "paused_until_at"),
            ({"state": "paused", "pause_catch_up": "all"}, "paused_until_at"),
            ({"state": "paused", "pause_catch_up": "some"}, "pause_catch_up"),
        ],
    )
    def test_a_state_that_makes_no_sense_is_refused(
        self, api: DocumentedClient, create: Any, sent: dict[str, Any], field: str
    ) -> None:
        answer = create(api, {**BODY, **sent})
        assert plain(fields_of(answer)) == [field]
        assert field != "paused_until_at" or "(until)" not in answer.content.decode()  # another request's name
        assert not Job.objects.exists()

    @each_way
    def test_a_pause_at_creation_may_have_a_reason_and_an_end(self, api: DocumentedClient, create: Any) -> None:
        terms = {"pause_reason": "not yet", "paused_until_at": FUTURE, "pause_catch_up": "last"}
        create(api, {**BODY, "state": "paused", **terms})
        shown = api.get(f"{JOBS}/{Job.objects.get().pk}").json()
        assert {name: shown[name] for name in terms} == terms

    @each_way
    @pytest.mark.parametrize(
        "sent",
        [
            {"id": "019a9f5c-7c00-7c3a-9a51-0c2f8f4b1d6e"},
            {"next_run_at": FUTURE},
            {"next_start_at": FUTURE},
            {"version": 7},
            {"created_at": "2020-01-01T00:00:00Z"},
            {"updated_at": "2020-01-01T00:00:00Z"},
            {"paused_by": "ann"},
            {"paused_at": "2020-01-01T00:00:00Z"},
            {"schedule_description": "at night"},
            {"starts": [{"job": "019a9f5c-7c00-7c3a-9a51-0c2f8f4b1d6e", "on": "success"}]},
            {"links": {}},
            {"unreadable": {"schedule": "odd"}},
        ],
        ids=lambda sent: next(iter(sent)),
    )
    def test_what_cannot_be_chosen_is_refused(self, api: DocumentedClient, create: Any, sent: dict[str, Any]) -> None:
        assert plain(fields_of(create(api, {**BODY, **sent}))) == list(sent)
        assert not Job.objects.exists()

    def test_a_key_is_refused_unless_it_is_the_key_in_the_url(self, api: DocumentedClient) -> None:
        (error,) = problem_of(post(api, {**BODY, "key": "a"}), 400)["errors"]
        assert error["field"] == "key" and "PUT /jobs/by-key/{key}" in error["message"]
        assert fields_of(put_by_key(api, {**BODY, "key": "b"})) == ["key"]
        assert put_by_key(api, {**BODY, "key": "a"}).status_code == 201

    @each_way
    def test_the_body_of_a_get_makes_a_copy_unless_it_was_changed(self, api: DocumentedClient, create: Any) -> None:
        read = post(api, BODY).json()
        body = {name: value for name, value in read.items() if name != "key"}
        changes: list[dict[str, Any]] = [{"next_run_at": FUTURE}, {"version": 2}, {"links": {}}, {"created_at": FUTURE}]
        for change in changes:
            assert plain(fields_of(create(api, {**body, **change}))) == list(change)
        assert create(api, {**body, "state": "paused"}).status_code in (200, 201)
        copy = Job.objects.exclude(pk=read["id"]).get()
        assert (copy.name, copy.state, Job.objects.get(pk=read["id"]).state) == ("greeting", "paused", "active")

    @each_way
    def test_values_that_the_new_job_has_are_accepted(self, api: DocumentedClient, create: Any) -> None:
        body = {**BODY, "schedule": {"cron": "0 0 1 1 *"}}
        year = datetime.now(UTC).year + 1
        same = {
            "version": 1,
            "starts": [],
            "unreadable": {},
            "paused_by": None,
            "next_run_at": f"{year}-01-01T00:00:00Z",
        }
        assert create(api, {**body, **same}).status_code in (200, 201)


class TestChange:
    def test_put_refuses_another_state_and_says_what_to_do(self, api: DocumentedClient) -> None:
        job = post(api, BODY).json()
        for sent in ({"state": "paused"}, {"enabled": False}, {"state": "ended"}, {"state": "odd"}, {"state": None}):
            (error,) = problem_of(api.send("PUT", f"{JOBS}/{job['id']}", {**BODY, **sent}), 400)["errors"]
            assert error["field"] == next(iter(sent)) and "/jobs/{id}/pause" in error["message"]
        assert Job.objects.get().state == JobState.ACTIVE

    def test_put_never_resumes_a_job_that_a_person_has_paused(self, api: DocumentedClient) -> None:
        job = post(api, BODY).json()
        triggers.pause(Job.objects.get().pk, datetime.now(UTC), actor="ann")
        assert fields_of(api.send("PUT", f"{JOBS}/{job['id']}", {**BODY, "state": "active"})) == ["state"]
        assert api.send("PUT", f"{JOBS}/{job['id']}", {**BODY, "name": "other"}).json()["state"] == "paused"

    @pytest.mark.parametrize("register", [put_by_key, put_many])
    @pytest.mark.parametrize("sent", [{"state": "active"}, {"enabled": True}, {"state": "paused"}, {"enabled": False}])
    def test_a_repeated_registration_leaves_the_state_to_people(
        self, api: DocumentedClient, register: Any, sent: dict[str, Any]
    ) -> None:
        register(api, {**BODY, **sent})
        job, now = Job.objects.get(), datetime.now(UTC)
        if job.state == JobState.ACTIVE:
            triggers.pause(job.pk, now, actor="ann", terms=PauseTerms("moving"))
        else:
            triggers.resume(job.pk, now, actor="ann")
        state = Job.objects.get().state
        for name in ("greeting", "another name"):
            answer = register(api, {**BODY, **sent, "name": name})
            assert answer.status_code == 200
            shown = answer.json()
            assert shown.get("state", shown.get("jobs", [{}])[0].get("state")) == state == Job.objects.get().state

    @pytest.mark.parametrize("register", [put_by_key, put_many])
    def test_an_ended_job_can_be_registered_as_it_was_read(self, api: DocumentedClient, register: Any) -> None:
        put_by_key(api, {**BODY, "schedule": {"every": "1m", "max_runs": 1}})
        tick(datetime.now(UTC) + timedelta(minutes=5), 10)
        read = api.get(f"{JOBS}/by-key/a").json()
        assert read["state"] == "ended"
        assert register(api, read).status_code == 200
        for sent, field in (({"state": "odd"}, "state"), ({"state": None}, "state"), ({"enabled": 1}, "enabled")):
            assert plain(fields_of(register(api, {**read, **sent}))) == [field]

    def test_a_patch_of_enabled_says_what_to_do_instead(self, api: DocumentedClient) -> None:
        job = post(api, BODY).json()
        (error,) = problem_of(api.send("PATCH", f"{JOBS}/{job['id']}", {"enabled": False}), 400)["errors"]
        assert error["field"] == "enabled" and "POST /jobs/{id}/pause" in error["message"]

    @pytest.mark.parametrize("sent", [{"id": "019a9f5c-7c00-7c3a-9a51-0c2f8f4b1d6e"}, {"key": "b"}, {"version": 2}])
    @pytest.mark.parametrize("by_key", [False, True])
    def test_put_refuses_what_the_job_cannot_have_shown(
        self, api: DocumentedClient, by_key: bool, sent: dict[str, Any]
    ) -> None:
        job = put_by_key(api, BODY).json()
        address = f"{JOBS}/by-key/a" if by_key else f"{JOBS}/{job['id']}"
        assert fields_of(api.send("PUT", address, {**job, **sent})) == list(sent)


class TestOldCopy:
    """A client reads a job, and sends it back after the clock has moved on."""

    def refused(self, **changes: Any) -> list[str]:
        job = make_job("nightly", {"every": "1m"}, policies={"jitter": "30s"})
        read = job_of(job, Links(), with_credentials=True).json_body()
        tick(NOW + timedelta(seconds=90), 10)
        after = job_of(Job.objects.select_related("spec").get(), Links(), with_credentials=True)
        try:
            check_sent_back(split({**read, **changes})[1], after, after, NOW + timedelta(seconds=90))
        except InvalidInput as invalid:
            return list(invalid.errors)
        return []

    def test_a_copy_may_be_old(self) -> None:
        assert self.refused() == []
        Job.objects.all().delete()
        assert (
            self.refused(updated_at=f"{NOW - timedelta(days=9):%Y-%m-%dT%H:%M:%SZ}", schedule_description="old") == []
        )

    @pytest.mark.parametrize("name", ["next_run_at", "next_start_at", "updated_at", "paused_at"])
    @pytest.mark.parametrize("value", [FUTURE, "2026-11-20T12:05:00", "soon", 5])
    def test_an_instant_that_was_never_shown_is_refused(self, name: str, value: object) -> None:
        assert self.refused(**{name: value}) == [name]

    def test_the_same_instant_may_be_written_with_another_offset(self) -> None:
        assert self.refused(next_run_at="2026-11-20T13:02:00+01:00") == []

    def test_a_number_is_not_a_boolean_and_a_boolean_is_no_version(self) -> None:
        assert self.refused(version=True) == ["version"]
        Job.objects.all().delete()
        assert self.refused(enabled=1) == ["enabled"]


class TestCallerWhoMayOnlyAdd:
    @pytest.fixture
    def adder(self, staff: User) -> DocumentedClient:
        staff.is_superuser = False
        staff.save()
        staff.user_permissions.set(Permission.objects.filter(codename="add_job"))
        return documented_client(staff)

    def test_an_error_tells_nothing_about_another_job(self, adder: DocumentedClient) -> None:
        job = make_job("another")
        triggers.pause(job.pk, NOW, actor="ann", terms=PauseTerms(reason="secret"))
        Job.objects.filter(pk=job.pk).update(created_at=datetime(2019, 1, 1, tzinfo=UTC))
        for sent in ({"created_at": FUTURE}, {"paused_by": "x"}, {"version": 7}):
            text = post(adder, {**BODY, "id": str(job.pk), **sent}).content.decode()
            assert next(iter(sent)) in text and "ann" not in text and "2019" not in text

    def test_a_job_cannot_start_after_a_job_that_is_not_shown(self, adder: DocumentedClient) -> None:
        link = {"job": str(make_job("another").pk), "on": "success"}
        assert fields_of(post(adder, {**BODY, "start_after": [link]})) == ["start_after.0.job"]
