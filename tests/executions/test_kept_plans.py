"""Proves that `fetch_planned` keeps a generic plan, and works without prepared statements."""

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


def test_a_generic_plan_is_kept_from_the_first_execution() -> None:
    connection.close()
    job_id, found = count_live()
    assert found == [(job_id, 1, 0)]
    assert n_kept() >= 1, "the first execution too"


def test_without_prepared_statements_no_plan_is_kept() -> None:
    connection.close()
    connection.ensure_connection()
    connection.connection.prepare_threshold = None
    job_id, found = count_live()
    assert found == [(job_id, 1, 0)]
    assert n_kept() == 0
    connection.close()
