"""Proves that the ledger and backfills agree on what a gap is and when a backfill has made it good."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from executions import runs
from executions.lifecycle import transitions
from executions.models import Run
from executions.policies.overlap import Overlap
from executions.states import Origin, Reason
from executions.targets.base import Cancelled
from schedules.backfills import backfill
from schedules.backfills.backfill import preview
from schedules.backfills.requests import BackfillRequest
from schedules.clock.compare import Decision
from schedules.ledger import account
from schedules.models import BackfillMode, Job
from tests.factories import NOW, claim, end, make_job, make_run

if TYPE_CHECKING:
    from schedules.ledger.account import Entry

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
LATER = NOW + timedelta(hours=1)
AT = NOW + MINUTE


def job_with_gap() -> Job:
    """A job whose row of minute 1 is missing."""
    job = make_job(policies={"overlap": "allow", "retry": {"max_retries": 0}})
    Job.objects.filter(pk=job.pk).update(mark_at=LATER, next_run_at=LATER + MINUTE)
    job.refresh_from_db()
    return job


def fill(job: Job, overlap: Overlap = Overlap.ALLOW) -> Run:
    """Backfill the gap; return the run."""
    made = backfill.start(job.pk, BackfillRequest(NOW, AT, BackfillMode.GAPS, overlap=overlap), LATER, actor="ann")
    assert backfill.step_once(LATER)
    return Run.objects.select_related("spec").get(backfill_id=made.pk)


def entry(job: Job) -> Entry:
    (found,) = account.entries(job.pk, NOW, AT, LATER)
    return found


def is_gap(job: Job) -> bool:
    """Whether minute 1 is a gap, as the ledger, the list of gaps and the preview of a backfill agree."""
    found = entry(job).decision is Decision.GAP
    assert account.gaps(job.pk, NOW, AT, LATER, 10) == [AT] * found
    assert preview(job, BackfillRequest(NOW, AT, BackfillMode.GAPS), LATER).n_would_start == found
    return found


def cancelled(run: Run) -> Run:
    transitions.cancel(run.pk, LATER, actor="ann")
    return run


def skipped(job: Job) -> Run:
    """A backfilled run that was skipped because another run was live."""
    live = make_run(job, LATER, origin=Origin.MANUAL)
    run = fill(job, Overlap.SKIP)
    assert run.reason == Reason.OVERLAP
    cancelled(live)
    return run


@pytest.mark.long
@pytest.mark.parametrize("how", ["skipped", "cancelled"])
def test_a_backfilled_run_that_never_started_leaves_the_gap_open(how: str) -> None:
    job = job_with_gap()
    assert is_gap(job)
    first = skipped(job) if how == "skipped" else cancelled(fill(job))
    assert is_gap(job)
    again = fill(job)
    assert again.retry_of == first.pk
    assert not is_gap(job)
    made_good_by = entry(job).made_good_by
    assert made_good_by is not None
    assert (made_good_by.run_id, made_good_by.status, made_good_by.nominal_at) == (again.pk, "queued", AT)
    cancelled(again)
    assert is_gap(job)


def test_a_retry_by_hand_that_ran_makes_a_gap_good_even_if_a_later_one_is_cancelled() -> None:
    job = job_with_gap()
    first = cancelled(fill(job))
    first.refresh_from_db()
    again = end(runs.retry(first, LATER, actor="ann"))
    first.refresh_from_db()
    cancelled(runs.retry(first, LATER + MINUTE, actor="ann"))
    assert not is_gap(job)
    made_good_by = entry(job).made_good_by
    assert made_good_by is not None and made_good_by.run_id == again.pk


def test_a_backfilled_run_cancelled_after_its_start_makes_the_gap_good() -> None:
    job = job_with_gap()
    run = fill(job)
    end(run, Cancelled("stopped"))
    assert not is_gap(job)


def test_a_queued_or_running_backfilled_run_makes_the_gap_good() -> None:
    job = job_with_gap()
    run = fill(job)
    assert not is_gap(job)
    claim(run)
    assert not is_gap(job)


def test_a_backfilled_run_that_never_started_repeats_no_recorded_occurrence() -> None:
    job = job_with_gap()
    make_run(job, AT)
    assert entry(job).made_good_by is None
    run = make_run(job, AT, origin=Origin.BACKFILL)
    assert entry(job).made_good_by is not None
    cancelled(run)
    assert (entry(job).decision, entry(job).made_good_by) == (Decision.STARTED, None)
