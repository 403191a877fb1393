"""Fixtures of the acceptance tests."""

from __future__ import annotations

from tests.acceptance.fixtures import processes, receiver

__all__ = ["processes", "receiver"]
