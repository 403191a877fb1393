"""Proves that a review takes unreported stoppages first."""

from __future__ import annotations

from datetime import timedelta

import pytest

from schedules.ledger import stoppages
from schedules.ledger.stoppages import review, suspect
from schedules.models import Job, Stoppage, Why
from tests.factories import NOW, make_job

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


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
