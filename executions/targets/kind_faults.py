"""Finds faults of a target kind after its module was imported. Each fault is an `Error` of Django's system checks."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, Union, get_args

from django.core.checks import Error
from pydantic import Field, TypeAdapter
from pydantic.errors import PydanticUserError

from executions.targets.base import MAX_ATTEMPT_TIMEOUT, MIN_ATTEMPT_TIMEOUT, Target, TargetConfig
from executions.targets.wording import error_words, value_words

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_KIND_LENGTH = 20  # characters of the column `target_kind`
# Modules beside those of the kinds, in `executions/admin/targets` and `schedules/admin/targets`.
RESERVED_KINDS = frozenset({"base"})
_KIND = re.compile(rf"[a-z][a-z0-9_]{{0,{MAX_KIND_LENGTH - 1}}}", re.ASCII)

# A member of an object: its name, whether a value is valid, and what it takes, for the hint.
Member: TypeAlias = tuple[str, Callable[[Any], bool], str]


class _AnotherConfig(TargetConfig):
    """The configuration of an invented kind, to check that pydantic can choose between two classes by `kind`."""

    kind: Literal["another kind"] = "another kind"


def find_kind_fault(target: Target, module: str) -> Error | None:
    """Return the first fault of a target kind, or None.

    A member that raises AttributeError counts as missing, and an exception while the JSON schema is built is a fault.
    Other exceptions of the kind's code are raised.
    """
    if fault := find_member_fault(target, _MEMBERS, f"target of {module}", "mainspring.E002"):
        return fault
    if target.kind in RESERVED_KINDS:
        return Error(
            f"The target of {module} has the kind {target.kind!r}, which is a reserved name.",
            hint=f"Choose another name. Admin modules called {target.kind!r} exist: they contain code for all kinds.",
            id="mainspring.E002",
        )
    return _find_config_fault(target)


def find_member_fault(owner: object, members: Iterable[Member], where: str, error_id: str) -> Error | None:
    """Return the fault of the first member that is not valid, or None. `where` names the owner in the message."""
    for name, is_valid, takes in members:
        value = getattr(owner, name, None)
        if not is_valid(value):
            what = f"has no `{name}`" if value is None else f"has {value_words(value)} as `{name}`"
            return Error(f"The {where} {what}.", hint=f"`{name}` must be {takes}.", id=error_id)
    return None


def _find_config_fault(target: Target) -> Error | None:
    config = target.config
    where = f"{config.__module__}.{config.__name__}"
    narrow = f'Give the class the member `kind: Literal["{target.kind}"] = "{target.kind}"`'
    member = config.model_fields.get("kind")
    if member is None or get_args(member.annotation) != (target.kind,) or member.default != target.kind:
        return Error(
            f"The configuration class {where} does not narrow `kind` to {target.kind!r}.",
            hint=f"{narrow}.",
            id="mainspring.E004",
        )
    try:
        config.model_json_schema()
    except Exception as error:  # noqa: BLE001 - types may have schemas of their own
        return Error(
            f"The configuration class {where} has no JSON schema for the OpenAPI document: {_schema_words(error)}.",
            hint="Use types that JSON has, or annotate members of other types with pydantic's WithJsonSchema.",
            id="mainspring.E005",
        )
    try:
        union: Any = Annotated[Union[_AnotherConfig, config], Field(discriminator="kind")]  # noqa: UP007 - of values
        TypeAdapter(union).json_schema()
    except Exception as error:  # noqa: BLE001 - as above
        return Error(
            f"The configuration class {where} can't be recognized by its `kind`: {_schema_words(error)}.",
            hint=f"{narrow}, without an alias and without validators.",
            id="mainspring.E004",
        )
    return None


def _schema_words(error: Exception) -> str:
    if isinstance(error, PydanticUserError):
        return " ".join(error.message.split()).removesuffix(".")  # its str() ends with a link
    return error_words(error)


def is_text(value: Any) -> bool:
    """Return whether a member is a text with at least one character."""
    return isinstance(value, str) and bool(value)


def _is_kind(value: Any) -> bool:
    return isinstance(value, str) and _KIND.fullmatch(value) is not None


def _is_config(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, TargetConfig)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_timeout(value: Any) -> bool:
    return isinstance(value, timedelta) and MIN_ATTEMPT_TIMEOUT <= value <= MAX_ATTEMPT_TIMEOUT


TEMPLATE: Member = ("template", is_text, "the name of a template")  # of a LOOK or SECTION
_MEMBERS: tuple[Member, ...] = (
    ("kind", _is_kind, f"1 to {MAX_KIND_LENGTH} characters from a-z, 0-9 and _, beginning with a letter"),
    ("config", _is_config, "a subclass of executions.targets.base.TargetConfig"),
    ("queue", is_text, 'the name of a Celery queue, such as "http"'),
    ("max_runs_per_message", _is_count, "a whole number, 1 or more"),
    ("default_timeout", _is_timeout, "a timedelta from 100 ms to 1 day, such as timedelta(seconds=30)"),
)
