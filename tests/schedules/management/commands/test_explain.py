"""Proves what `manage.py explain` prints and how it exits."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from executions.models import Run
from schedules.ledger.watchdog import watch_once
from schedules.models import Job
from schedules.tick import tick
from tests.factories import end, make_job, make_run

pytestmark = pytest.mark.django_db

START = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=10)


def explain(*arguments: str) -> tuple[str, int]:
    """Return the output and the exit code."""
    output = io.StringIO()
    try:
        call_command("explain", *arguments, stdout=output)
    except SystemExit as ended:
        assert isinstance(ended.code, int)
        return output.getvalue(), ended.code
    return output.getvalue(), 0


@pytest.fixture
def job() -> Job:
    """A job that ran each of four minutes."""
    made = make_job("nightly report", now=START)
    for minute in range(1, 5):
        tick(START + timedelta(minutes=minute), 10)
        end(Run.objects.get(status="queued"))
    Job.objects.update(state="ended")
    return made


def window(first: int = 0, last: int = 4) -> list[str]:
    return [f"--after={(START + timedelta(minutes=first)).isoformat()}", f"--until={START + timedelta(minutes=last)}"]


def test_a_history_without_gaps_exits_with_zero(job: Job) -> None:
    text, code = explain("nightly report", *window())
    assert code == 0
    lines = text.splitlines()
    assert len(lines) == 5
    at = f"{START + timedelta(minutes=1):%Y-%m-%d %H:%M:%S}"
    assert lines[0] == f"{at}         Started        Ran, 8 ms late, took 250 ms, succeeded."
    assert lines[-1].endswith("UTC: 4 started.")


def test_gaps_exit_with_one_and_can_be_shown_alone(job: Job) -> None:
    Run.objects.filter(nominal_at=START + timedelta(minutes=2)).delete()
    text, code = explain(str(job.pk), "--gaps", *window())
    assert code == 1
    assert [line.split()[2] for line in text.splitlines()[:-1]] == ["Gap"]
    assert text.endswith("UTC: 3 started, 1 gap.\n")


def test_json_is_one_object_a_line(job: Job) -> None:
    Run.objects.filter(nominal_at=START + timedelta(minutes=2)).delete()
    text, code = explain("nightly report", "--json", *window())
    entries = [json.loads(line) for line in text.splitlines()]
    assert [entry["decision"] for entry in entries] == ["started", "gap", "started", "started"]
    assert code == 1


def test_a_chained_job_gets_a_note_with_the_address_of_its_runs(job: Job) -> None:
    follower = make_job("follower", {"kind": "none"}, start_after=[{"job": str(job.pk)}])
    text, code = explain("follower")
    assert (code, "it starts after runs of other jobs" in text, f"/api/v1/jobs/{follower.pk}/runs" in text) == (
        0,
        True,
        True,
    )


def test_the_sentence_of_a_held_run_says_what_it_waits_for(job: Job) -> None:
    held = make_run(job, START + timedelta(minutes=5), is_buffered=True)
    make_run(job, START + timedelta(minutes=6))
    assert held.status == "held"
    assert "The run is held. The job's other run has not ended." in explain("nightly report", *window(4, 5))[0]


def test_the_default_window_is_the_last_day(job: Job) -> None:
    text, _ = explain("nightly report")
    assert re.search(r"UTC: 4 started, \d+ due\.\n$", text)


def test_a_window_from_before_the_history_gets_a_note(job: Job) -> None:
    text, _ = explain("nightly report", "--after=2020-01-01")
    assert "may have been pruned" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no such job"], "There is no job named 'no such job'."),
        (["019a9f93-0900-7d10-8b7e-5a4d1f0e2c3b"], "There is no job with the id 019a9f93"),
        (["nightly report", "--after=yesterday"], '--after: "yesterday" is not a date and time'),
        (["nightly report", "--until=2026-01-01", "--after=2026-01-02"], "--after must be earlier"),
        (["nightly\udcff report"], "There is no job named"),
    ],
)
def test_wrong_arguments_exit_with_two(job: Job, arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words) as refused:
        explain(*arguments)
    assert refused.value.returncode == 2


def test_an_ambiguous_name_is_refused_with_the_ids_of_the_jobs(job: Job) -> None:
    other = make_job("nightly report")
    with pytest.raises(CommandError, match=f"{job.pk}, {other.pk}"):
        explain("nightly report")


def test_a_stoppage_is_printed_before_the_summary(job: Job) -> None:
    Job.objects.update(state="active")
    Run.objects.filter(nominal_at=START + timedelta(minutes=2)).delete()
    watch_once(datetime.now(UTC), 10)
    text, _ = explain("nightly report")
    assert text.splitlines()[-2].endswith("Watchdog       At least one due occurrence has no record.")
