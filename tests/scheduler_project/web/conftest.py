"""The API tests' client checks each answer against the OpenAPI document."""

from __future__ import annotations

from tests.documented import api, staff

__all__ = ["api", "staff"]
