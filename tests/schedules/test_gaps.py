"""Gaps, and what makes them good: the ledger and the backfills that ask for gaps agree."""

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
from schedules.backfills.backfill import BackfillRequest, preview
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


def lost() -> Job:
    """A job of whose history the row of minute 1 is gone."""
    job = make_job(policies={"overlap": "allow", "retry": {"max_retries": 0}})
    Job.objects.filter(pk=job.pk).update(mark_at=LATER, next_run_at=LATER + MINUTE)
    job.refresh_from_db()
    return job


def fill(job: Job, overlap: Overlap = Overlap.ALLOW) -> Run:
    """A backfill of that gap; returns its run."""
    made = backfill.start(job.pk, BackfillRequest(NOW, AT, BackfillMode.GAPS, overlap=overlap), LATER, actor="ann")
    assert backfill.step_once(LATER)
    return Run.objects.select_related("spec").get(backfill_id=made.pk)


def entry(job: Job) -> Entry:
    (found,) = account.entries(job.pk, NOW, AT, LATER)
    return found


def is_gap(job: Job) -> bool:
    """Whether it is one; whoever can be asked says the same."""
    found = entry(job).decision is Decision.GAP
    assert account.gaps(job.pk, NOW, AT, LATER, 10) == [AT] * found
    assert preview(job, BackfillRequest(NOW, AT, BackfillMode.GAPS), LATER).n_would_start == found
    return found


def cancelled(run: Run) -> Run:
    transitions.cancel(run.pk, LATER, actor="ann")
    return run


def skipped(job: Job) -> Run:
    """A run of a backfill that did not start, as another went on."""
    hindrance = make_run(job, LATER, origin=Origin.MANUAL)
    run = fill(job, Overlap.SKIP)
    assert run.reason == Reason.OVERLAP
    cancelled(hindrance)
    return run


@pytest.mark.parametrize("how", ["skipped", "cancelled"])
def test_a_run_that_never_began_makes_nothing_good_until_a_further_one_does(how: str) -> None:
    job = lost()
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


def test_a_retry_by_hand_makes_good_what_its_first_run_did_not_whatever_comes_later() -> None:
    job = lost()
    first = cancelled(fill(job))
    first.refresh_from_db()
    again = end(runs.retry(first, LATER, actor="ann"))
    first.refresh_from_db()
    cancelled(runs.retry(first, LATER + MINUTE, actor="ann"))
    assert not is_gap(job)
    made_good_by = entry(job).made_good_by
    assert made_good_by is not None and made_good_by.run_id == again.pk


def test_a_run_that_was_cancelled_while_it_went_on_has_run() -> None:
    job = lost()
    run = fill(job)
    end(run, Cancelled("stopped"))
    assert not is_gap(job)


def test_a_run_that_waits_or_goes_on_makes_good() -> None:
    job = lost()
    run = fill(job)
    assert not is_gap(job)
    claim(run)
    assert not is_gap(job)


def test_beside_a_row_a_run_that_never_began_has_repeated_nothing() -> None:
    job = lost()
    make_run(job, AT)
    assert entry(job).made_good_by is None
    run = make_run(job, AT, origin=Origin.BACKFILL)
    assert entry(job).made_good_by is not None
    cancelled(run)
    assert (entry(job).decision, entry(job).made_good_by) == (Decision.STARTED, None)
