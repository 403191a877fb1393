"""The registry of commands: the decorator that registers a command, and the import of the modules with commands."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from django.apps import apps
from django.conf import settings

from executions.targets.command.exceptions import InvalidCommand
from executions.targets.command.parameters import Parameters
from executions.targets.loading import CannotLoad, reporting

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger(__name__)

F = TypeVar("F", bound="Callable[..., object]")
_NAME = re.compile(r"[a-z0-9_.:-]{1,100}")


@dataclass(frozen=True, slots=True)
class Command:
    """A registered function. Jobs call the function by `name`."""

    name: str
    description: str
    function: Callable[..., object]
    parameters: Parameters

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the payload."""
        return self.parameters.schema


# Filled by the decorator. Read it with `commands()`, which imports the modules first.
COMMANDS: dict[str, Command] = {}
_broken_modules: dict[str, str] = {}  # by module: why it can't be imported
_loaded = False
_loading = threading.RLock()


def command(name: str, *, description: str = "") -> Callable[[F], F]:
    """Register the decorated function under `name`. Raises InvalidCommand, whose text says what to change.

    The first parameter gets the context if its type is `CommandContext`, or if it has no type and is called `context`.
    Every other parameter needs a type, and gets the member of the payload with the same name.
    """

    def register(function: F) -> F:
        if not _NAME.fullmatch(name):
            raise InvalidCommand(
                f"{name!r} is not a valid command name: use 1 to 100 characters from a-z, 0-9 and _ . : -"
            )
        not_ordinary = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
        if any(is_kind(function) for is_kind in not_ordinary):
            raise InvalidCommand(
                f"{name}: a command must be an ordinary function. For asynchronous code, call asyncio.run inside it."
            )
        known = COMMANDS.get(name)
        # A module that is reloaded, or run as a script, registers the same function twice.
        if known is not None and _home(known.function) != _home(function):
            raise InvalidCommand(
                f"The command name {name} is already used by {_home(known.function)}: choose another name."
            )
        text = description or (inspect.getdoc(function) or "").partition("\n")[0]
        COMMANDS[name] = Command(name, text, function, Parameters(function))
        return function

    return register


def _home(function: Callable[..., object]) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def commands() -> dict[str, Command]:
    """Return all commands by name, loading their modules on the first call."""
    load_modules()
    return COMMANDS


def load_modules(*, log_problems: bool = True) -> dict[str, str]:
    """Import the command modules on the first call. Return the modules that can't be imported, each with the reason.

    Command modules are the module `commands` of each installed app, and the modules in
    `settings.MAINSPRING_COMMAND_MODULES`. A module that can't be imported is logged if `log_problems`. The other
    modules still work.
    """
    global _loaded
    with _loading:
        if not _loaded:
            _loaded = True
            for module in _modules():
                _load(module, log_problems=log_problems)
    return dict(_broken_modules)


def _modules() -> list[str]:
    found = [f"{app.name}.commands" for app in apps.get_app_configs() if _has_commands(app.name)]
    return list(dict.fromkeys([*found, *settings.MAINSPRING_COMMAND_MODULES]))


def _has_commands(app: str) -> bool:
    try:
        return importlib.util.find_spec(f"{app}.commands") is not None
    except ModuleNotFoundError:
        return False  # the app is a single module


def _load(module: str, *, log_problems: bool) -> None:
    try:
        with reporting(module):
            importlib.import_module(module)
    except CannotLoad as problem:
        _broken_modules[module] = str(problem)
        if log_problems:
            # A misspelt name needs no traceback.
            cause = None if problem.is_missing else problem.__cause__
            log.error("commands_not_loaded", action="import", module=module, error=str(problem), exc_info=cause)  # noqa: TRY400
