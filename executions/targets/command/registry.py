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
from executions.targets.loading import import_problem, is_missing

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
_broken_modules: dict[str, str] = {}  # the reason by module
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
    """Return all commands by name, loading their modules on the first call."""
    load_modules()
    return COMMANDS


def load_modules(*, log_problems: bool = True) -> dict[str, str]:
    """Import the modules of commands on the first call; return those that can't be imported, each with the reason.

    The modules are `commands` of each installed app and those of `settings.MAINSPRING_COMMAND_MODULES`. One that can't
    be imported is logged and left out: the commands of the others work.
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
        importlib.import_module(module)
    except Exception as error:
        _broken_modules[module] = import_problem(module, error)
        if not log_problems:
            return
        if is_missing(error, module):
            logger.error("MAINSPRING_COMMAND_MODULES names %s, but there is no module %s.", module, error.name)  # noqa: TRY400 - a misspelt name needs no traceback
        else:
            logger.exception("The commands of %s are missing, since the module can't be imported.", module)
