"""Registrations at once, as when all nodes of a service start together."""

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
from tests.concurrency.test_ticks import at_once
from tests.factories import ECHO, HELLO, NOW
from tests.waiting import wait_until
from values.database import fetch

pytestmark = pytest.mark.django_db(transaction=True)

# somebody waits for a lock of this very transaction
WAITING = "SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"


def wanted(name: str, **definition: Any) -> dict[str, Any]:
    return {"name": name, "schedule": {"every": "1m"}, "target": ECHO, "payload": HELLO, **definition}


def waiting(pool: Executor, **names: str) -> Future[dict[str, Registered]]:
    """Register jobs with these names by key elsewhere, and return when that waits for this transaction."""

    def act() -> dict[str, Registered]:
        try:
            return register({key: wanted(name) for key, name in names.items()}, NOW, actor="tests")
        finally:
            connection.close()

    found = pool.submit(act)
    wait_until(lambda: bool(fetch(WAITING, {})), what="the registration waits")
    return found


def test_nodes_that_register_the_same_jobs_at_once_make_each_once() -> None:
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


def test_a_registration_that_waits_for_a_job_holds_none_that_another_would_take_before_it() -> None:
    first = register({"z": wanted("first")}, NOW, actor="tests")["z"].job
    second = register({"a": wanted("second")}, NOW, actor="tests")["a"].job
    assert first.pk < second.pk
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        queries.lock_free_jobs([first.pk])
        both = waiting(pool, a="2", z="1")
        assert queries.lock_free_jobs([second.pk]) == [second.pk]
    assert [each.outcome for each in both.result().values()] == [Outcome.CHANGED] * 2


def test_a_job_that_is_as_it_is_wanted_is_fired_while_others_are_changed() -> None:
    register({"a": wanted("same"), "b": wanted("old")}, NOW, actor="tests")
    held = Job.objects.get(key="b")
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        queries.lock_free_jobs([held.pk])
        both = waiting(pool, a="same", b="new")
        tick(NOW + timedelta(minutes=1), 10)
        assert Run.objects.filter(job__key="a").exists()
    assert [each.outcome for each in both.result().values()] == [Outcome.UNCHANGED, Outcome.CHANGED]


def test_one_that_is_deleted_before_it_can_be_changed_is_made_anew() -> None:
    job = register({"a": wanted("old")}, NOW, actor="tests")["a"].job
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        definitions.delete(job.pk, NOW, actor="ann")
        again = waiting(pool, a="new")
    assert again.result()["a"].outcome is Outcome.CREATED
    assert list(Job.objects.values_list("key", "name")) == [("a", "new")]
