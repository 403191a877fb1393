"""Jobs and runs for tests, made by the same functions that the product uses, with defaults for all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings

from access.system import SYSTEM_SCOPE_ID
from executions.lifecycle import transitions
from executions.lifecycle.types import Claim, NewRun
from executions.models import Run
from executions.policies.run_policies import read_policies
from executions.states import Origin, Reason
from executions.targets.base import Succeeded
from executions.worker.endings import EndedAttempt, after_outcome
from schedules import flags
from schedules.jobs import definitions
from schedules.jobs.validation import validate
from values.readable import value_or_raise

if TYPE_CHECKING:
    from executions.targets.base import Outcome
    from schedules.models import Job

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
EVERY_MINUTE = {"cron": "* * * * *"}
ECHO = {"kind": "command", "name": "demo.echo"}
HELLO = {"message": "hello"}


def make_job(
    name: str = "greeting", schedule: dict[str, Any] | None = None, now: datetime = NOW, **definition: Any
) -> Job:
    """Make a job; by default an echo command that runs each minute."""
    data = {
        "name": name,
        "schedule": EVERY_MINUTE if schedule is None else schedule,
        "target": ECHO,
        "payload": HELLO if "target" not in definition else None,
        **definition,
    }
    return definitions.create(validate(data, now), now, actor="tests")


def make_flag(name: str = "new-billing", *, is_on: bool = False, now: datetime = NOW) -> None:
    """Make a feature flag, or switch it."""
    flags.put(name, now, is_on=is_on, actor="tests")


def make_run(job: Job | None = None, nominal_at: datetime = NOW, **details: Any) -> Run:
    """Open a queued run of the job, or with `reason` the record of one that did not start."""
    job = job or make_job()
    new = NewRun(
        scope_id=SYSTEM_SCOPE_ID,
        job_id=job.pk,
        spec_id=job.spec_id,
        nominal_at=nominal_at,
        origin=details.pop("origin", Origin.SCHEDULE),
        reason=details.pop("reason", None),
        **details,
    )
    born = transitions.open_runs([new], nominal_at, dispatch_at=nominal_at)
    return Run.objects.get(pk=born[0])


def make_skipped(job: Job | None = None, nominal_at: datetime = NOW, reason: Reason = Reason.OVERLAP) -> Run:
    """The record of an occurrence that did not start."""
    return make_run(job, nominal_at, reason=reason)


def claim(run: Run, now: datetime | None = None, worker: str = "worker@tests:1") -> Claim:
    """Claim a queued run as a worker does."""
    now = now or run.nominal_at + timedelta(milliseconds=8)
    run.refresh_from_db()
    return transitions.claim([(run.pk, run.claim_no)], now, lease=settings.MAINSPRING.lease, worker=worker)[0]


def end(run: Run, outcome: Outcome | None = None, now: datetime | None = None) -> Run:
    """Claim a run and end its attempt with an outcome, after 250 ms."""
    claimed = claim(run)
    ended = EndedAttempt(claimed.run_id, claimed.claim_no, claimed.attempt, claimed.n_lost)
    now = now or run.nominal_at + timedelta(milliseconds=258)
    policies = value_or_raise(read_policies(claimed.policies))
    transitions.finish([after_outcome(ended, outcome or Succeeded({"echo": "hello"}), policies, now, 0.5)], now)
    run.refresh_from_db()
    return run
