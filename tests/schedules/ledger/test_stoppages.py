"""Proves which stoppages a review takes first, and which database errors end a review."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from structlog.testing import capture_logs

from schedules.ledger import stoppages, watchdog
from schedules.ledger.stoppages import review, suspect
from schedules.models import Job, Stoppage, Why
from tests.factories import NOW, make_job
from tests.poison import poison

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
DEADLOCK = "40P01"


def away(*_: object) -> None:
    raise OperationalError("the server closed the connection unexpectedly")


def test_a_review_with_too_many_open_stoppages_takes_unreported_ones_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stoppages, "MAX_STOPPAGES_PER_REVIEW", 1)
    old, new = make_job("old"), make_job("new")
    Job.objects.update(schedule={"kind": "of another version"}, next_run_at=None)
    for minute, job in enumerate((old, new)):
        suspect(Why.NO_NEXT, [(job.pk, NOW)], NOW + minute * MINUTE)
        assert review(NOW + minute * MINUTE).n_raised == 1
    assert list(Stoppage.objects.order_by("found_at").values_list("job_id", "raised_at", "over_at")) == [
        (old.pk, NOW, None),
        (new.pk, NOW + MINUTE, None),
    ]


def test_a_deadlock_in_one_stoppage_does_not_keep_the_others_from_being_reported() -> None:
    bad, good = make_job("bad"), make_job("good")
    Job.objects.update(schedule={"kind": "of another version"}, next_run_at=None)
    suspect(Why.NO_NEXT, [(bad.pk, NOW)], NOW)
    suspect(Why.NO_NEXT, [(good.pk, NOW)], NOW + MINUTE)
    poison("schedules_stoppage", "job_id", bad.pk, on="UPDATE", sqlstate=DEADLOCK)
    assert review(NOW + MINUTE).n_raised == 1
    assert list(Stoppage.objects.filter(raised_at=NOW + MINUTE).values_list("job_id", flat=True)) == [good.pk]


def test_an_unavailable_database_ends_the_review(monkeypatch: pytest.MonkeyPatch) -> None:
    suspect(Why.NO_NEXT, [(make_job().pk, NOW)], NOW)
    monkeypatch.setattr(stoppages, "_review_one", away)
    monkeypatch.setattr(connection, "is_usable", lambda: False)
    with capture_logs() as logs, pytest.raises(OperationalError):
        review(NOW + MINUTE)
    assert not logs


def test_an_unavailable_database_ends_the_comparison_of_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    make_job()
    monkeypatch.setattr(watchdog, "_window", away)
    monkeypatch.setattr(connection, "is_usable", lambda: False)
    with capture_logs() as logs, pytest.raises(OperationalError):
        watchdog.watch_once(NOW + MINUTE, 100)
    assert not logs
