"""Removes the commands that a test has registered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from executions.targets.command import registry

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _forgotten_commands() -> Iterator[None]:
    known = dict(registry.commands())
    yield
    registry.COMMANDS.clear()
    registry.COMMANDS.update(known)
