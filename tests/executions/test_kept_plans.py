"""Statements that look at every day: their plans are kept where they may be, and they work where not."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.db import connection

from executions.lifecycle import queries
from tests.factories import NOW, make_job, make_run
from values.database import fetch, fetch_planned

pytestmark = pytest.mark.django_db(transaction=True)


def count_live() -> tuple[UUID, list[tuple[object, ...]]]:
    job = make_job()
    make_run(job, NOW)
    return job.pk, fetch_planned(queries.COUNT_LIVE, {"job_id": [job.pk]})


def n_kept() -> int:
    found: int = fetch("SELECT coalesce(sum(generic_plans), 0) FROM pg_prepared_statements", {})[0][0]
    return found


def test_a_plan_is_made_once() -> None:
    connection.close()
    job_id, found = count_live()
    assert found == [(job_id, 1, 0)]
    assert n_kept() >= 1, "also the first time"


def test_without_prepared_statements_it_is_planned_each_time() -> None:
    connection.close()
    connection.ensure_connection()
    connection.connection.prepare_threshold = None
    job_id, found = count_live()
    assert found == [(job_id, 1, 0)]
    assert n_kept() == 0
    connection.close()
