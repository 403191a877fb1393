"""Proves that a tick turns due jobs into runs and new marks: overlap, limits, catch-up, pace, pauses and jitter."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from executions.admin.shown import run_url
from executions.dispatch import dispatch_once
from executions.models import Run, RunEvent, RunSpec
from executions.states import Origin, Reason, RunStatus
from schedules.clock.policies.resumption import Resumption
from schedules.models import Job, JobState
from schedules.pauses.terms import PauseTerms
from schedules.tick import tick
from schedules.triggers import pause, resume
from tests.factories import NOW, claim, end, make_job
from tests.staff import page_of, signed_in

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

ALLOW = {"overlap": "allow"}


def after(**delta: float) -> datetime:
    return NOW + timedelta(**delta)


def catch_up(mode: str, max_age: str = "1h") -> dict[str, Any]:
    return {"overlap": "allow", "catch_up": {"mode": mode, "max_age": max_age}}


def rows() -> list[tuple[str, str, str]]:
    """Return each run as (minute, status, reason), oldest first."""
    return [(f"{r.nominal_at:%H:%M}", r.status, r.reason) for r in Run.objects.order_by("nominal_at")]


def test_a_due_job_becomes_a_queued_run_a_message_and_a_new_mark() -> None:
    job = make_job()
    ticked = tick(after(minutes=1, milliseconds=3), 10)
    run = Run.objects.get()
    assert (run.nominal_at, run.status, run.origin) == (after(minutes=1), RunStatus.QUEUED, Origin.SCHEDULE)
    assert [(m.args, m.options["queue"]) for m in ticked.messages] == [([[[str(run.pk), 0]]], "command")]
    job.refresh_from_db()
    assert (job.mark_at, job.next_run_at) == (after(minutes=1, milliseconds=3), after(minutes=2))
    assert list(RunEvent.objects.values_list("run_id", "kind")) == [(run.pk, "queued")]


def test_the_message_of_a_new_run_names_its_host_as_dispatch_does() -> None:
    make_job(target={"kind": "http", "url": "https://example.com/hook"})
    now = after(minutes=1)
    (message,) = tick(now, 10).messages
    assert message.runs[0].share
    assert dispatch_once(now + timedelta(hours=1), 10).messages[0].runs == message.runs


def test_nothing_is_due_before_its_instant() -> None:
    make_job()
    assert tick(after(seconds=59.999), 10).n_jobs == 0
    assert tick(after(minutes=1), 10).n_jobs == 1


def test_ticking_twice_with_the_same_now_adds_nothing() -> None:
    make_job()
    tick(after(minutes=1), 10)
    assert tick(after(minutes=1), 10).n_jobs == 0
    assert Run.objects.count() == 1


def test_a_clock_that_was_set_back_adds_no_run_and_keeps_the_mark() -> None:
    job = make_job(policies=ALLOW)
    tick(after(minutes=5), 10)
    before = rows()
    Job.objects.filter(pk=job.pk).update(next_run_at=after(minutes=2))
    tick(after(minutes=3), 10)
    assert rows() == before
    job.refresh_from_db()
    assert (job.mark_at, job.next_run_at) == (after(minutes=5), after(minutes=6))


def test_an_occurrence_that_has_a_row_keeps_it() -> None:
    job = make_job()
    tick(after(minutes=1), 10)
    Job.objects.filter(pk=job.pk).update(mark_at=NOW, next_run_at=after(minutes=1))
    assert tick(after(minutes=1, seconds=1), 10).messages == []
    assert Run.objects.count() == 1


def test_the_longest_overdue_jobs_are_handled_first_up_to_the_limit() -> None:
    for minutes in (3, 1, 2):
        make_job(f"at {minutes}", {"at": after(minutes=minutes).isoformat()})
    assert [m.name for m in tick(after(minutes=3), 2).messages] == ["at 1", "at 2"]
    assert [m.name for m in tick(after(minutes=3), 2).messages] == ["at 3"]


def test_a_one_time_job_fires_once_and_ends() -> None:
    job = make_job(schedule={"at": "2026-11-20T12:00:10Z"})
    assert len(tick(after(seconds=10), 10).messages) == 1
    job.refresh_from_db()
    assert (job.state, job.next_run_at) == (JobState.ENDED, None)


def test_max_runs_counts_starts_and_ends_the_job() -> None:
    job = make_job(schedule={"every": "1m", "max_runs": 2})
    for minute in (1, 2, 3):
        tick(after(minutes=minute), 10)
        for run in Run.objects.filter(status=RunStatus.QUEUED):
            end(run)
    job.refresh_from_db()
    assert (job.n_scheduled, job.state) == (2, JobState.ENDED)
    assert [row[0] for row in rows()] == ["12:01", "12:02"]


def test_max_runs_limits_the_starts_of_one_pass() -> None:
    make_job(schedule={"every": "1s", "max_runs": 3}, policies=ALLOW)
    assert len(tick(after(seconds=5), 10).messages) == 3


def test_overlap_skip_records_an_occurrence_that_is_due_while_a_run_is_live() -> None:
    make_job()
    tick(after(minutes=1), 10)
    tick(after(minutes=2), 10)
    assert rows() == [("12:01", "queued", ""), ("12:02", "skipped", "overlap")]
    end(Run.objects.get(status=RunStatus.QUEUED))
    tick(after(minutes=3), 10)
    assert rows()[-1] == ("12:03", "queued", "")


def test_overlap_allow_starts_an_occurrence_while_a_run_is_live() -> None:
    make_job(policies=ALLOW)
    tick(after(minutes=1), 10)
    tick(after(minutes=2), 10)
    assert [row[1] for row in rows()] == ["queued", "queued"]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("skip", ["missed", "missed", "missed"]),
        ("last", ["coalesced", "coalesced", ""]),
        ("all", ["", "", ""]),
    ],
)
def test_missed_occurrences_follow_the_catch_up_policy_and_have_rows(mode: str, expected: list[str]) -> None:
    make_job(policies=catch_up(mode))
    tick(after(minutes=3, seconds=30), 10)
    assert [reason for _, _, reason in rows()] == expected


def test_catch_up_last_runs_no_missed_occurrence_if_another_is_on_time() -> None:
    make_job(policies=catch_up("last"))
    tick(after(minutes=3, seconds=1), 10)
    assert [reason for _, _, reason in rows()] == ["coalesced", "coalesced", ""]


def test_occurrences_older_than_max_age_are_missed_even_with_catch_up_all() -> None:
    make_job(policies=catch_up("all", max_age="2m"))
    tick(after(minutes=4, seconds=30), 10)
    assert [reason for _, _, reason in rows()] == ["missed", "missed", "", ""]


def test_catch_up_all_with_overlap_skip_starts_the_first_only() -> None:
    make_job(policies={"catch_up": {"mode": "all"}})
    tick(after(minutes=3, seconds=30), 10)
    assert [reason for _, _, reason in rows()] == ["", "overlap", "overlap"]


def test_a_long_outage_is_folded_into_few_rows_that_count_every_occurrence() -> None:
    make_job(schedule={"every": "1s"}, policies=catch_up("skip"))
    while tick(after(hours=1, seconds=-0.5), 10).n_jobs:
        pass
    runs = list(Run.objects.order_by("nominal_at"))
    assert sum(run.n_occurrences for run in runs) == 3599
    assert len(runs) < 120
    assert {(run.status, run.reason) for run in runs[:-5]} == {("skipped", "missed")}
    folded = runs[0]
    assert (folded.nominal_at, folded.last_nominal_at) == (after(seconds=1), after(seconds=folded.n_occurrences))


def test_a_job_far_behind_does_not_delay_other_jobs() -> None:
    behind = make_job("behind", {"every": "1s"})
    make_job("prompt", {"every": "1h"})
    names = {m.name for m in tick(after(hours=1), 10).messages}
    assert names == {"prompt"}
    behind.refresh_from_db()
    assert behind.mark_at < after(hours=1) and behind.next_run_at is not None


def test_catch_up_last_starts_one_run_after_a_very_long_outage() -> None:
    make_job(schedule={"every": "1s"}, policies={"catch_up": {"mode": "last", "max_age": "3h"}})
    while tick(after(hours=2, seconds=-0.5), 10).n_jobs:
        pass
    assert Run.objects.filter(status=RunStatus.QUEUED, nominal_at__lt=after(hours=2, seconds=-5)).count() == 0
    assert sum(Run.objects.values_list("n_occurrences", flat=True)) == 7199


def test_occurrences_of_a_pause_are_recorded_as_paused_after_the_resume() -> None:
    job = make_job()
    pause(job.pk, after(seconds=30), actor="tests", terms=PauseTerms(reason="maintenance"))
    assert tick(after(minutes=2), 10).n_jobs == 0
    resume(job.pk, after(minutes=3, seconds=30), actor="tests")
    tick(after(minutes=3, seconds=31), 10)
    assert [reason for _, _, reason in rows()] == ["paused", "paused", "paused"]
    tick(after(minutes=4), 10)
    assert rows()[-1] == ("12:04", "queued", "")


def test_next_fire_at_of_a_resumed_job_leaves_out_the_instants_of_the_pause() -> None:
    job = make_job()
    assert pause(job.pk, after(seconds=30), actor="tests").updated_at == after(seconds=30)
    resumed = resume(job.pk, after(minutes=3, seconds=30), actor="tests")
    assert resumed.next_fire_at == after(minutes=4)
    assert resumed.updated_at == after(minutes=3, seconds=30)
    tick(after(minutes=3, seconds=31), 10)
    resumed.refresh_from_db()
    assert resumed.next_fire_at == after(minutes=4)


def test_a_job_resumed_after_its_last_instant_has_no_next_one() -> None:
    job = make_job(schedule={"at": "2026-11-20T12:01:00Z"})
    pause(job.pk, after(seconds=30), actor="tests")
    assert resume(job.pk, after(minutes=3), actor="tests").next_fire_at is None


def test_an_unreadable_job_is_pushed_back_and_the_others_are_handled() -> None:
    broken, good = make_job("broken"), make_job("good")
    Job.objects.filter(pk=broken.pk).update(schedule={"kind": "cron", "cron": "nonsense"})
    ticked = tick(after(minutes=1), 10)
    assert (ticked.n_broken, [m.name for m in ticked.messages]) == (1, ["good"])
    broken.refresh_from_db()
    assert broken.next_run_at == after(minutes=2) and broken.mark_at == NOW
    Job.objects.filter(pk=broken.pk).update(schedule=good.schedule)
    tick(after(minutes=2), 10)
    assert Run.objects.filter(job=broken).count() == 2, "the missed occurrence is caught up with after the repair"


def test_a_job_with_an_unknown_target_kind_is_pushed_back() -> None:
    make_job("strange")
    make_job("good")
    RunSpec.objects.filter(job_name="strange").update(target_kind="from the future")
    ticked = tick(after(minutes=1), 10)
    assert (ticked.n_broken, [m.name for m in ticked.messages]) == (1, ["good"])


def test_the_minimum_interval_does_not_apply_to_existing_jobs(settings: Settings) -> None:
    make_job(schedule={"every": "1s"})
    settings.MAINSPRING = replace(settings.MAINSPRING, min_interval=timedelta(minutes=1))
    assert len(tick(after(seconds=1), 10).messages) == 1


def test_a_skipped_run_is_finished_when_it_is_created() -> None:
    make_job(policies=catch_up("skip"))
    tick(datetime(2026, 11, 20, 12, 1, 30, tzinfo=UTC), 10)
    run = Run.objects.get()
    assert (run.status, run.reason, run.finished_at) == ("skipped", Reason.MISSED, run.created_at)


def reasons() -> list[str]:
    """Return the reason of each occurrence, oldest first; a folded row counts once for each of its occurrences."""
    return [run.reason for run in Run.objects.order_by("nominal_at") for _ in range(run.n_occurrences)]


def starts() -> list[tuple[str, float]]:
    """Return each queued run as (minute, seconds from NOW to its planned start), oldest first."""
    found = Run.objects.filter(status=RunStatus.QUEUED).order_by("nominal_at")
    return [(f"{run.nominal_at:%H:%M}", (run.available_at - NOW).total_seconds()) for run in found]


def test_catch_up_first_runs_the_earliest_once_over_several_passes(settings: Settings) -> None:
    settings.MAINSPRING = replace(settings.MAINSPRING, chunk_size=3)
    make_job(policies=catch_up("first"))
    while tick(after(minutes=8, seconds=30), 10).n_jobs:
        pass
    assert reasons() == ["", *["coalesced"] * 7]
    tick(after(minutes=9), 10)
    assert rows()[-1] == ("12:09", "queued", "")
    tick(after(minutes=12, seconds=30), 10)
    assert reasons()[-3:] == ["", "coalesced", "coalesced"], "the next outage has a first too"


def test_each_outage_has_a_first_even_if_the_previous_first_has_not_started() -> None:
    make_job(schedule={"cron": "*/20 * * * *"}, policies={"jitter": "20m", **catch_up("first")})
    for minute in (20, 40):
        tick(after(minutes=minute, seconds=6), 10)
    assert reasons() == ["", ""]


def test_an_occurrence_on_time_ends_an_outage_even_if_more_is_due(settings: Settings) -> None:
    settings.MAINSPRING = replace(settings.MAINSPRING, chunk_size=3)
    make_job(schedule={"every": "1s"}, policies=catch_up("first"))
    tick(after(seconds=8), 10)
    assert reasons() == ["", "coalesced", ""], "missed, missed, on time"
    tick(after(seconds=60), 10)
    assert reasons()[3:] == ["", "coalesced", "coalesced"], "missed in another outage"


def test_a_run_chosen_after_a_pause_is_not_the_first_of_an_outage(settings: Settings) -> None:
    settings.MAINSPRING = replace(settings.MAINSPRING, chunk_size=3)
    job = make_job(policies=catch_up("first"))
    pause(job.pk, after(seconds=30), actor="tests")
    resume(job.pk, after(minutes=4, seconds=30), actor="tests", catch_up=Resumption.ALL)
    while tick(after(minutes=8, seconds=30), 10).n_jobs:
        pass
    assert reasons() == ["", "", "", "", "", "coalesced", "coalesced", "coalesced"]


def test_catch_up_max_runs_keeps_the_latest_over_several_passes(settings: Settings) -> None:
    settings.MAINSPRING = replace(settings.MAINSPRING, chunk_size=3)
    make_job(policies={"overlap": "allow", "catch_up": {"mode": "all", "max_runs": 4}})
    while tick(after(minutes=8, seconds=30), 10).n_jobs:
        pass
    assert reasons() == [*["missed"] * 4, *[""] * 4]


def test_caught_up_runs_start_one_pace_apart_over_several_passes(
    settings: Settings,
) -> None:
    settings.MAINSPRING = replace(settings.MAINSPRING, chunk_size=2)
    job = make_job(policies={"overlap": "allow", "catch_up": {"mode": "all", "pace": "10s"}})
    now = after(minutes=5, seconds=30)
    published = [len(tick(now, 10).messages) for _ in range(3)]
    assert published == [1, 0, 0]
    assert starts() == [(f"12:0{n + 1}", 330.0 + 10 * n) for n in range(5)]
    job.refresh_from_db()
    assert job.caught_up_at == now + timedelta(seconds=40)
    tick(after(minutes=6), 10)
    assert starts()[-1] == ("12:06", 360.0), "an occurrence on time waits for no pace"


def test_the_default_pace_is_one_second() -> None:
    make_job(policies=catch_up("all"))
    tick(after(minutes=2, seconds=30), 10)
    assert starts() == [("12:01", 150.0), ("12:02", 151.0)]


def test_the_pace_also_holds_between_two_outages() -> None:
    make_job(policies={"overlap": "allow", "catch_up": {"mode": "all", "pace": "90s"}})
    for minute in (1, 2, 3):
        tick(after(minutes=minute, seconds=30), 10)
    assert starts() == [("12:01", 90.0), ("12:02", 180.0), ("12:03", 270.0)]
    tick(after(minutes=4, seconds=0), 10)
    tick(after(minutes=5, seconds=30), 10)
    assert starts()[3:] == [("12:04", 240.0), ("12:05", 360.0)], (
        "an occurrence on time waits for no pace, and the next missed one does not wait for it"
    )


def test_a_pace_of_zero_starts_all_at_once() -> None:
    make_job(policies={"overlap": "allow", "catch_up": {"mode": "all", "pace": 0}})
    assert len(tick(after(minutes=3, seconds=30), 10).messages) == 3


def test_runs_that_wait_for_their_pace_count_as_live_for_overlap() -> None:
    make_job(policies={"overlap": "buffer_all", "catch_up": {"mode": "all"}})
    tick(after(minutes=3, seconds=30), 10)
    assert [status for _, status, _ in rows()] == ["queued", "held", "held"]


def test_jitter_delays_a_run_by_the_same_time_on_every_beat() -> None:
    job = make_job(policies={"jitter": "10m"} | ALLOW)
    ticked = tick(after(minutes=1), 10)
    run = Run.objects.get()
    assert run.nominal_at == after(minutes=1) < run.available_at < after(minutes=2)
    assert (run.planned_at, run.dispatch_at) == (run.available_at, run.available_at)
    assert ticked.messages == []
    assert job.next_start_at == run.available_at
    Run.objects.all().delete()
    Job.objects.update(mark_at=NOW, next_run_at=after(minutes=1))
    tick(after(minutes=1, milliseconds=2), 10)
    assert Run.objects.get().available_at == run.available_at


def test_the_list_and_the_page_of_a_job_show_the_planned_start(admin_user: User) -> None:
    admin, job = signed_in(admin_user), make_job(policies={"jitter": "30s"})
    start_at = job.next_start_at
    assert start_at is not None
    for page in ("/admin/schedules/job/", f"/admin/schedules/job/{job.pk}/"):
        assert re.search(rf"starts 20 Nov(?: 2026)? {start_at:%H:%M:%S} UTC", page_of(admin.get(page)))
    tick(after(minutes=1), 10)
    assert "Planned start" in page_of(admin.get(run_url(Run.objects.get().pk)))


def test_a_run_keeps_its_planned_start(settings: Settings) -> None:
    make_job(policies={"jitter": "30s"})
    tick(after(minutes=1), 10)
    run = Run.objects.get()
    claim(run, now=after(minutes=2))
    run.refresh_from_db()
    assert run.planned_at is not None and run.started_at == after(minutes=2)
    assert run.start_delay() == after(minutes=2) - after(minutes=1)
    assert run.delay_after_plan() == after(minutes=2) - run.planned_at > timedelta(0)
