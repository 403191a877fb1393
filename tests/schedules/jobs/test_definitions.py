"""Proves how jobs are validated, created, changed and deleted, and what happens to their clocks and runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from executions.models import Run, RunSpec
from executions.states import RunStatus
from schedules.clock.policies.catch_up import CatchUp
from schedules.exceptions import InvalidDefinition, JobGone
from schedules.jobs import definitions
from schedules.jobs.validation import validate
from schedules.models import Job, JobState
from schedules.policies import CatchUpPolicy, JobPolicies
from schedules.tick import tick
from tests.factories import ECHO, EVERY_MINUTE, HELLO, NOW, end, make_job, make_run

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def change(job: Job, at: Any = None, **changed: Any) -> Job:
    """Replace a job's definition; the members that are not given stay the same."""
    job.refresh_from_db()
    data = {
        "name": job.name,
        "description": job.description,
        "schedule": job.schedule,
        "target": job.spec.target,
        "payload": job.spec.payload,
        "policies": job.spec.policies,
        **changed,
    }
    at = at or NOW + MINUTE / 2
    return definitions.replace(job.pk, validate(data, at), at, actor="tests")


def errors_of(**data: Any) -> dict[str, list[str]]:
    with pytest.raises(InvalidDefinition) as caught:
        validate({"name": "x", "target": ECHO, "payload": HELLO, **data}, NOW)
    return caught.value.errors


class TestValidation:
    def test_all_wrong_members_are_reported_at_once(self) -> None:
        found = errors_of(name="", schedule={"cron": "61 * * * *"}, policies={"overlap": "maybe"}, colour="red")
        assert set(found) == {"name", "schedule.cron", "policies.overlap", "colour"}

    @pytest.mark.parametrize("name", [None, "", "   ", 5, ["x"], "x" * 256, "a\x00b", "\ud800"])
    def test_an_invalid_name_is_refused(self, name: object) -> None:
        assert set(errors_of(name=name)) == {"name"}

    def test_an_unknown_command_and_a_wrong_parameter_are_refused_by_name(self) -> None:
        assert set(errors_of(target={"kind": "command", "name": "demo.eco"})) == {"target.name"}
        assert set(errors_of(payload={"massage": "hello"})) >= {"payload.massage"}

    @pytest.mark.parametrize(
        ("policies", "schedule", "fields"),
        [
            ({"rate_limit": {"limit": 2, "burst": 3}}, EVERY_MINUTE, {"rate_limit.burst"}),
            ({"catch_up": {"mode": "skip", "max_runs": 7}}, EVERY_MINUTE, {"catch_up.max_runs"}),
            ({"catch_up": {"mode": "skip", "pace": "5s"}}, EVERY_MINUTE, {"catch_up.pace"}),
            ({"catch_up": {"mode": "all"}, "jitter": "5m"}, None, {"catch_up.mode", "jitter"}),
            ({"catch_up": {"mode": "skip", "pace": "5s"}}, {"kind": "none"}, {"catch_up.mode", "catch_up.pace"}),
        ],
    )
    def test_a_policy_without_effect_is_refused_by_name(
        self, policies: dict[str, Any], schedule: Any, fields: set[str]
    ) -> None:
        found = errors_of(policies=policies, schedule=schedule)
        assert set(found) == {f"policies.{name}" for name in fields}
        for name, (sentence,) in found.items():
            assert sentence.startswith(f"{name.rpartition('.')[2]} ")

    @pytest.mark.parametrize("schedule", [EVERY_MINUTE, None])
    def test_default_policies_are_accepted_with_any_schedule(self, schedule: Any) -> None:
        policies = JobPolicies(catch_up=CatchUpPolicy(mode=CatchUp.SKIP if schedule else CatchUp.LAST))
        sent = {"name": "x", "target": ECHO, "payload": HELLO, "schedule": schedule}
        assert (
            validate({**sent, "policies": policies.model_dump(mode="json")}, NOW).members["policies"]["jitter"] == "0s"
        )

    def test_a_cron_that_never_fires_is_refused_with_the_reason(self) -> None:
        assert "February" in errors_of(schedule={"cron": "0 0 31 2 *"})["schedule.cron"][0]

    def test_a_schedule_in_the_past_is_refused(self) -> None:
        assert set(errors_of(schedule={"at": "2026-11-20T11:00:00Z"})) == {"schedule.at"}
        assert set(errors_of(schedule={"cron": "* * * * *", "end_at": "2026-11-20T11:00:00Z"})) == {"schedule.end_at"}

    def test_a_once_schedule_of_a_few_seconds_ago_runs_now(self) -> None:
        make_job(schedule={"at": "2026-11-20T11:59:57Z"})
        assert len(tick(NOW, 10).messages) == 1

    @pytest.mark.parametrize("payload", [{"a": float("inf")}, {"a": "\x00"}, {"a" * 300_000: 1}])
    def test_a_payload_that_cannot_be_stored_is_refused(self, payload: object) -> None:
        assert any(name.startswith("payload") for name in errors_of(payload=payload))

    def test_at_most_once_allows_no_retries(self) -> None:
        policies = {"delivery": "at_most_once", "retry": {"max_retries": 2}}
        assert any("at_most_once" in text for texts in errors_of(policies=policies).values() for text in texts)
        job = make_job(policies={"delivery": "at_most_once"})
        assert job.spec.policies["retry"]["max_retries"] == 0
        again = validate({"name": "x", "target": ECHO, "policies": job.spec.policies}, NOW)
        assert again.members["policies"] == job.spec.policies


class TestCreate:
    def test_the_first_run_of_a_job_is_its_first_instant_after_now(self) -> None:
        job = make_job()
        assert (job.state, job.mark_at, job.next_run_at) == (JobState.ACTIVE, NOW, NOW + MINUTE)
        assert (job.spec.version, job.spec.job_id) == (1, job.pk)

    def test_a_job_without_a_schedule_is_active_without_a_next_run(self) -> None:
        job = make_job(schedule={"kind": "none"})
        assert (job.state, job.next_run_at) == (JobState.ACTIVE, None)

    def test_an_interval_without_an_anchor_counts_from_its_creation(self) -> None:
        assert make_job(schedule={"every": "7m"}).next_run_at == NOW + 7 * MINUTE


class TestReplace:
    def test_replacing_a_definition_by_the_same_one_changes_nothing(self) -> None:
        for schedule in ({"cron": "* * * * *"}, {"every": "7m"}):
            job = make_job(schedule=schedule)
            before: dict[str, Any] = dict(Job.objects.values().get(pk=job.pk))
            change(job, schedule=schedule)
            now: dict[str, Any] = dict(Job.objects.values().get(pk=job.pk))
            assert {name for name in now if now[name] != before[name]} == {"updated_at"}

    def test_a_changed_payload_makes_a_new_version_and_old_runs_keep_theirs(self) -> None:
        job = make_job()
        run = make_run(job)
        change(job, payload={"message": "other"})
        job.refresh_from_db()
        assert (job.spec.version, job.spec.payload) == (2, {"message": "other"})
        assert (run.spec.version, run.spec.payload) == (1, HELLO)

    def test_occurrences_before_the_change_still_follow_the_old_schedule(self) -> None:
        job = make_job()
        change(job, NOW + MINUTE + timedelta(seconds=1), schedule={"every": "1h"})
        assert [run.nominal_at for run in Run.objects.all()] == [NOW + MINUTE]
        job.refresh_from_db()
        assert job.next_run_at == NOW + MINUTE + timedelta(hours=1, seconds=1)

    def test_a_new_schedule_makes_an_ended_job_active(self) -> None:
        job = make_job(schedule={"at": "2026-11-20T12:00:10Z"})
        tick(NOW + MINUTE / 4, 10)
        change(job, NOW + MINUTE, schedule={"every": "1h"})
        job.refresh_from_db()
        assert job.state == JobState.ACTIVE

    def test_a_new_schedule_leaves_a_paused_job_paused(self) -> None:
        job = make_job()
        Job.objects.filter(pk=job.pk).update(state=JobState.PAUSED)
        change(job, schedule={"every": "1h"})
        job.refresh_from_db()
        assert job.state == JobState.PAUSED

    def test_an_edit_does_not_overwrite_a_clock_that_a_tick_has_moved(self) -> None:
        job = make_job()
        tick(NOW + MINUTE, 10)
        change(job, NOW + MINUTE, description="new words")
        job.refresh_from_db()
        assert (job.mark_at, job.next_run_at) == (NOW + MINUTE, NOW + 2 * MINUTE)


class TestDelete:
    def test_deletion_keeps_the_history_and_cancels_runs_that_have_not_started(self) -> None:
        job = make_job()
        ended, waiting = end(make_run(job)), make_run(job, NOW + MINUTE)
        definitions.delete(job.pk, NOW + 2 * MINUTE, actor="ann")
        assert not Job.objects.exists()
        waiting.refresh_from_db()
        assert (waiting.status, waiting.spec.job_name) == (RunStatus.CANCELLED, "greeting")
        event = waiting.events.last()
        assert event is not None and (event.kind, event.actor, event.reason) == ("cancelled", "ann", "job_deleted")
        ended.refresh_from_db()
        assert ended.status == RunStatus.SUCCEEDED
        assert RunSpec.objects.get().superseded_at == NOW + 2 * MINUTE

    def test_deleting_a_deleted_job_raises_job_gone(self) -> None:
        job = make_job()
        definitions.delete(job.pk, NOW, actor="ann")
        with pytest.raises(JobGone):
            definitions.delete(job.pk, NOW, actor="ann")
