"""Imports the modules of target kinds, and the optional modules that show a kind in the admin.

`load_targets` and `load_parts` return each fault as an error of a system check. The check can then report all faults
together.
"""

from __future__ import annotations

import importlib
import importlib.util
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeGuard, TypeVar

from django.core.checks import Error
from django.template.loader import get_template

from executions.targets.base import Target
from executions.targets.kind_faults import Member, find_kind_fault, find_member_fault
from executions.targets.wording import error_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

T = TypeVar("T")

_WHERE = "KINDS in executions/targets/registry.py or MAINSPRING_TARGET_MODULES"


class CannotLoad(Exception):
    """The code of a module failed, or the module has no valid object with the expected name.

    The text has no full stop, because it becomes part of a message. `is_missing`: whether the module does not exist.
    Only `reporting` sets `is_missing`.
    """

    def __init__(self, text: str, *, is_missing: bool = False) -> None:
        super().__init__(text)
        self.is_missing = is_missing


@contextmanager
def reporting(module: str) -> Iterator[None]:
    """If the code of `module` raises an exception in the `with` block, raise CannotLoad with the reason instead.

    SystemExit is replaced too, but KeyboardInterrupt (Ctrl+C) is not.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise CannotLoad(_reason(module, error), is_missing=_is_missing(error, module)) from error


def load_object(module: str, name: str, base: type[T]) -> T:
    """Import `module` and return its object `name`, an instance of `base`. Raises CannotLoad."""
    try:
        with reporting(module):
            found = getattr(importlib.import_module(module), name, None)
            if isinstance(found, base):
                return found
    except CannotLoad as problem:
        raise CannotLoad(f"{module} can't be imported: {problem}") from problem
    if found is None:
        raise CannotLoad(f"{module} has no {name}")
    raise CannotLoad(f"{module} has a {name} that is not an instance of {base.__module__}.{base.__name__}")


def _reason(module: str, error: BaseException) -> str:
    """Return why the code of a module failed: the error with its file and line, or the name of the missing module."""
    if _is_missing(error, module):
        return f"there is no module {error.name}"
    text = error_words(error)
    if isinstance(error, SyntaxError):
        return text  # the text of a SyntaxError contains the file and line
    lines = list(traceback.walk_tb(error.__traceback__))
    # Prefer the last line of the module itself: the last line in a library helps less.
    own = [(frame, line) for frame, line in lines if frame.f_globals.get("__name__") == module]
    frame, line = (own or lines)[-1]
    return f"{text} ({frame.f_code.co_filename}, line {line})"


def _is_missing(error: BaseException, module: str) -> TypeGuard[ModuleNotFoundError]:
    """Return whether `error` says that `module` itself does not exist. False if `module` imports a missing module."""
    return isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}.")


def load_targets(modules: Iterable[str]) -> tuple[dict[str, Target], list[Error]]:
    """Return the targets by kind, and an error for each entry of `modules` that adds no target.

    An entry adds no target if its module has no valid target, or if an earlier entry has the same module or kind.
    """
    targets: dict[str, Target] = {}
    homes: dict[str, str] = {}
    faults: list[Error] = []
    listed: set[str] = set()
    for module in modules:
        if module in listed:
            faults.append(_listed_twice(module))
            continue
        listed.add(module)
        try:
            target = load_object(module, "TARGET", Target)  # type: ignore[type-abstract]
        except CannotLoad as problem:
            hint = f"Correct the module, or remove its name from {_WHERE}."
            faults.append(Error(f"The target module {problem}.", hint=hint, id="mainspring.E001"))
            continue
        fault = _find_fault(target, module)
        if fault is None and target.kind in targets:
            fault = Error(
                f"Two modules define a target kind called {target.kind!r}: {homes[target.kind]} and {module}.",
                hint="Rename the newer kind. The older kind must keep its name, because stored jobs contain that name.",
                id="mainspring.E003",
            )
        if fault is None:
            targets[target.kind], homes[target.kind] = target, module
        else:
            faults.append(fault)
    return targets, faults


def _listed_twice(module: str) -> Error:
    hint = f"List the module only once, in {_WHERE}."
    return Error(f"The target module {module} is listed twice.", hint=hint, id="mainspring.E003")


def _find_fault(target: Target, module: str) -> Error | None:
    try:
        with reporting(module):
            return find_kind_fault(target, module)
    except CannotLoad as problem:
        hint = "Correct the module: a member of the target, or the schema of its configuration, raises this error."
        return Error(f"The target of {module} can't be checked: {problem}.", hint=hint, id="mainspring.E002")


def load_parts(
    package: str, name: str, base: type[T], kinds: Iterable[str], error_id: str, members: Sequence[Member] = ()
) -> tuple[dict[str, T], list[Error]]:
    """Load the object `name` from the module `<package>.<kind>` of each kind.

    Returns the objects by kind, and an error for each module that cannot be imported, or whose object is missing or
    not valid. An object is not valid if it is not an instance of `base`, or has a wrong value for one of `members`. A
    kind without a module gets no object and no error: the caller uses a default object.
    """
    parts: dict[str, T] = {}
    faults: list[Error] = []
    for kind in kinds:
        module = f"{package}.{kind}"
        if importlib.util.find_spec(module) is None:
            continue
        try:
            part = load_object(module, name, base)
            with reporting(module):
                fault = find_member_fault(part, members, f"{name} of {module}", error_id)
        except CannotLoad as problem:
            hint = f"Correct the module, which must define `{name}`. Or delete the module, to use the default {name}."
            fault = Error(f"The {name} module {problem}.", hint=hint, id=error_id)
        if fault is None:
            parts[kind] = part
        else:
            faults.append(fault)
    return parts, faults


def template_faults(templates: Mapping[str, str], part: str, error_id: str) -> list[Error]:
    """Return an error for each kind whose template can't be loaded.

    `part` names the object that has the template: LOOK or SECTION.
    """
    faults = []
    for kind, name in templates.items():
        try:
            get_template(name)
        except Exception as error:  # noqa: BLE001 - the tags that a template loads may raise anything
            faults.append(
                Error(
                    f"The {part} of the target kind {kind!r} has the template {name!r}, which can't be loaded: "
                    f"{error_words(error)}.",
                    hint="Correct the template. Or remove `template` from the class, to use the default template.",
                    id=error_id,
                )
            )
    return faults
