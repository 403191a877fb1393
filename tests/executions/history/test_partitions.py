"""Proves how run history is partitioned by day: where rows are, and when days are created and dropped."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection

from executions import runs
from executions.history import partitions
from executions.history.retention import prune_all
from executions.lifecycle import queries, transitions
from executions.lifecycle.types import NewRun
from executions.models import Attempt, LogLine, Run, RunEvent
from executions.tasks import prepare_days
from tests.executions.prepared_days import prepare
from tests.executions.query_plans import most_read
from tests.factories import NOW, end, make_job, make_run

pytestmark = [pytest.mark.long, pytest.mark.django_db]

AT = datetime(2031, 5, 6, 12, 0, tzinfo=UTC)  # far from the days that migrations create
DAY = timedelta(days=1)
TABLES = (Run, Attempt, RunEvent, LogLine)


def places(run: Run) -> set[str]:
    """Return the partitions that hold a run's rows, without the names of the tables."""
    found = set()
    with connection.cursor() as cursor:
        for table, key in partitions.TABLES.items():
            cursor.execute(f"SELECT tableoid::regclass::text FROM {table} WHERE {key} = %s", [run.pk])
            found |= {name.removeprefix(f"{table}_") for (name,) in cursor.fetchall()}
    return found


def ended_run(at: datetime) -> Run:
    """Create a run that ended within a second of `at`, with an attempt, events and a log line."""
    run = end(make_run(make_job(f"at {at}"), at))
    LogLine.objects.create(run=run, attempt=1, at=at, level="info", message="x")
    return run


def test_a_new_database_has_partitions_for_the_next_days() -> None:
    today = datetime.now(UTC).date()
    assert {today, today + DAY, today + 6 * DAY} <= partitions.existing()


def test_rows_move_from_other_into_a_new_partition() -> None:
    run, later = ended_run(AT), ended_run(AT + 30 * DAY)
    assert places(run) == {"other"}
    assert prepare(AT) == partitions.DAYS_AHEAD + 1
    assert (places(run), places(later)) == ({"20310506"}, {"other"})
    run.refresh_from_db()
    assert (run.attempts.count(), run.events.count(), run.log_lines.count()) == (1, 3, 1)
    assert partitions.prepare(AT) == 0, "nothing is created twice"


@pytest.mark.parametrize("prepared", [True, False])
def test_an_occurrence_has_one_row_in_any_partition(prepared: bool) -> None:
    job = make_job()
    if prepared:
        prepare(AT)
    new = NewRun(scope_id=job.scope_id, job_id=job.pk, spec_id=job.spec_id, nominal_at=AT)
    assert len(runs.open_scheduled([new, new], AT, published=True)) == 1
    assert not runs.open_scheduled([new], AT, published=True)
    if not prepared:
        prepare(AT)
        assert not runs.open_scheduled([new], AT, published=True), "nor after the row was moved"


def is_dropped(before: datetime) -> bool:
    """Drop the days that ended before `before`. Returns whether the day of AT was dropped."""
    partitions.drop_old(before)
    return AT.date() not in partitions.existing()


def test_a_day_is_dropped_when_all_its_runs_ended_long_enough_ago() -> None:
    prepare(AT)
    run, next_day = ended_run(AT), ended_run(AT + DAY)
    assert not is_dropped(AT + timedelta(hours=11)), "the day is not over"
    assert is_dropped(AT + timedelta(hours=12))
    assert not Run.objects.filter(pk=run.pk).exists()
    assert [table.objects.count() > 0 for table in TABLES] == [True] * 4, "the next day is still there"
    next_day.refresh_from_db()


def test_a_day_with_a_live_or_recently_ended_run_is_not_dropped() -> None:
    prepare(AT)
    live = make_run(make_job(), AT)
    assert not is_dropped(AT + 5 * DAY)
    end(live, now=AT + 4 * DAY)
    assert not is_dropped(AT + 3 * DAY)
    assert is_dropped(AT + 5 * DAY)


def test_a_day_that_got_a_new_run_is_not_dropped() -> None:
    prepare(AT)
    late = make_run(make_job(), AT)
    assert not partitions._drop(AT.date(), AT + 5 * DAY)
    end(late, now=AT + DAY)
    assert partitions._drop(AT.date(), AT + 5 * DAY)


def test_two_housekeepings_drop_a_day_once(monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(AT)
    existing = partitions.existing
    earlier = {day for day in existing() if day < AT.date()}

    def existed() -> set[date]:
        monkeypatch.undo()
        days = existing()
        assert partitions._drop(AT.date(), AT + DAY)
        return days

    monkeypatch.setattr(partitions, "existing", existed)
    assert partitions.drop_old(AT + DAY) == len(earlier)
    assert AT.date() not in existing()


def test_a_late_run_of_a_dropped_day_is_kept_until_it_is_old() -> None:
    prepare(AT)
    assert is_dropped(AT + DAY)
    late = make_run(make_job(), AT)
    end(late, now=AT + 9 * DAY)
    assert places(late) == {"other"}
    assert partitions.prepare(AT + DAY) == 1, "the dropped day is not created again, but the one after the last"
    prune_all(AT + 16 * DAY - timedelta(minutes=1), 7 * DAY, 10)
    assert places(late) == {"other"}
    prune_all(AT + 16 * DAY + timedelta(minutes=1), 7 * DAY, 10)
    assert not places(late)


def test_a_day_with_too_many_rows_to_move_stays_in_other(monkeypatch: pytest.MonkeyPatch) -> None:
    run = ended_run(AT)
    monkeypatch.setattr(partitions, "MAX_MOVED_ROWS", 2)  # events of a run: three
    assert partitions.prepare(AT) == partitions.DAYS_AHEAD, "the other days are created"
    assert places(run) == {"other"}


def test_housekeeping_creates_the_partitions_of_the_next_days() -> None:
    assert prepare_days() == 0, "the migrations have created them"
    last = max(partitions.existing())
    assert partitions._drop(last, datetime.now(UTC) + 30 * DAY)
    assert prepare_days() == 1
    assert last in partitions.existing()


def test_a_lookup_by_id_reads_one_partition() -> None:
    prepare(AT)
    run = make_run(make_job(), AT + DAY)
    with connection.cursor() as cursor:
        for table, key in partitions.TABLES.items():
            cursor.execute(f"EXPLAIN SELECT * FROM {table} WHERE {key} = %s", [run.pk])
            plan = "\n".join(line for (line,) in cursor.fetchall())
            assert f"{table}_20310507" in plan and plan.count(" on ") <= 2, plan


@pytest.mark.parametrize("statement", [queries.CLAIM, queries.RENEW, queries.REPUBLISH_AT])
def test_a_statement_with_run_ids_reads_only_the_partitions_of_these_runs(statement: str) -> None:
    prepare(AT)
    created = [make_run(make_job(), AT + DAY), make_run(make_job("another"), AT + 2 * DAY)]
    values = transitions._claim_values([(run.pk, 0) for run in created])
    at = {"now": AT, "until": AT, "lease_expires_at": AT, "worker": "tests"}
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {statement}", values | at)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert set(re.findall(r" on executions_run_(\d+) ", plan)) == {"20310507", "20310508"}, plan


@pytest.mark.parametrize("statement", [queries.CLAIM, queries.RENEW, queries.REPUBLISH_AT])
def test_a_statement_with_run_ids_reads_only_these_rows_on_a_new_day(statement: str) -> None:
    prepare(AT)
    job = make_job()
    new = NewRun(scope_id=job.scope_id, job_id=job.pk, spec_id=job.spec_id, nominal_at=AT)
    many = [replace(new, nominal_at=AT + timedelta(microseconds=number)) for number in range(20_000)]
    ids = list(runs.open_scheduled(many, AT, published=True).values())
    assert len(ids) == len(many)
    values = transitions._claim_values([(run_id, 0) for run_id in ids[::2000]])
    at = {"now": AT, "until": AT, "lease_expires_at": AT, "worker": "tests"}
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values | at)
        ((plan,),) = cursor.fetchall()
    plan = json.loads(plan) if isinstance(plan, str) else plan
    assert most_read(plan[0]["Plan"]) <= 20, json.dumps(plan, indent=1)


def test_a_locked_day_is_left_for_the_next_housekeeping(transactional_db: None) -> None:
    assert NOW  # unused otherwise; the rows of this test are committed
    day = datetime.now(UTC) + 40 * DAY
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN; LOCK TABLE executions_run_other IN ACCESS SHARE MODE")
            cursor.execute("LOCK TABLE executions_logline_other IN ACCESS EXCLUSIVE MODE")
            assert partitions.prepare(day) == 0
            cursor.execute("ROLLBACK")
        assert partitions.prepare(day) == partitions.DAYS_AHEAD + 1
    finally:
        other.close()
        far = {at for at in partitions.existing() if at >= day.date()}
        partitions._each_day(far, lambda at: partitions._drop(at, day + 90 * DAY), partitions.MAX_LOCK_TIME)
