"""Two beats, for a minute: each occurrence of each job has one run, and each run calls its target once."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from executions.models import Run
from executions.states import RunStatus
from schedules.triggers import pause
from tests.factories import make_job
from tests.waiting import wait_for, wait_until

if TYPE_CHECKING:
    from tests.acceptance.processes import Processes
    from tests.receiver import Receiver

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]


def test_two_beats_fire_each_second_of_a_minute_once(processes: Processes, receiver: Receiver) -> None:
    processes.start("beat", "beat#2", "worker-http")
    started_at = datetime.now(UTC)
    jobs = [
        make_job(
            f"job {number}",
            {"cron": "* * * * * *"},
            now=started_at,
            target={"kind": "http", "method": "POST", "url": receiver.url("/hook")},
            policies={"overlap": "allow"},
        )
        for number in range(5)
    ]
    wait_for(started_at + timedelta(seconds=60))
    for job in jobs:
        pause(job.pk, datetime.now(UTC), actor="tests")
    wait_until(lambda: not Run.objects.exclude(status=RunStatus.SUCCEEDED).exists(), 30, what="the end of all runs")
    for job in jobs:
        instants = list(Run.objects.filter(job=job).order_by("nominal_at").values_list("nominal_at", flat=True))
        assert len(instants) >= 60
        assert {later - earlier for earlier, later in pairwise(instants)} == {timedelta(seconds=1)}
    calls = Counter(request.headers["idempotency-key"] for request in receiver.requests)
    assert len(calls) == Run.objects.count() and set(calls.values()) == {1}, "each run called its target once"
