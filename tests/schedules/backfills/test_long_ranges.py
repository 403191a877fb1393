"""Proves that no range of a backfill costs seconds: the search for its instants is bounded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from schedules.backfills.backfill import preview, start
from schedules.backfills.requests import BackfillRequest
from schedules.clock.effort import MAX_STEPS, SOLAR_DAY_STEPS
from schedules.exceptions import InvalidDefinition
from schedules.models import Backfill, Job
from tests.factories import NOW, make_job

pytestmark = [pytest.mark.django_db, pytest.mark.long]

LONG = BackfillRequest(datetime(1970, 1, 1, tzinfo=UTC), NOW)


def solar(event: str, latitude: float, n_places: int) -> Job:
    specs = [{"solar": event, "latitude": latitude, "longitude": place / 10} for place in range(n_places)]
    return make_job(schedule={"specs": specs} if n_places > 1 else specs[0])


@pytest.mark.parametrize("n_places", [1, 10])
def test_counting_stops_when_the_search_has_taken_its_steps(n_places: int) -> None:
    job = solar("dusk_astronomical", 66.9, n_places)
    found = preview(job, LONG, NOW)
    assert (found.is_more, found.may_start_more) == (True, True)
    assert found.n_would_start == found.n_instants <= MAX_STEPS / SOLAR_DAY_STEPS
    assert found.n_instants <= start(job.pk, LONG, NOW, actor="ann").n_instants <= MAX_STEPS / SOLAR_DAY_STEPS


def test_a_range_whose_search_would_take_too_long_is_refused() -> None:
    job = solar("sunrise", 89.9, 10)  # a few times a year at each place
    for act in (lambda: preview(job, LONG, NOW), lambda: start(job.pk, LONG, NOW, actor="ann")):
        with pytest.raises(InvalidDefinition, match="choose a shorter range") as caught:
            act()
        assert list(caught.value.errors) == ["after"]
    assert not Backfill.objects.exists()
    assert preview(job, BackfillRequest(NOW - timedelta(days=700), NOW), NOW).n_instants >= 10
