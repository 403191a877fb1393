"""What can go wrong while measuring."""

from __future__ import annotations


class CannotMeasure(Exception):
    """A measurement that failed. Its sentence stands in the table, and the run goes on."""
