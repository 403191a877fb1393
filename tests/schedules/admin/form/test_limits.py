"""The form's fields for limits and chains become policies and links, and errors find their field again."""

from __future__ import annotations

from typing import Any

import pytest

from access.visibility import ENGINE
from schedules.admin.form.limits import (
    LIMIT_FIELDS,
    LIMIT_PLACES,
    UNSET,
    OtherJobs,
    initial_limits,
    limits_from,
    place_of_link,
    start_after_from,
)
from schedules.policies import JobPolicies

NOTHING = dict.fromkeys(LIMIT_FIELDS, "") | UNSET


@pytest.mark.parametrize(
    ("values", "policies"),
    [
        pytest.param({}, {}, id="nothing set"),
        pytest.param({"priority": "high"}, {"priority": "high"}, id="priority"),
        pytest.param({"pause_after_failures": 0}, {"pause_after_failures": 0}, id="a zero is a value"),
        pytest.param({"pause_after_failures": None}, {}, id="an empty number"),
        pytest.param(
            {"concurrency_limit": 2}, {"concurrency": {"limit": 2, "beyond": "wait"}}, id="a concurrency limit"
        ),
        pytest.param(
            {"concurrency_key": "printer"},
            {"concurrency": {"key": "printer", "beyond": "wait"}},
            id="a concurrency key alone",
        ),
        pytest.param({"concurrency_beyond": "skip"}, {"concurrency": {"beyond": "skip"}}, id="an action alone"),
        pytest.param({"concurrency_limit": 0}, {"concurrency": {"limit": 0, "beyond": "wait"}}, id="a limit of zero"),
        pytest.param(
            {"rate_limit_limit": 5, "rate_limit_per": "2m", "rate_limit_key": "mail"},
            {"rate_limit": {"limit": 5, "per": "2m", "burst": 1, "key": "mail", "beyond": "wait"}},
            id="a rate limit",
        ),
        pytest.param(
            {"rate_limit_burst": 3}, {"rate_limit": {"per": "1m", "burst": 3, "beyond": "wait"}}, id="a burst"
        ),
        pytest.param({"rate_limit_per": ""}, {}, id="an empty period"),
    ],
)
def test_fields_that_differ_from_an_unset_form_become_policies(
    values: dict[str, Any], policies: dict[str, Any]
) -> None:
    assert limits_from(NOTHING | values) == policies


def test_a_new_job_shows_the_default_policies_and_no_limits() -> None:
    initial = initial_limits(None, ENGINE)
    shown = JobPolicies.model_validate(limits_from(initial))
    assert shown == JobPolicies()
    assert initial["after_success"] == initial["after_failure"] == initial["after_completion"] == []


def test_jobs_chosen_for_each_kind_of_end_become_links() -> None:
    values = {"after_success": ["a", "b"], "after_failure": [], "after_completion": ["c"]}
    assert start_after_from(values) == [
        {"job": "a", "on": "success"},
        {"job": "b", "on": "success"},
        {"job": "c", "on": "completion"},
    ]
    assert start_after_from({"after_success": None}) == []


LINKS = [{"job": "a", "on": "success"}, {"job": "b", "on": "failure"}]


@pytest.mark.parametrize(
    ("dotted", "place"),
    [
        ("start_after.0", "start_after.success"),
        ("start_after.1.job", "start_after.failure"),
        ("start_after.2", "start_after.2"),
        ("start_after", "start_after"),
        ("start_after.-1", "start_after.-1"),
        ("start_after.x", "start_after.x"),
        ("policies.1", "policies.1"),
    ],
)
def test_an_error_about_a_link_is_placed_at_the_field_of_its_end(dotted: str, place: str) -> None:
    assert place_of_link(dotted, LINKS) == place


@pytest.mark.parametrize(
    ("dotted", "field"),
    [
        ("policies.priority", "priority"),
        ("policies.concurrency", "concurrency_limit"),
        ("policies.concurrency.key", "concurrency_key"),
        ("policies.rate_limit", "rate_limit_limit"),
        ("policies.rate_limit.limit", "rate_limit_limit"),
        ("policies.rate_limit.per", "rate_limit_per"),
        ("start_after", "after_success"),
        ("start_after.completion", "after_completion"),
    ],
)
def test_an_error_about_a_limit_is_placed_at_its_field(dotted: str, field: str) -> None:
    assert LIMIT_PLACES[dotted] == field


def test_a_choice_of_other_jobs_accepts_ids_that_it_has_not_listed() -> None:
    assert OtherJobs("After", "").clean(["018f0000-0000-7000-8000-000000000000"]) == [
        "018f0000-0000-7000-8000-000000000000"
    ]
