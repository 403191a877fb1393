"""Proves that concurrent registrations create each job once and do not deadlock."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from executions.models import Run
from schedules import queries
from schedules.jobs import definitions
from schedules.jobs.registration import Outcome, Registered, register
from schedules.models import Job
from schedules.tick import tick
from tests.concurrency.threads import at_once
from tests.factories import ECHO, HELLO, NOW
from tests.waiting import wait_until
from values.database import fetch

pytestmark = pytest.mark.django_db(transaction=True)

# Rows if another transaction waits for a lock of this one.
WAITING = "SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"


def wanted(name: str, **definition: Any) -> dict[str, Any]:
    return {"name": name, "schedule": {"every": "1m"}, "target": ECHO, "payload": HELLO, **definition}


def waiting(pool: Executor, **names: str) -> Future[dict[str, Registered]]:
    """Register jobs (key=name) in another thread. Return when the registration waits for a lock of this transaction."""

    def act() -> dict[str, Registered]:
        try:
            return register({key: wanted(name) for key, name in names.items()}, NOW, actor="tests")
        finally:
            connection.close()

    found = pool.submit(act)
    wait_until(lambda: bool(fetch(WAITING, {})), what="the registration waits")
    return found


@pytest.mark.long
def test_nodes_that_register_the_same_jobs_create_each_job_once() -> None:
    keys = [f"job-{number}" for number in range(60)]
    register({key: wanted("as it was") for key in keys[:20]}, NOW, actor="tests")

    def act(number: int) -> list[Outcome]:
        mine, found = random.Random(number).sample(keys, len(keys)), []
        for start in range(0, len(mine), 20):
            batch = {key: wanted(key) for key in mine[start : start + 20]}
            found += [each.outcome for each in register(batch, NOW, actor=f"node {number}").values()]
        return found

    done = at_once(6, act)
    assert Counter(outcome for each in done for outcome in each) == {
        Outcome.CREATED: 40,
        Outcome.CHANGED: 20,
        Outcome.UNCHANGED: 6 * 60 - 60,
    }
    assert sorted(Job.objects.values_list("key", "name")) == sorted((key, key) for key in keys)


def test_a_waiting_registration_holds_no_lock_of_a_later_job() -> None:
    first = register({"z": wanted("first")}, NOW, actor="tests")["z"].job
    second = register({"a": wanted("second")}, NOW, actor="tests")["a"].job
    assert first.pk < second.pk
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        queries.lock_free_jobs([first.pk])
        both = waiting(pool, a="2", z="1")
        assert queries.lock_free_jobs([second.pk]) == [second.pk]
    assert [each.outcome for each in both.result().values()] == [Outcome.CHANGED] * 2


def test_a_registration_does_not_lock_unchanged_jobs() -> None:
    register({"a": wanted("same"), "b": wanted("old")}, NOW, actor="tests")
    held = Job.objects.get(key="b")
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        queries.lock_free_jobs([held.pk])
        both = waiting(pool, a="same", b="new")
        tick(NOW + timedelta(minutes=1), 10)
        assert Run.objects.filter(job__key="a").exists()
    assert [each.outcome for each in both.result().values()] == [Outcome.UNCHANGED, Outcome.CHANGED]


def test_a_job_deleted_during_its_registration_is_created_again() -> None:
    job = register({"a": wanted("old")}, NOW, actor="tests")["a"].job
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        definitions.delete(job.pk, NOW, actor="ann")
        again = waiting(pool, a="new")
    assert again.result()["a"].outcome is Outcome.CREATED
    assert list(Job.objects.values_list("key", "name")) == [("a", "new")]
