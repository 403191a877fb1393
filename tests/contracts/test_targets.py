"""Proves that every registered kind of target keeps the promises of `Target`: its outcomes, its timeout, its stop.

A new kind adds a `Case` to `CASES`. The kind that docs/extending.md shows as an example is held to the same promises.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from executions.targets.base import Cancelled, Failed, InvalidTarget, Outcome, StopReason, Succeeded
from executions.targets.command import CommandContext, command, registry
from executions.targets.loading import load_targets
from executions.targets.registry import TARGETS, parse_config
from tests.extending import KIND
from tests.receiver import answer, hang, running_receiver
from tests.target_context import RecordingContext
from tests.valid_targets import parse
from values.json_values import find_unstorable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_django import Settings


@dataclasses.dataclass
class Case:
    """One kind of target, with a definition (target, payload) for each way in which an attempt may end."""

    kind: str
    succeeds: tuple[dict[str, Any], Any]
    fails: tuple[dict[str, Any], Any]
    hangs: tuple[dict[str, Any], Any]
    invalid: tuple[dict[str, Any], Any]
    reached: threading.Event  # set as soon as the attempt that hangs has started
    ended: threading.Event = dataclasses.field(default_factory=threading.Event)  # set if it then ends by itself


@contextlib.contextmanager
def http_case(folder: Path) -> Iterator[Case]:
    with running_receiver() as receiver:
        receiver.script("/ok", answer(200, "fine \0 \ud7ff", {"X-Odd": "a\x01"}))
        receiver.script("/bad", answer(500, b"\xff\x00"))
        receiver.script("/slow", hang())
        target = {"kind": "http", "method": "POST"}
        yield Case(
            kind="http",
            succeeds=({**target, "url": receiver.url("/ok")}, {"a": 1}),
            fails=({**target, "url": receiver.url("/bad")}, None),
            hangs=({**target, "url": receiver.url("/slow")}, None),
            invalid=({**target, "url": "nowhere"}, None),
            reached=receiver.arrived,
        )


@contextlib.contextmanager
def command_case(folder: Path) -> Iterator[Case]:
    known, reached, ended = dict(registry.commands()), threading.Event(), threading.Event()

    @command("contract.ok")
    def ok(context: CommandContext, a: int) -> dict[str, object]:
        return {"a": a, "odd": "\0\ud800", "infinite": float("inf")}

    @command("contract.bad")
    def bad() -> None:
        raise ValueError("odd \0 \ud800")

    @command("contract.hang")
    def hang_on() -> None:
        reached.set()
        threading.Event().wait(60)
        ended.set()

    yield Case(
        kind="command",
        succeeds=({"kind": "command", "name": "contract.ok"}, {"a": 1}),
        fails=({"kind": "command", "name": "contract.bad"}, None),
        hangs=({"kind": "command", "name": "contract.hang"}, None),
        invalid=({"kind": "command", "name": "contract.ok"}, {"a": "one"}),
        reached=reached,
        ended=ended,
    )
    registry.COMMANDS.clear()
    registry.COMMANDS.update(known)


@contextlib.contextmanager
def example_case(folder: Path) -> Iterator[Case]:
    reached = threading.Event()

    class WatchedEvent(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            reached.set()
            return super().wait(timeout)

    (folder / "example_of_a_kind.py").write_text(KIND)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        (target,) = load_targets(["example_of_a_kind"])[0].values()
        patch.setattr("example_of_a_kind.threading", SimpleNamespace(Event=WatchedEvent))
        patch.setitem(TARGETS, target.kind, target)
        yield Case(
            kind="file",
            succeeds=({"kind": "file", "path": __file__}, None),
            fails=({"kind": "file", "path": f"{__file__}/below"}, None),
            hangs=({"kind": "file", "path": str(folder / "never")}, None),
            invalid=({"kind": "file", "path": "relative"}, None),
            reached=reached,
        )


CASES: dict[str, Callable[[Path], contextlib.AbstractContextManager[Case]]] = {
    "http": http_case,
    "command": command_case,
}


@pytest.fixture(params=[*TARGETS, "the example of docs/extending.md"])
def case(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> Iterator[Case]:
    assert set(CASES) == set(TARGETS), "every registered kind needs a case here"
    knobs: Any = settings.MAINSPRING
    settings.MAINSPRING = dataclasses.replace(knobs, http_allow_private_networks=True)
    with CASES.get(request.param, example_case)(tmp_path) as made:
        yield made


def execute(definition: tuple[dict[str, Any], Any], context: RecordingContext) -> Outcome:
    data, payload = definition
    config = parse(data, payload)
    outcome = TARGETS[config.kind].execute(config, payload, context)
    assert find_unstorable(outcome.result) is None, "a result must be JSON that PostgreSQL can store"
    json.dumps(outcome.result, allow_nan=False)
    assert context.callbacks == [], "a target must unregister its callback before it returns"
    return outcome


def test_it_is_registered_under_its_own_kind(case: Case) -> None:
    assert TARGETS[case.kind].kind == case.kind


def test_its_configuration_survives_storage(case: Case) -> None:
    config = parse(*case.succeeds)
    assert parse_config(json.loads(json.dumps(config.model_dump(mode="json")))) == config


def test_it_refuses_an_invalid_definition_with_a_sentence(case: Case) -> None:
    with pytest.raises(InvalidTarget) as caught:
        parse(*case.invalid)
    assert all(texts and all(texts) for texts in caught.value.errors.values())


def test_it_names_what_its_runs_share_whatever_is_stored(case: Case) -> None:
    target = TARGETS[case.kind]
    for stored in (case.succeeds[0], {}, {"kind": case.kind}, {name: [5, None] for name in target.config.model_fields}):
        assert isinstance(target.share_of(stored), str)


def test_it_succeeds(case: Case) -> None:
    assert isinstance(execute(case.succeeds, RecordingContext()), Succeeded)


def test_it_can_be_executed_repeatedly(case: Case) -> None:
    for _ in range(3):
        assert isinstance(execute(case.succeeds, RecordingContext()), Succeeded)


def test_it_fails_with_a_code_and_a_message(case: Case) -> None:
    outcome = execute(case.fails, RecordingContext())
    assert isinstance(outcome, Failed)
    assert outcome.code.isidentifier()
    assert find_unstorable(outcome.message) is None
    assert len(outcome.message) > 5


def test_it_fails_with_timed_out_at_its_timeout(case: Case) -> None:
    began = time.monotonic()
    outcome = execute(case.hangs, RecordingContext(0.2))
    assert time.monotonic() - began > 0.15
    assert not case.ended.is_set()
    assert isinstance(outcome, Failed)
    assert outcome.code == "timed_out"
    assert not outcome.permanent


@pytest.mark.parametrize("reason", list(StopReason))
def test_it_returns_cancelled_when_it_is_stopped(case: Case, reason: StopReason) -> None:
    context = RecordingContext(3600)
    context.stop_when(case.reached, reason)
    outcome = execute(case.hangs, context)
    assert isinstance(outcome, Cancelled)
    assert not case.ended.is_set()


def test_it_does_not_start_when_it_was_stopped_before(case: Case) -> None:
    context = RecordingContext(30)
    context.stop(StopReason.CANCELLED)
    assert isinstance(execute(case.hangs, context), Cancelled)
    assert not case.reached.is_set()


def test_it_never_raises_not_even_for_an_unchecked_payload(case: Case) -> None:
    data, _ = case.succeeds
    config = parse_config(data)
    for payload in (None, 5, "\ud800", [float("nan")], {"a": object()}):
        outcome = TARGETS[case.kind].execute(config, payload, RecordingContext())
        assert isinstance(outcome, Succeeded | Failed)
