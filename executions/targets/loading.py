"""Imports the modules of target kinds, and the optional modules that show a kind in the admin.

A fault is not raised but returned as the error of a system check, so that the check can report all faults together.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import traceback
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar, get_args

from django.core.checks import Error
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.template.loader import get_template
from pydantic.errors import PydanticUserError

from executions.targets.base import Target, TargetConfig

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

T = TypeVar("T")

MAX_KIND_LENGTH = 20  # characters of the column `target_kind`
_KIND = re.compile(rf"[a-z][a-z0-9_]{{0,{MAX_KIND_LENGTH - 1}}}", re.ASCII)
_REGISTRY = "executions/targets/registry.py"


class CannotLoad(Exception):
    """A module is missing or broken, or has no valid object with the expected name.

    The text is a sentence without a full stop.
    """


def load_object(module: str, name: str, base: type[T]) -> T:
    """Import `module` and return its object `name`, an instance of `base`. Raises CannotLoad."""
    try:
        found = getattr(importlib.import_module(module), name, None)
    except Exception as error:
        raise CannotLoad(f"{module} can't be imported: {import_problem(module, error)}") from error
    if found is None:
        raise CannotLoad(f"{module} has no {name}")
    if not isinstance(found, base):
        raise CannotLoad(f"{module} has a {name} that is not an instance of {base.__module__}.{base.__name__}")
    return found


def import_problem(module: str, error: Exception) -> str:
    """Return why `module` could not be imported: the error, with the file and line."""
    if is_missing(error, module):
        return f"there is no module {error.name}"
    text = f"{type(error).__name__}: {' '.join(str(error).split())}"
    if isinstance(error, SyntaxError):
        return text  # the text of a SyntaxError contains the file and line
    lines = list(traceback.walk_tb(error.__traceback__))
    # Prefer the last line of the module itself: the last line in a library helps less.
    own = [(frame, line) for frame, line in lines if frame.f_globals.get("__name__") == module]
    frame, line = (own or lines)[-1]
    return f"{text} ({frame.f_code.co_filename}, line {line})"


def is_missing(error: Exception, module: str) -> TypeGuard[ModuleNotFoundError]:
    """Return whether `error` says that `module` itself does not exist. False for a missing module that it imports."""
    return isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}.")


def load_targets(modules: Iterable[str]) -> tuple[dict[str, Target], list[Error]]:
    """Return the kinds by name, and an error for each module without a valid kind."""
    targets: dict[str, Target] = {}
    homes: dict[str, str] = {}
    faults: list[Error] = []
    for module in modules:
        try:
            target = load_object(module, "TARGET", Target)  # type: ignore[type-abstract]
        except CannotLoad as problem:
            hint = f"Correct the module, or remove its name from KINDS in {_REGISTRY} or MAINSPRING_TARGET_MODULES."
            faults.append(Error(f"The target module {problem}.", hint=hint, id="mainspring.E001"))
            continue
        fault = _find_fault(target, module)
        if fault is None and target.kind in targets:
            fault = Error(
                f"Two modules define a target kind called {target.kind!r}: {homes[target.kind]} and {module}.",
                hint="Rename the newer kind. Stored jobs contain the name of the older kind, which must not change.",
                id="mainspring.E003",
            )
        if fault is None:
            targets[target.kind], homes[target.kind] = target, module
        else:
            faults.append(fault)
    return targets, faults


def load_parts(
    package: str, name: str, base: type[T], kinds: Iterable[str], error_id: str
) -> tuple[dict[str, T], list[Error]]:
    """Load the object `name` from the module `<package>.<kind>` of each kind.

    Returns the objects by kind, and an error for each module that has no valid object. A kind without such a module
    gets the default, and is in neither result.
    """
    parts: dict[str, T] = {}
    faults: list[Error] = []
    for kind in kinds:
        module = f"{package}.{kind}"
        if importlib.util.find_spec(module) is None:
            continue
        try:
            parts[kind] = load_object(module, name, base)
        except CannotLoad as problem:
            hint = (
                f"Correct the module, which must define `{name}`. Or delete the module: the kind then gets the default."
            )
            faults.append(Error(f"The {name} module {problem}.", hint=hint, id=error_id))
    return parts, faults


def template_faults(templates: Mapping[str, str], part: str, error_id: str) -> list[Error]:
    """Return an error for each kind whose template can't be loaded.

    `part` names the object that has the template: LOOK or SECTION.
    """
    faults = []
    for kind, name in templates.items():
        try:
            get_template(name)
        except (TemplateDoesNotExist, TemplateSyntaxError) as error:
            faults.append(
                Error(
                    f"The {part} of the target kind {kind!r} has a template that can't be loaded, {name!r}: "
                    f"{type(error).__name__}: {error}.",
                    hint="Correct the template. Or remove `template` from the class, to use the default template.",
                    id=error_id,
                )
            )
    return faults


def _find_fault(target: Target, module: str) -> Error | None:
    """Return the first error of a kind, or None."""
    for name, is_valid, takes in (
        ("kind", _is_kind, f"1 to {MAX_KIND_LENGTH} characters from a-z, 0-9 and _, beginning with a letter"),
        ("config", _is_config, "a subclass of executions.targets.base.TargetConfig"),
        ("queue", _is_queue, 'the name of a Celery queue, such as "http"'),
        ("max_runs_per_message", _is_count, "a whole number, 1 or more"),
        ("default_timeout", _is_timeout, "a timedelta of more than 0 seconds, such as timedelta(seconds=30)"),
    ):
        value = getattr(target, name, None)
        if not is_valid(value):
            what = f"has no `{name}`" if value is None else f"has {value!r} as `{name}`"
            return Error(f"The target of {module} {what}.", hint=f"`{name}` must be {takes}.", id="mainspring.E002")
    return _find_config_fault(target)


def _find_config_fault(target: Target) -> Error | None:
    where = f"{target.config.__module__}.{target.config.__name__}"
    member = target.config.model_fields["kind"]
    if get_args(member.annotation) != (target.kind,) or member.default != target.kind:
        return Error(
            f"The configuration class {where} does not narrow `kind` to {target.kind!r}.",
            hint=f'Give the class the member `kind: Literal["{target.kind}"] = "{target.kind}"`.',
            id="mainspring.E004",
        )
    try:
        target.config.model_json_schema()
    except PydanticUserError as error:
        return Error(
            f"The configuration class {where} has no JSON schema, which the OpenAPI document needs: {error.message}.",
            hint="Use types that JSON has, or annotate the member with pydantic's WithJsonSchema.",
            id="mainspring.E005",
        )
    return None


def _is_kind(value: Any) -> bool:
    return isinstance(value, str) and _KIND.fullmatch(value) is not None


def _is_config(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, TargetConfig)


def _is_queue(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and value >= 1


def _is_timeout(value: Any) -> bool:
    return isinstance(value, timedelta) and value > timedelta(0)
