"""The policies of a job accept values within their limits and refuse those that contradict each other."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from schedules.policies import CatchUpPolicy, JobPolicies, find_conflicts


def read(**policies: Any) -> JobPolicies:
    return JobPolicies.model_validate(policies)


def refusals(**policies: Any) -> list[str]:
    """Return the messages of the errors of these policies; an empty list if they are accepted."""
    try:
        read(**policies)
    except ValidationError as error:
        return [each["msg"] for each in error.errors()]
    return []


@pytest.mark.parametrize(
    ("longest", "too_long", "message"),
    [
        pytest.param(
            {"catch_up": {"max_age": "366d"}}, {"catch_up": {"max_age": "366d1s"}}, "max_age must be 366d", id="max_age"
        ),
        pytest.param(
            {"catch_up": {"pace": "1d"}}, {"catch_up": {"pace": "24h1ms"}}, "pace must be 1d or less.", id="pace"
        ),
        pytest.param({"jitter": "1d"}, {"jitter": "86401"}, "jitter must be 1d or less.", id="jitter"),
        pytest.param(
            {"catch_up": {"max_runs": 10_000}}, {"catch_up": {"max_runs": 10_001}}, "less than or equal", id="max_runs"
        ),
        pytest.param(
            {"pause_after_failures": 100}, {"pause_after_failures": 101}, "less than or equal", id="failures in a row"
        ),
        pytest.param(
            {"feature_flag": "f" * 100}, {"feature_flag": "f" * 101}, "at most 100 characters", id="name of a flag"
        ),
    ],
)
def test_a_policy_may_be_as_large_as_its_limit_and_no_larger(
    longest: dict[str, Any], too_long: dict[str, Any], message: str
) -> None:
    assert refusals(**longest) == []
    (refusal,) = refusals(**too_long)
    assert message in refusal


@pytest.mark.parametrize(
    "policies",
    [
        {"catch_up": {"max_runs": 0}},
        {"catch_up": {"max_runs": True}},
        {"catch_up": {"max_runs": "5"}},
        {"pause_after_failures": 0},
        {"pause_after_failures": 1.0},
        {"catch_up": {"mode": "some"}},
        {"catch_up": {"grace": "5m"}},
        {"colour": "red"},
    ],
    ids=str,
)
def test_a_policy_of_the_wrong_type_or_name_is_refused(policies: dict[str, Any]) -> None:
    assert len(refusals(**policies)) == 1


@pytest.mark.parametrize("name", ["new-billing", "a", "0", "v1.2_b-c", "Z9"])
def test_the_name_of_a_flag_may_stand_in_a_url(name: str) -> None:
    assert refusals(feature_flag=name) == []


@pytest.mark.parametrize("name", ["", "-a", ".a", "_a", "a b", "a/b", "ä", "a\n", "a%20b"])
def test_a_name_of_a_flag_that_a_url_must_escape_is_refused(name: str) -> None:
    assert len(refusals(feature_flag=name)) == 1


def test_missed_occurrences_start_one_second_apart_unless_a_pace_is_given() -> None:
    assert CatchUpPolicy().between_starts == timedelta(seconds=1)
    assert read(catch_up={"pace": "5m"}).catch_up.between_starts == timedelta(minutes=5)


def test_delivery_at_most_once_replaces_the_default_of_retries_by_none() -> None:
    assert read(delivery="at_most_once").retry.max_retries == 0
    kept = read(delivery="at_most_once", retry={"backoff": "fixed"}).retry
    assert (kept.max_retries, kept.backoff) == (0, "fixed")
    assert read(delivery="at_least_once").retry.max_retries == 3


def test_delivery_at_most_once_refuses_retries_that_are_asked_for() -> None:
    (refusal,) = refusals(delivery="at_most_once", retry={"max_retries": 3})
    assert "set retry.max_retries to 0" in refusal
    assert refusals(delivery="at_most_once", retry={"max_retries": 0}) == []


@pytest.mark.parametrize(
    ("policies", "is_needed"),
    [
        ({}, False),
        ({"overlap": "skip"}, False),
        ({"overlap": "allow"}, False),
        ({"overlap": "terminate_other"}, False),
        ({"overlap": "buffer_one"}, True),
        ({"overlap": "buffer_all"}, True),
        ({"overlap": "cancel_other"}, True),
        ({"pause_after_failures": 1}, True),
    ],
    ids=str,
)
def test_an_end_needs_a_follow_up_if_a_run_waits_for_it_or_failures_count(
    policies: dict[str, Any], is_needed: bool
) -> None:
    assert read(**policies).needs_followups is is_needed


def conflicts(*, has_schedule: bool = True, **policies: Any) -> list[str]:
    found = find_conflicts(read(**policies), has_schedule=has_schedule)
    assert all(text.startswith(f"{name.rpartition('.')[2]} ") for name, text in found.items()), found
    return list(found)


def test_policies_at_their_defaults_are_never_in_conflict() -> None:
    defaults = JobPolicies().model_dump(mode="json")
    for has_schedule in (True, False):
        assert conflicts(has_schedule=has_schedule, **defaults) == []


def test_without_a_schedule_every_changed_policy_of_missed_occurrences_is_named() -> None:
    catch_up = {"mode": "all", "max_age": "2h", "max_runs": 5, "pace": "2s"}
    named = conflicts(has_schedule=False, catch_up=catch_up, jitter="5s")
    assert named == ["catch_up.mode", "catch_up.max_age", "catch_up.max_runs", "catch_up.pace", "jitter"]
    assert conflicts(catch_up=catch_up, jitter="5s") == []


def test_mode_skip_makes_max_runs_and_pace_useless_but_not_max_age() -> None:
    assert conflicts(catch_up={"mode": "skip", "max_age": "2h", "max_runs": 5, "pace": "2s"}) == [
        "catch_up.max_runs",
        "catch_up.pace",
    ]
    assert conflicts(catch_up={"mode": "last", "max_runs": 5, "pace": "2s"}) == []


@pytest.mark.parametrize(("burst", "named"), [(10, []), (11, ["rate_limit.burst"])], ids=["equal", "one more"])
def test_a_burst_may_be_as_large_as_the_rate_limit_and_no_larger(burst: int, named: list[str]) -> None:
    rate = {"limit": 10, "per": "1m", "burst": burst}
    assert conflicts(rate_limit=rate) == named
    assert conflicts(has_schedule=False, rate_limit=rate) == named
