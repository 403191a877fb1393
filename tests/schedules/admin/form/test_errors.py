"""Proves that each error of a definition has its place in the job form."""

from __future__ import annotations

from schedules.admin.form.changes import OPENED
from schedules.admin.form.errors import PLACES, TARGET_PLACES, place_of
from tests.job_form import EngineJobForm


def test_every_field_of_the_form_has_a_place_in_the_definition() -> None:
    of_targets = {field for places in TARGET_PLACES.values() for field in places.values()}
    assert set(PLACES.values()) | of_targets == set(EngineJobForm.base_fields) - {OPENED} | {"name", "description"}


def test_an_error_of_a_nested_value_belongs_to_the_nearest_field_above_it() -> None:
    assert place_of("target.headers.X-Token", "http") == ("headers", "X-Token")
    assert place_of("target.name", "http") == ("target_kind", "name")
    assert place_of("payload.day") == ("payload", "day")
    assert place_of("policies.retry.delay") == ("delay", "")
    assert place_of("nothing.known") == (None, "nothing.known")
