"""Fixtures of the API: the client checks each response against the OpenAPI document."""

from __future__ import annotations

from tests.documented import api, staff

__all__ = ["api", "staff"]
