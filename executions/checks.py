"""System checks of target kinds and command modules. `manage.py check` runs them.

docs/extending.md lists the ids of their messages.

At their start, web, worker and beat run only one of these checks: `check_targets`. A process exits if `check_targets`
reports an error (see `scheduler_project/start_checks.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.core.checks import Error, Warning

from executions.targets import registry
from executions.targets.command.registry import load_modules
from executions.targets.loading import template_faults
from executions.targets.wording import error_words, value_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.core.checks import CheckMessage

    from executions.admin.targets.base import Look
    from executions.targets.base import Target


def check_targets(**_: object) -> list[CheckMessage]:
    """Report faults of target kinds, and faults of the modules and templates that show a kind in the admin."""
    from executions.admin import targets as looks  # noqa: PLC0415 - the admin site exists only after this import

    return [
        *registry.FAULTS,
        *unserved_queues(registry.TARGETS.values(), settings.MAINSPRING_WORKER_QUEUES),
        *looks.FAULTS,
        *template_faults({kind: look.template for kind, look in looks.LOOKS.items()}, "LOOK", "mainspring.E007"),
        *missing_words(looks.LOOKS),
    ]


def check_commands(**_: object) -> list[CheckMessage]:
    """Warn about command modules that can't be imported. Only a warning, because the other commands still work."""
    return [
        Warning(
            f"The commands of {module} are missing, because the module can't be imported: {problem}.",
            hint="Correct the module, or its name in MAINSPRING_COMMAND_MODULES.",
            id="mainspring.W001",
        )
        for module, problem in load_modules(log_problems=False).items()
    ]


def unserved_queues(targets: Iterable[Target], queues: Iterable[str]) -> list[CheckMessage]:
    """Report target kinds whose queue is not among `queues`, the queues that workers consume."""
    served = sorted(queues)
    return [
        Error(
            f"The queue {target.queue!r} of the target kind {target.kind!r} is not in "
            "MAINSPRING_WORKER_QUEUES, the queues that workers consume.",
            hint=f"Set the kind's queue to one of {', '.join(served)}; or start a worker with `-Q {target.queue}` and "
            "add the queue to MAINSPRING_WORKER_QUEUES.",
            id="mainspring.E006",
        )
        for target in targets
        if target.queue not in served
    ]


def missing_words(looks: Mapping[str, Look]) -> Iterable[CheckMessage]:
    """Report the looks whose method `words` fails for a target with only the member `kind`.

    The method must return two texts and raise no exception.
    """
    for kind, look in looks.items():
        try:
            words = look.words({"kind": kind})
            is_valid = (
                isinstance(words, tuple | list) and len(words) == 2 and all(isinstance(text, str) for text in words)
            )
            problem = "" if is_valid else f"returns {value_words(words)}"
        except Exception as error:  # noqa: BLE001 - whatever the look raises, every list of jobs would raise it too
            problem = f"raises {error_words(error)}"
        if problem:
            yield Error(
                f"The LOOK of the target kind {kind!r} can't describe every target: `words` {problem}.",
                hint="`words` must return two texts, even for a target with only the member `kind`: another version "
                "may have stored the target.",
                id="mainspring.E007",
            )
