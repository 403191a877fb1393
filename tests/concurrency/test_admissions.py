"""Proves that concurrency limits hold when two transactions admit runs at the same time."""

from __future__ import annotations

import threading

import pytest
from django.db import transaction

from executions.lifecycle.admission import admit
from tests.concurrency.threads import at_once
from tests.executions.lifecycle.held_runs import created, limited, statuses
from tests.factories import NOW

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_admission_waits_for_another_one_of_the_same_key() -> None:
    keyed = {"limit": 1, "key": "printer"}
    first, urgent = created(limited("first", concurrency=keyed)), limited("urgent", concurrency=keyed, priority="high")
    admitted, over = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            assert admit([], [first.concurrency_key], [], NOW).n_decided == 1
            admitted.set()
            assert not over.wait(0.3), "the other did not wait"

    def come_later() -> None:
        assert admitted.wait(5)
        run = created(urgent)
        with transaction.atomic():
            assert admit([run.job_id], [run.concurrency_key], [], NOW).n_decided == 0
        over.set()
        assert statuses(first, run) == ["queued", "held"]

    at_once(2, lambda number: (hold, come_later)[number]())
