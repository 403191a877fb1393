"""Proves what a reader of stored JSON returns: the value, or the reason why it cannot be read."""

from __future__ import annotations

import pytest

from values.readable import MAX_REASON_LENGTH, CannotRead, Unreadable, reasons_by_part, value_or_none, value_or_raise

BROKEN = Unreadable("schedule", "every must be greater than zero.")


def test_a_readable_value_is_returned_as_it_is() -> None:
    assert value_or_raise(5) == value_or_none(5) == 5


def test_an_unreadable_value_raises_its_reason_or_becomes_none() -> None:
    with pytest.raises(CannotRead, match=r"^The schedule cannot be read: every must be greater than zero\. Save a new"):
        value_or_raise(BROKEN)
    assert value_or_none(BROKEN) is None


def test_reasons_are_listed_by_part_and_readable_values_left_out() -> None:
    assert reasons_by_part(5, BROKEN) == {"schedule": "every must be greater than zero."}


def test_validation_errors_are_joined_with_the_names_of_their_fields() -> None:
    errors = {"url": ["url is required."], "headers.X-A": ["This is not allowed."], "target": ["It is too old."]}
    assert Unreadable.from_errors("target", errors).reason == (
        "url is required. headers.X-A: This is not allowed. It is too old."
    )


def test_a_long_reason_is_cut() -> None:
    reason = Unreadable.from_errors("target", {"url": ["x" * 1000]}).reason
    assert len(reason) == MAX_REASON_LENGTH + 1 and reason.endswith("…")
