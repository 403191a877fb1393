"""The kinds of targets. To add a kind, write a file (or folder), and add the name of its module to `KINDS`.

If the module is outside the checkout, add its name to the setting MAINSPRING_TARGET_MODULES instead.

A kind may have two more modules: its look in the admin (`executions/admin/targets/<kind>.py`) and its section of the
job form (`schedules/admin/targets/<kind>.py`). A kind without these modules gets the default look and section.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Union

from django.conf import settings
from django.utils.crypto import salted_hmac
from pydantic import Field, ValidationError

from executions.targets.base import InvalidTarget, Target, TargetConfig
from executions.targets.loading import load_targets
from values.field_errors import field_errors
from values.json_values import find_unstorable
from values.readable import Unreadable
from values.suggestions import did_you_mean

if TYPE_CHECKING:
    from values.json_values import JSON

# Each module has an instance of `base.Target`, called TARGET. The job form and error texts list kinds in this order.
KINDS = (
    "executions.targets.http.target",
    "executions.targets.command.target",
)

TARGETS, FAULTS = load_targets((*KINDS, *settings.MAINSPRING_TARGET_MODULES))  # FAULTS: for executions/checks.py


def union_of_configs() -> Any:
    """Return the union type of the configurations of all kinds, for the OpenAPI document."""
    configs = tuple(target.config for target in TARGETS.values())
    if len(configs) < 2:  # a discriminator needs two kinds; if the other kinds have faults, the checks must still run
        return configs[0] if configs else TargetConfig
    return Annotated[Union[configs], Field(discriminator="kind")]  # noqa: UP007 - of a tuple


if TYPE_CHECKING:
    AnyTarget = TargetConfig
else:
    AnyTarget = union_of_configs()


def check_payload(config: TargetConfig, payload: JSON) -> None:
    """Check a target together with its payload. The caller has checked that the payload is JSON that can be stored.

    Raises InvalidTarget. Each key of its `errors` is a dotted field of the payload (`payload`, `payload.rows.0`) or of
    the target (`url`).
    """
    TARGETS[config.kind].validate(config, payload)


def read_target(stored: object) -> TargetConfig | Unreadable:
    """Return the configuration of a stored target; Unreadable, with the reason, if it cannot be read."""
    try:
        return parse_config(stored)
    except InvalidTarget as error:
        return Unreadable.from_errors("target", error.errors)


def share_of(kind: str, stored: str) -> str:
    """Return 8 characters that identify the resource that a stored target uses (`Target.share_of`); "" if none.

    `stored`: the JSON text of a target of this kind.
    """
    target = TARGETS.get(kind)
    if target is None or type(target).share_of is Target.share_of:
        return ""
    data = json.loads(stored)
    name = target.share_of(data) if isinstance(data, Mapping) else ""
    # Keyed: who can read messages can't find out the host by hashing names.
    text = f"{kind} {name}".encode(errors="replace")
    return salted_hmac("mainspring.share", text, algorithm="blake2s").hexdigest()[:8] if name else ""


def masked(stored: object) -> dict[str, Any]:
    """Return a stored target with its credentials masked. If the target can't be read, return only its kind."""
    config = read_target(stored)
    if not isinstance(stored, Mapping):
        return {"kind": None}
    return {"kind": stored.get("kind")} if isinstance(config, Unreadable) else config.masked(dict(stored))


def parse_config(data: object) -> TargetConfig:
    """Check a target without its payload and return its frozen configuration.

    `data` may be any JSON. Raises InvalidTarget. Each key of its `errors` is a dotted field of the target (`url`,
    `headers.X-Token`), or `""` for the whole target.
    """
    kinds = " or ".join(TARGETS)
    if not isinstance(data, Mapping):
        raise InvalidTarget(
            {"": ['A target must be an object such as {"kind": "http", "url": "https://example.com/hook"}.']}
        )
    if problem := find_unstorable(data):
        raise InvalidTarget({problem[0]: [problem[1]]})
    kind = data.get("kind")
    if kind is None:
        raise InvalidTarget({"kind": [f"kind is required: {kinds}."]})
    target = TARGETS.get(kind) if isinstance(kind, str) else None
    if target is None:
        near = did_you_mean(kind, TARGETS) if isinstance(kind, str) else ""
        raise InvalidTarget({"kind": [f"kind must be {kinds}.{near}"]})
    try:
        return target.config.model_validate(data)
    except ValidationError as error:
        raise InvalidTarget(field_errors(error, data, model=target.config)) from None
