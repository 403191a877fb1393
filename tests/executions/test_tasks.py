"""Proves that the Celery task reads messages of this version and of the previous version."""

from __future__ import annotations

import pytest

from executions.models import Run
from executions.states import RunStatus
from executions.tasks import execute_runs, priority_rank
from tests.factories import make_job, make_run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("share", [[], ["1a2b3c4d"]])
def test_a_message_may_name_the_share_of_a_run(share: list[str]) -> None:
    run = make_run(make_job(target={"kind": "command", "name": "demo.sleep"}, payload={"seconds": 0}))
    execute_runs.apply(args=([[str(run.pk), 0, *share]],)).get()
    assert Run.objects.get().status == RunStatus.SUCCEEDED


@pytest.mark.parametrize(("number", "rank"), [(9, 0), (6, 1), (3, 2), (0, 3), (None, 1), (5, 1)])
def test_the_rank_of_a_run_follows_from_the_priority_of_its_message(number: int | None, rank: int) -> None:
    assert priority_rank(number) == rank
