"""Registrations at once, as when all nodes of a service start together."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from schedules.models import Job
from schedules.registration import Outcome, register
from tests.concurrency.test_ticks import at_once
from tests.factories import ECHO, HELLO, NOW

pytestmark = pytest.mark.django_db(transaction=True)


def wanted(name: str, **definition: Any) -> dict[str, Any]:
    return {"name": name, "schedule": {"every": "1m"}, "target": ECHO, "payload": HELLO, **definition}


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
