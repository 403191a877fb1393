"""The error that ends one measurement."""

from __future__ import annotations


class CannotMeasure(Exception):
    """A measurement failed. The table shows the message in place of the figure, and the next measurement starts."""
