"""Proves which queued runs are shown as waiting in a worker for their host."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from executions.dispatch import dispatch_once
from executions.history import waiting_reasons
from executions.lifecycle import transitions
from executions.models import Run
from executions.worker.waiting import postpone
from tests.factories import NOW, claim, make_job, make_run

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(seconds=1)
HTTP = {"kind": "http", "url": "https://Silent.example.com/hook"}
TEXT = "It waits in a worker until other runs that use silent.example.com have ended"


def waits(run: Run) -> str | None:
    run.refresh_from_db()
    return waiting_reasons([run], LATER).get(run.pk)


def test_a_run_that_a_worker_has_postponed_names_its_host() -> None:
    run = make_run(make_job(target=HTTP))
    assert waits(run) is None, "no worker has received it"
    dispatch_once(NOW, 10)
    assert waits(run) is None, "its message is in the broker"
    postpone([(run.pk, 0)], LATER)
    assert waits(run) == TEXT
    claim(run)
    assert waits(run) is None, "it has started"


def test_the_hosts_of_all_waiting_runs_of_a_list_cost_one_query(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    opened = [make_run(make_job(f"job {n}", target={"kind": "http", "url": f"https://{n}.com"})) for n in range(3)]
    postpone([(run.pk, 0) for run in opened], LATER)
    runs = list(Run.objects.all())
    with django_assert_num_queries(1):
        texts = waiting_reasons(runs, LATER)
    assert sorted(texts) == sorted(run.pk for run in opened)


def test_a_run_that_waits_for_the_broker_does_not_name_its_host() -> None:
    run = make_run(make_job(target=HTTP))
    dispatch_once(NOW, 10)
    transitions.republish_at([(run.pk, 0)], LATER + timedelta(seconds=1))
    assert waits(run) is None


def test_a_run_without_a_share_does_not_wait_for_a_host() -> None:
    run = make_run()
    postpone([(run.pk, 0)], LATER)
    assert waits(run) is None
