"""The kinds of target there are. A new kind is one file (or folder), and one entry in `KINDS`.

The admin shows it by `executions/admin/targets/<kind>.py`, and edits it by `schedules/admin/targets/<kind>.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import Field, ValidationError

from executions.targets.base import InvalidTarget, Target
from executions.targets.command.target import CommandTarget
from executions.targets.http.target import HttpTarget
from values.field_errors import did_you_mean, field_errors
from values.json_values import find_unstorable
from values.readable import Unreadable

if TYPE_CHECKING:
    from executions.targets.base import TargetConfig
    from values.json_values import JSON

KINDS: tuple[Target, ...] = (HttpTarget(), CommandTarget())
TARGETS = {target.kind: target for target in KINDS}

if TYPE_CHECKING:
    AnyTarget = TargetConfig
else:
    AnyTarget = Annotated[Union[tuple(target.config for target in KINDS)], Field(discriminator="kind")]  # noqa: UP007 - of a tuple


def check_payload(config: TargetConfig, payload: JSON) -> None:
    """Check a target together with its payload, which must be JSON that can be stored.

    Raises InvalidTarget: `payload` or `payload.<name>` for the payload, and names relative to the target (`url`,
    `headers.X-Token`) for the target.
    """
    TARGETS[config.kind].validate(config, payload)


def read_target(stored: object) -> TargetConfig | Unreadable:
    """Read a target as it is stored, without its payload."""
    try:
        return parse_config(stored)
    except InvalidTarget as error:
        return Unreadable.from_errors("target", error.errors)


def masked(stored: object) -> dict[str, Any]:
    """Return a stored target as those may see it who may not change it; of one that cannot be read only the kind."""
    config = read_target(stored)
    if not isinstance(stored, Mapping):
        return {"kind": None}
    return {"kind": stored.get("kind")} if isinstance(config, Unreadable) else config.masked(dict(stored))


def parse_config(data: object) -> TargetConfig:
    """Check a target without its payload and return its frozen configuration.

    `data` is any JSON. Raises InvalidTarget: names relative to the target, `""` for the target as a whole.
    """
    kinds = " or ".join(TARGETS)
    if not isinstance(data, Mapping):
        raise InvalidTarget(
            {"": ['A target is an object such as {"kind": "http", "url": "https://example.com/hook"}.']}
        )
    if problem := find_unstorable(data):
        raise InvalidTarget({problem[0]: [problem[1]]})
    kind = data.get("kind")
    if kind is None:
        raise InvalidTarget({"kind": [f"kind is required: {kinds}."]})
    target = TARGETS.get(kind) if isinstance(kind, str) else None
    if target is None:
        near = did_you_mean(kind, TARGETS) if isinstance(kind, str) else ""
        raise InvalidTarget({"kind": [f"kind takes {kinds}.{near}"]})
    try:
        return target.config.model_validate(data)
    except ValidationError as error:
        raise InvalidTarget(field_errors(error, data, model=target.config)) from None
