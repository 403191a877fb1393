"""Proves that the ledger stops a search that would take too long, and says from when on entries are left out."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from schedules.clock.compare import Decision
from schedules.clock.effort import Effort
from schedules.clock.zones.zones import LAST_AT
from schedules.ledger import account
from tests.factories import NOW, make_job
from tests.staff import page_of

if TYPE_CHECKING:
    from tests.documented import DocumentedClient
    from tests.staff import StaffClient

pytestmark = pytest.mark.django_db

POLAR = {"solar": "sunrise", "latitude": 89.5, "longitude": 15}


def polar_sunrises(count: int) -> list[dict[str, Any]]:
    return [{"solar": "sunrise", "latitude": 86 + number / 5, "longitude": number} for number in range(count)]


def test_a_search_that_stops_leads_to_a_next_page_that_continues_it() -> None:
    job = make_job(schedule=POLAR)
    first = account.explain(job.pk, NOW, LAST_AT, NOW, limit=1000, effort=Effort(2_000))
    assert first.counts is None
    assert first.next_at == first.stopped_at == first.entries[-1].at
    assert first.next_at is not None
    second = account.explain(job.pk, first.next_at, LAST_AT, NOW, limit=1000, effort=Effort(2_000))
    whole = account.explain(job.pk, NOW, second.entries[-1].at, NOW, limit=1000)
    assert [entry.at for entry in first.entries + second.entries] == [entry.at for entry in whole.entries]
    assert (whole.stopped_at, whole.next_at) == (None, None)


def test_a_full_page_comes_before_the_end_of_the_search() -> None:
    job = make_job(schedule=POLAR)
    page = account.explain(job.pk, NOW, LAST_AT, NOW, limit=2, effort=Effort(2_000))
    assert len(page.entries) == 2
    assert page.next_at == page.entries[-1].at
    assert page.stopped_at is not None
    assert page.stopped_at > page.next_at


def test_a_search_without_a_first_entry_has_no_next_page() -> None:
    job = make_job(schedule=POLAR)
    page = account.explain(job.pk, NOW, LAST_AT, NOW, limit=10, effort=Effort(10))
    assert (page.entries, page.next_at, page.stopped_at) == ([], None, NOW)


def test_eight_thousand_years_of_twenty_polar_sunrises_are_searched_up_to_the_limit() -> None:
    job = make_job(schedule={"specs": polar_sunrises(20)})
    effort = Effort()
    page = account.explain(job.pk, NOW, LAST_AT, NOW, limit=1000, effort=effort)
    assert effort.left < 0
    assert len(page.entries) > 200


def test_instants_beyond_max_runs_are_not_searched() -> None:
    job = make_job(schedule={"every": "1s", "max_runs": 5})
    effort = Effort()
    page = account.explain(job.pk, NOW, LAST_AT, NOW, limit=1000, effort=effort)
    assert page.counts == {Decision.UPCOMING: 5}
    assert Effort().left - effort.left < 10


def test_the_api_says_from_when_on_entries_are_left_out(api: DocumentedClient) -> None:
    job = make_job(schedule={"specs": polar_sunrises(20)})
    window = {"after": NOW.isoformat(), "until": "9997-01-01T00:00:00Z", "limit": "2"}
    body = api.get(f"/api/v1/jobs/{job.pk}/explain", window).json()
    assert body["left_out"].startswith("Entries later than 2")
    assert body["left_out"].endswith(
        "are left out, because it takes too long to find them: request the next page, or a shorter window."
    )
    assert body["counts"] is None
    assert "after=" in body["next"]
    soon = {"after": NOW.isoformat(), "until": (NOW + timedelta(days=400)).isoformat()}
    assert api.get(f"/api/v1/jobs/{job.pk}/explain", soon).json()["left_out"] is None


@pytest.mark.filterwarnings("ignore:No directory at:UserWarning")
def test_the_page_of_a_search_that_stops_says_that_the_window_is_too_long(admin: StaffClient) -> None:
    job = make_job(schedule={"specs": polar_sunrises(20)})
    window = {"after": "2026-11-20T00:00", "until": "9998-01-01T00:00"}
    text = page_of(admin.get(f"/admin/schedules/job/{job.pk}/explain/", window))
    assert "The window is too long to check all occurrences: choose a shorter window." in text
