"""Proves what `manage.py backfill` prints and how it exits."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command

from executions.models import Run
from schedules.backfills import backfill
from schedules.backfills.backfill import step_once
from schedules.management.arguments import EXIT_REFUSED
from schedules.models import Backfill
from tests.factories import make_job

if TYPE_CHECKING:
    from schedules.models import Job

pytestmark = pytest.mark.django_db
RANGE = ("--after", "2026-11-20T08:00:00Z", "--until", "2026-11-20T11:00:00Z")


@pytest.fixture
def job() -> Job:
    return make_job("report", {"every": "1h", "anchor_at": "2026-01-01T00:00:00Z"})


def output_of(*arguments: str) -> str:
    output = io.StringIO()
    call_command("backfill", *arguments, stdout=output)
    return output.getvalue()


def test_a_dry_run_prints_how_many_would_start(job: Job) -> None:
    text = output_of("report", *RANGE, "--dry-run")
    assert "Runs would start for 3 of 3 instants." in text
    assert "First instant with a new run: 2026-11-20 09:00:00 UTC. Last: 2026-11-20 11:00:00 UTC." in text
    assert not Backfill.objects.exists()


@pytest.mark.parametrize(
    ("n_counted", "options", "text"),
    [
        (10, ["--max-runs", "2"], "Runs would start for 2 of more than 2 instants."),
        (10, ["--max-runs", "3"], "Runs would start for 3 of 3 instants."),
        (2, [], "Runs would start for 2 or more of more than 2 instants."),
        (2, ["--max-runs", "2"], "Runs would start for 2 of more than 2 instants."),
        (3, [], "Runs would start for 3 of 3 instants."),
    ],
)
def test_a_dry_run_says_whether_its_counts_are_exact(
    job: Job, n_counted: int, options: list[str], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "MAX_INSTANTS_COUNTED", n_counted)
    assert text in output_of("report", *RANGE, "--dry-run", *options)


def test_the_command_prints_progress_until_all_runs_are_over(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def pass_time(seconds: float) -> None:
        started = Backfill.objects.get()
        if started.due_at:
            step_once(started.due_at)
        else:
            Run.objects.filter(backfill_id=started.pk).update(status="succeeded", finished_at=started.created_at)

    monkeypatch.setattr("schedules.management.commands.backfill.time.sleep", pass_time)
    lines = output_of(str(job.pk), *RANGE, "--overlap", "allow").splitlines()
    assert lines[1:] == [
        "0 of 3 instants handled; runs opened: 0",
        "3 of 3 instants handled; runs opened: 3, queued: 3",
        "3 of 3 instants handled; runs opened: 3, succeeded: 3",
        "Done.",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nobody", *RANGE), "no job named 'nobody'"),
        (("report", "--after", "soon"), "--after"),
        (("report", "--after", "2999-01-01"), "--after: The range is empty"),
        (("report", *RANGE, "--pace", "soon"), "--pace"),
        (("report", *RANGE, "--pace", "9d"), "--pace: The pace must be between"),
        (("report", *RANGE, "--max-runs", "-5"), "--max-runs: This must be a number from 1 to 1,000,000"),
        (("report", *RANGE, "--max-runs", "0", "--dry-run"), "--max-runs: This must be a number from 1 to"),
    ],
)
def test_a_refusal_names_the_argument_and_exits_with_two(job: Job, arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(CommandError, match=message) as refusal:
        output_of(*arguments)
    code: Any = refusal.value.returncode
    assert code == EXIT_REFUSED
