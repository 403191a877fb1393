"""Proves when runs that wait in a worker are published again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from executions.models import Run
from executions.worker import waiting
from tests.factories import NOW, claim, make_job, make_run

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("waited", "wait"), [(1, 10), (30, 30), (3600, 600)])
def test_a_run_is_postponed_by_the_time_that_it_has_waited(waited: int, wait: int) -> None:
    run = make_run()
    at = run.available_at + timedelta(seconds=waited)
    assert waiting.postpone([(run.pk, 0)], at) == 1
    run.refresh_from_db()
    assert run.dispatch_at == at + timedelta(seconds=wait)
    claim(run)
    assert waiting.postpone([(run.pk, 0)], at) == 0, "a claimed run is not changed"


@pytest.mark.parametrize("write", [waiting.postpone, waiting.publish_now])
def test_many_runs_are_written_in_batches(write: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MAX_ROWS", 2)
    job = make_job()
    claims = [(make_run(job, NOW + timedelta(seconds=each)).pk, 0) for each in range(5)]
    later = NOW + timedelta(minutes=1)
    with CaptureQueriesContext(connection) as captured:
        assert write(claims, later) == 5
    assert len(captured) == 3
    assert Run.objects.filter(dispatch_at__gte=later).count() == 5
