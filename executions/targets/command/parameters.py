"""Builds a pydantic model of a command's payload from the signature of its function."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.errors import PydanticUserError

from executions.targets.base import InvalidTarget
from executions.targets.command.context import CommandContext
from executions.targets.command.exceptions import InvalidCommand
from values.field_errors import field_errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from values.json_values import JSON

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Parameters:
    """The parameters of a command.

    `context_name`: the name of the parameter that gets the context, if any. `model`: a model of all other parameters.
    """

    def __init__(self, function: Callable[..., object]) -> None:
        """Read the signature of `function`. Raises InvalidCommand, whose text says what to change."""
        self.context_name, fields = _read_signature(function)
        # Pydantic reserves names such as `json` and `model_x`. So the fields have generated names, and the parameters'
        # names are their aliases.
        self._fields = {f"field_{index}": name for index, name in enumerate(fields)}
        definitions: dict[str, Any] = {
            field: (annotation, Field(default, alias=name, title=name.replace("_", " ").capitalize()))
            for field, (name, (annotation, default)) in zip(self._fields, fields.items(), strict=True)
        }
        try:
            self.model: type[BaseModel] = create_model(
                f"{function.__name__}_payload",
                __config__=ConfigDict(extra="forbid", title=f"Payload of {function.__name__}"),
                **definitions,
            )
            self.schema: dict[str, Any] = self.model.model_json_schema(by_alias=True)
        except PydanticUserError as error:
            raise InvalidCommand(
                f"{function.__qualname__}: pydantic can't read the type of a parameter from JSON. Use another type. "
                f"{error.message}"
            ) from error

    def read(self, payload: JSON) -> dict[str, object]:
        """Return the arguments for the command's function.

        Raises InvalidTarget. Each key of its `errors` is `payload` or a field in the payload, such as `payload.rows.0`.
        """
        given = {} if payload is None else payload
        if not isinstance(given, dict):
            names = ", ".join(self._fields.values()) or "none"
            raise InvalidTarget(
                {"payload": [f"The payload must be an object. Its members are the command's parameters: {names}."]}
            )
        try:
            values = self.model.model_validate(given)
        except ValidationError as error:
            errors = field_errors(error, given, prefix="payload", model=self.model)
            raise InvalidTarget(errors) from None
        return {name: getattr(values, field) for field, name in self._fields.items()}


def _read_signature(function: Callable[..., object]) -> tuple[str | None, dict[str, tuple[Any, Any]]]:
    where = function.__qualname__
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError as error:
        raise InvalidCommand(
            f"{where}: {error}. Mainspring evaluates the type annotations: define or import this name outside "
            "`if TYPE_CHECKING`."
        ) from error
    context_name: str | None = None
    fields: dict[str, tuple[Any, Any]] = {}
    for index, (name, parameter) in enumerate(inspect.signature(function).parameters.items()):
        if parameter.kind not in _NAMED:
            raise InvalidCommand(
                f"{where}: {parameter} can't be filled from a payload: replace it with named parameters."
            )
        if index == 0 and (hints.get(name) is CommandContext or (name == "context" and name not in hints)):
            context_name = name
            continue
        if name not in hints:
            raise InvalidCommand(f"{where}: the parameter {name} needs a type, such as `{name}: str`.")
        if hints[name] is CommandContext:
            raise InvalidCommand(f"{where}: only the first parameter can be the context, not {name}.")
        fields[name] = (hints[name], ... if parameter.default is parameter.empty else parameter.default)
    return context_name, fields
