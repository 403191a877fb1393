"""Proves how SQL is run, how a failing batch is split down to its failing keys, and what a log says about an error."""

from __future__ import annotations

import select
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID
from weakref import WeakSet

import psycopg
import pytest
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    connection,
    transaction,
)
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from access.models import Scope
from executions.states import RunStatus
from tests.waiting import wait_until
from values import database

if TYPE_CHECKING:
    from collections.abc import Sequence

ID = UUID("01935b7e-0000-7000-8000-000000000001")


@pytest.mark.parametrize(
    ("values", "literal"),
    [
        ([], "{}"),
        ([1, 2], "{1,2}"),
        ([None], "{NULL}"),
        ([1, None, 2], "{1,NULL,2}"),
        ([0], "{0}"),
        ([""], '{""}'),
        ([ID], f"{{{ID}}}"),
        ([RunStatus.HELD], "{held}"),
    ],
    ids=["empty", "numbers", "null", "null between numbers", "zero", "empty text", "id", "enum value"],
)
def test_an_array_literal_keeps_each_value_in_its_place(values: list[object], literal: str) -> None:
    assert database.array(values) == literal


@pytest.mark.django_db
def test_postgresql_reads_an_array_literal_back_as_the_same_values() -> None:
    at = datetime(2026, 11, 20, 12, 0, 0, 125, tzinfo=UTC)
    texts, instants = database.array(["", None, "held"]), database.array([at, None])

    rows = database.fetch(
        "SELECT %(texts)s::text[], %(instants)s::timestamptz[]", {"texts": texts, "instants": instants}
    )

    assert rows == [(["", None, "held"], [at, None])]


@pytest.mark.django_db
@pytest.mark.parametrize("fetch", [database.fetch, database.fetch_planned], ids=lambda fetch: fetch.__name__)
def test_a_fetched_time_is_aware_and_in_utc(fetch: object) -> None:
    assert callable(fetch)
    rows = fetch("SELECT %(at)s::timestamptz, %(n)s::int", {"at": "2026-11-20T14:00:00+02:00", "n": 7})

    assert rows == [(datetime(2026, 11, 20, 12, 0, tzinfo=UTC), 7)]
    assert rows[0][0].utcoffset() == datetime(2026, 1, 1, tzinfo=UTC).utcoffset()


def prepare_statements(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this connection prepare statements, as if it had run no planned statement yet."""
    connection.ensure_connection()
    monkeypatch.setattr(connection.connection, "prepare_threshold", 5)
    monkeypatch.setattr(database, "_generic_plans", WeakSet())


@pytest.mark.django_db
def test_a_planned_statement_in_a_transaction_changes_no_plan_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    prepare_statements(monkeypatch)
    database.fetch_planned("SELECT 1", {})

    assert database.fetch("SHOW plan_cache_mode", {}) == [("auto",)]


@pytest.mark.django_db(transaction=True)
def test_a_planned_statement_sets_generic_plans_once_for_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    prepare_statements(monkeypatch)
    with CaptureQueriesContext(connection) as captured:
        database.fetch_planned("SELECT 1", {})
        database.fetch_planned("SELECT 1", {})

    assert database.fetch("SHOW plan_cache_mode", {}) == [("force_generic_plan",)]
    assert len([query for query in captured.captured_queries if query["sql"].startswith("SET")]) == 1
    connection.close()


@pytest.mark.django_db
def test_execute_returns_the_number_of_changed_rows() -> None:
    for name in ("a", "b", "c"):
        Scope.objects.create(kind="tenant", tenant=name)

    changed = database.execute("DELETE FROM access_scope WHERE tenant = ANY(%(names)s)", {"names": ["a", "c", "x"]})

    assert changed == 2
    assert list(Scope.objects.exclude(tenant="").values_list("tenant", flat=True)) == ["b"]


class Batch:
    """Creates a scope for each key, and fails after the statements of a batch that contains a bad key."""

    def __init__(self, *bad: str) -> None:
        self.bad, self.calls = bad, 0

    def __call__(self, keys: Sequence[str]) -> list[str]:
        self.calls += 1
        for key in keys:
            Scope.objects.create(kind="tenant", tenant=key)
        if failing := [key for key in keys if key in self.bad]:
            raise IntegrityError(failing[0])
        return list(keys)


def stored() -> list[str]:
    return list(Scope.objects.exclude(tenant="").order_by("pk").values_list("tenant", flat=True))


@pytest.mark.django_db
def test_a_batch_without_a_failing_key_is_one_call() -> None:
    batch = Batch()

    assert database.split_on_failure(batch, ["a", "b", "c"]) == ([["a", "b", "c"]], {})
    assert batch.calls == 1


@pytest.mark.django_db
@pytest.mark.parametrize("bad", ["a", "d", "h"], ids=["first", "middle", "last"])
def test_one_failing_key_is_found_and_the_others_are_written_once(bad: str) -> None:
    keys = list("abcdefgh")
    batch = Batch(bad)

    done, failed = database.split_on_failure(batch, keys)

    others = [key for key in keys if key != bad]
    assert [key for part in done for key in part] == stored() == others
    assert {key: str(error) for key, error in failed.items()} == {bad: bad}
    assert batch.calls == 7  # 1 for all, and 2 for each of three halvings


@pytest.mark.django_db
def test_each_of_several_failing_keys_gets_its_own_error() -> None:
    done, failed = database.split_on_failure(Batch("a", "e"), list("abcde"))

    assert [key for part in done for key in part] == stored() == ["b", "c", "d"]
    assert {key: str(error) for key, error in failed.items()} == {"a": "a", "e": "e"}


@pytest.mark.django_db
def test_an_error_for_an_empty_batch_fails_no_key() -> None:
    def fail(keys: Sequence[str]) -> None:
        raise DataError("always")

    assert database.split_on_failure(fail, []) == ([], {})


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("lost_by", ["the server", "the client", "the batch before"])
def test_no_key_is_blamed_for_a_connection_that_is_lost(lost_by: str) -> None:
    calls = 0

    def lose_connection(keys: Sequence[str]) -> None:
        nonlocal calls
        calls += 1
        match lost_by:
            case "the server":
                database.execute("SELECT pg_terminate_backend(pg_backend_pid())", {})
            case "the client":
                connection.connection.close()
                database.execute("SELECT 1", {})
            case _:
                connection.close()
                raise ValueError("an error that a lost connection caused elsewhere")

    with pytest.raises((OperationalError, InterfaceError, ValueError)):
        database.split_on_failure(lose_connection, ["a", "b"])
    assert calls == 1, "the batch was split"


@pytest.mark.django_db(transaction=True)
def test_a_lost_connection_is_known_by_its_error_on_a_new_connection() -> None:
    with pytest.raises(OperationalError, match="terminating connection") as terminated, transaction.atomic():
        database.execute("SELECT pg_terminate_backend(pg_backend_pid())", {})

    assert connection.is_usable(), "Django opens a new connection at the end of the transaction"
    assert database.is_database_unavailable(terminated.value)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("SELECT 1/0", DataError),
        ("SET LOCAL statement_timeout = 1; SELECT pg_sleep(5)", OperationalError),
        ("DO $$ BEGIN RAISE deadlock_detected; END $$", OperationalError),
        ("DO $$ BEGIN RAISE disk_full; END $$", OperationalError),
    ],
    ids=["division by zero", "timeout", "deadlock", "full disk"],
)
def test_a_statement_that_fails_does_not_make_the_database_unavailable(statement: str, error: type[Exception]) -> None:
    with pytest.raises(error) as failed, transaction.atomic():
        database.execute(statement, {})

    assert not database.is_database_unavailable(failed.value)


@pytest.mark.django_db
def test_an_error_names_the_lost_connection_through_all_its_causes() -> None:
    error = OperationalError("a rollback failed")
    error.__cause__ = InterfaceError("the cause")
    error.__cause__.__cause__ = psycopg.errors.lookup("57P01")()

    assert database.is_database_unavailable(error)


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_was_idle_for_too_long_is_no_outage() -> None:
    with pytest.raises(DatabaseError) as ended, transaction.atomic():
        database.execute("SET LOCAL idle_in_transaction_session_timeout = 1", {})
        wait_until(lambda: is_ended(connection.connection), what="the end of the idle transaction")
        database.execute("SELECT 1", {})

    assert not database.is_database_unavailable(ended.value)


def is_ended(used: psycopg.Connection[object]) -> bool:
    """Whether the server has sent its last message and closed the connection."""
    return bool(select.select([used.fileno()], [], [], 0)[0])


@pytest.mark.django_db
@pytest.mark.parametrize("code", ["08006", "57P01", "57P02", "57P03", "57P05", "53300"])
def test_codes_of_lost_and_refused_connections_make_the_database_unavailable(code: str) -> None:
    fault = psycopg.errors.lookup(code)()

    assert database.is_database_unavailable(fault)


@pytest.mark.parametrize(
    ("done", "n_failed", "expected"),
    [([], 2, True), ([], 1, False), ([], 0, False), ([["x"]], 2, False)],
    ids=["two of two", "one of one", "none", "two of three"],
)
def test_only_several_keys_that_all_fail_point_at_the_database(
    done: list[object], n_failed: int, expected: bool
) -> None:
    failed: dict[int, Exception] = {key: DataError() for key in range(n_failed)}

    assert database.every_key_failed(done, failed) is expected


@pytest.mark.parametrize(
    "error", [OperationalError("gone\n  away"), InterfaceError("gone away")], ids=["server", "client"]
)
@pytest.mark.parametrize(("is_away", "event"), [(True, "database_away"), (False, "statement_failed")])
def test_a_retryable_error_is_logged_in_one_line_and_not_raised(
    error: Exception, is_away: bool, event: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "is_database_unavailable", lambda _: is_away)
    with capture_logs() as logs, database.log_retryable_errors("prune"):
        raise error

    assert logs == [{"event": event, "action": "prune", "error": "gone away", "log_level": "warning"}]


@pytest.mark.parametrize("error", [DataError("wrong"), ValueError("wrong")], ids=["statement", "code"])
def test_any_other_error_is_raised_and_not_logged_as_an_outage(error: Exception) -> None:
    with capture_logs() as logs, pytest.raises(type(error), match="wrong"), database.log_retryable_errors("prune"):
        raise error

    assert logs == []


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("a\nb\t c "), "a b c"),
        (ValueError(), "ValueError"),
        (ValueError("  \n "), "ValueError"),
        (KeyError("job"), "'job'"),
        (psycopg.OperationalError(), "OperationalError"),
    ],
    ids=["several lines", "no message", "blank message", "key", "database error"],
)
def test_an_error_becomes_one_line(error: Exception, text: str) -> None:
    assert database.one_line(error) == text


@pytest.mark.long
@settings(max_examples=50)
@given(st.text())
def test_a_logged_error_never_has_a_line_break_and_is_never_empty(message: str) -> None:
    text = database.one_line(ValueError(message))

    assert text.splitlines() == [text]
