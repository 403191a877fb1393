"""The `command` target: calls a registered function in the worker's main thread, within the attempt's timeout."""

from __future__ import annotations

import json
import signal
import threading
import traceback
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field
from pydantic_core import to_jsonable_python

from executions.targets.base import (
    TIMED_OUT,
    Cancelled,
    Failed,
    InvalidTarget,
    RetryAt,
    Succeeded,
    Target,
    TargetConfig,
)
from executions.targets.command.capture import captured
from executions.targets.command.context import CommandContext
from executions.targets.command.exceptions import PermanentFailure, RetryLater
from executions.targets.command.registry import Command, commands, load_modules
from executions.targets.command.stopper import Stopper
from values import clock
from values.json_values import clean
from values.suggestions import did_you_mean

if TYPE_CHECKING:
    from executions.targets.base import Context, Outcome
    from values.json_values import JSON

MAX_RESULT_BYTES = 64 * 1024  # as JSON: results are stored with every run and shown on its page
KEPT_RESULT_LENGTH = 4096  # characters kept of a longer result: enough to recognize the result
MAX_MESSAGE_LENGTH = 1000  # characters of an error, and of a line of a traceback
N_TRACEBACK_LINES = 20  # the last ones, which say where the error occurred
MAX_RETRY_DELAY = timedelta(days=365)  # keeps the time of the next attempt within the range of a timestamp


class CommandConfig(TargetConfig):
    """A registered command, by name.

    The job's payload contains the command's parameters. The result of a successful attempt is the value that the
    command returned. Only the beginning of a result of more than 64 KiB is kept.
    """

    kind: Literal["command"] = "command"
    name: str = Field(max_length=100, description="The name under which the command is registered.")


class CommandTarget(Target):
    """Calls a command. `execute` needs the main thread of a process, as in Celery's pools `prefork` and `solo`."""

    kind: ClassVar[str] = "command"
    config: ClassVar[type[TargetConfig]] = CommandConfig
    queue: ClassVar[str] = "command"
    max_runs_per_message: ClassVar[int] = 100  # quick commands share the round trips of claiming and finishing
    default_timeout: ClassVar[timedelta] = timedelta(seconds=300)

    def prepare_worker(self) -> None:
        """Import the modules of all commands. The processes that the pool forks later share the imported modules."""
        commands()

    def validate(self, config: TargetConfig, payload: JSON) -> None:
        """Raise InvalidTarget for an unknown command, or for a payload that does not fit the command's parameters."""
        assert isinstance(config, CommandConfig)
        _find(config.name).parameters.read(payload)

    def execute(self, config: TargetConfig, payload: JSON, context: Context) -> Outcome:
        """Call the command and return the outcome."""
        assert isinstance(config, CommandConfig)
        if threading.current_thread() is not threading.main_thread():
            return Failed(
                "wrong_pool",
                "Commands need the main thread of a process: start this worker with --pool prefork (or solo).",
                permanent=True,
            )
        try:
            command = _find(config.name)
            arguments = command.parameters.read(payload)
        except InvalidTarget as error:
            return Failed("invalid_target", f"This worker can't call the command: {error}", permanent=True)
        stopper = Stopper(context.timeout.total_seconds())

        def log(message: str, level: str) -> None:
            with stopper.shielded():
                context.log(message, level)

        if command.parameters.context_name is not None:
            arguments[command.parameters.context_name] = CommandContext(context, log)
        with captured(log), stopper:
            unregister = context.on_stop(stopper.stop)
            try:
                outcome = stopper.run(lambda: _call(command, arguments, stopper))
            finally:
                unregister()
        if outcome is None or stopper.was_stopped or stopper.late:
            return _stopped(stopper, context)
        return _truncated(outcome, context)


TARGET = CommandTarget()


def _find(name: str) -> Command:
    known = commands()
    if name in known:
        return known[name]
    text = f"There is no command {name[:100]}.{did_you_mean(name[:100], known)}"
    if broken := load_modules():
        text += f" (These command modules can't be imported: {', '.join(sorted(broken))}. See the log.)"
    raise InvalidTarget({"name": [text]})


def _call(command: Command, arguments: dict[str, object], stopper: Stopper) -> Outcome:
    """Call the command's function. Return an outcome for its result or exception. Raises only for a stop or Ctrl+C."""
    try:
        return _succeeded(command.function(**arguments))
    except KeyboardInterrupt as error:
        # Processes of the prefork pool ignore Ctrl+C. So without a stop, only the command itself can have raised it.
        if stopper.was_stopped or signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            raise
        return Failed("exception", _message(error), result=_trace(error))
    except PermanentFailure as error:
        return Failed("permanent_failure", _message(error, bare=True), permanent=True)
    except RetryLater as error:
        delay = min(max(error.delay, timedelta(0)), MAX_RETRY_DELAY)
        return RetryAt(clock.now() + delay, "retry_later", _message(error, bare=True))
    except BaseException as error:  # noqa: BLE001 - `sys.exit` in a command must not end the worker
        return Failed("exception", _message(error), result=_trace(error))


def _succeeded(value: object) -> Outcome:
    try:
        return Succeeded(clean(to_jsonable_python(value)))
    except (ValueError, TypeError, RecursionError) as error:
        text = f"The command returned a value that is not JSON: {_message(error, bare=True)}"
        return Failed("invalid_result", text, permanent=True)


def _message(error: BaseException, *, bare: bool = False) -> str:
    lines = "".join(traceback.format_exception_only(error)).strip()
    name = type(error).__qualname__
    if bare:
        # Only the text: the class is Mainspring's own. `format_exception_only` also works with a broken __str__.
        lines = lines.partition(": ")[2] or name
    else:
        module = type(error).__module__
        lines = lines.removeprefix(f"{module}.")
    return str(clean(lines))[:MAX_MESSAGE_LENGTH]


def _trace(error: BaseException) -> JSON:
    # Without the first frame, which is `_call` and not the code of the command.
    inner = error.__traceback__.tb_next if error.__traceback__ else None
    lines = "".join(traceback.format_exception(type(error), error, inner)).splitlines()
    return clean({"traceback": [line[:MAX_MESSAGE_LENGTH] for line in lines[-N_TRACEBACK_LINES:]]})


def _stopped(stopper: Stopper, context: Context) -> Outcome:
    if stopper.reason is None:
        return Failed(TIMED_OUT, f"The command did not end within {context.timeout.total_seconds():g} s.")
    return Cancelled("The command was stopped because its run was cancelled.")


def _truncated(outcome: Outcome, context: Context) -> Outcome:
    """Return the outcome. If its result is longer than MAX_RESULT_BYTES, keep only the beginning of the result."""
    if not isinstance(outcome, Succeeded):
        return outcome
    text = json.dumps(outcome.result, ensure_ascii=False)
    n_bytes = len(text.encode())
    if n_bytes <= MAX_RESULT_BYTES:
        return outcome
    context.log(
        f"The result has {n_bytes} bytes as JSON, more than {MAX_RESULT_BYTES}: only its beginning is stored.",
        "warning",
    )
    return Succeeded({"truncated": True, "n_bytes": n_bytes, "beginning": text[:KEPT_RESULT_LENGTH]})
