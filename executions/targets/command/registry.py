"""The commands there are: the decorator that registers one, and loading the modules that hold them, once."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import logging
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from django.apps import apps
from django.conf import settings

from executions.targets.command.exceptions import InvalidCommand
from executions.targets.command.parameters import Parameters

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

F = TypeVar("F", bound="Callable[..., object]")
_NAME = re.compile(r"[a-z0-9_.:-]{1,100}")


@dataclass(frozen=True, slots=True)
class Command:
    """A function that a job may call, by its name."""

    name: str
    description: str
    function: Callable[..., object]
    parameters: Parameters

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the payload."""
        return self.parameters.schema


COMMANDS: dict[str, Command] = {}  # filled by importing; read it through `commands()`
_broken_modules: dict[str, str] = {}
_loaded = False
_loading = threading.RLock()


def command(name: str, *, description: str = "") -> Callable[[F], F]:
    """Register a function under `name`; raises InvalidCommand if it can't be one.

    A first parameter annotated `CommandContext` (or called `context`) gets the context. Every other parameter has a
    type, and is filled from the payload's entry of that name.
    """

    def register(function: F) -> F:
        if not _NAME.fullmatch(name):
            raise InvalidCommand(f"{name!r} can't name a command: use up to 100 of a-z, 0-9 and _ . : -")
        if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
            raise InvalidCommand(f"{name}: a command is an ordinary function; call asyncio.run inside it if need be.")
        known = COMMANDS.get(name)
        if known is not None and _home(known.function) != _home(function):
            raise InvalidCommand(f"{name} is registered already, by {_home(known.function)}: choose another name.")
        text = description or (inspect.getdoc(function) or "").partition("\n")[0]
        COMMANDS[name] = Command(name, text, function, Parameters(function))
        return function

    return register


def _home(function: Callable[..., object]) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def commands() -> dict[str, Command]:
    """Return all commands by name, loading their modules on the first call.

    These are the `commands` module of each installed app and `settings.MAINSPRING_COMMAND_MODULES`. A module that
    can't be imported is logged and left out: it must not take the others with it.
    """
    global _loaded
    with _loading:
        if not _loaded:
            _loaded = True
            for module in _modules():
                _load(module)
    return COMMANDS


def broken_modules() -> dict[str, str]:
    """Return the modules that could not be loaded, each with its error."""
    return dict(_broken_modules)


def _modules() -> list[str]:
    found = [f"{app.name}.commands" for app in apps.get_app_configs() if _has_commands(app.name)]
    return list(dict.fromkeys([*found, *settings.MAINSPRING_COMMAND_MODULES]))


def _has_commands(app: str) -> bool:
    try:
        return importlib.util.find_spec(f"{app}.commands") is not None
    except ModuleNotFoundError:
        return False  # the app is a single module


def _load(module: str) -> None:
    try:
        importlib.import_module(module)
    except Exception as error:
        _broken_modules[module] = f"{type(error).__name__}: {error}"
        if isinstance(error, ModuleNotFoundError) and error.name and f"{module}.".startswith(f"{error.name}."):
            logger.error("MAINSPRING_COMMAND_MODULES names %s, but there is no module %s.", module, error.name)  # noqa: TRY400 - a misspelt name needs no traceback
        else:
            logger.exception("The commands of %s are not available: it can't be imported.", module)
