"""Reads a target together with its payload, as the validation of a job's definition does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from executions.targets.base import InvalidTarget
from executions.targets.registry import check_payload, parse_config
from values.json_values import find_unstorable

if TYPE_CHECKING:
    from executions.targets.base import TargetConfig
    from values.json_values import JSON


def parse(data: object, payload: JSON) -> TargetConfig:
    """Return the configuration of a target that is valid with this payload. Raises InvalidTarget."""
    config = parse_config(data)
    if problem := find_unstorable(payload, "payload"):
        raise InvalidTarget({problem[0]: [problem[1]]})
    check_payload(config, payload)
    return config
