"""The rules for waiting: tests wait for conditions, and only named functions sleep."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from tests.architecture.source_files import SOURCE, TESTS, TESTS_AND_BENCHMARKS, nodes_of, relative

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_tests_wait_for_nothing_but_conditions() -> None:
    calls = {
        (relative(path), ast.unparse(node.func))
        for path in TESTS
        if "time.sleep(" in path.read_text()
        for node in nodes_of(path)
        if isinstance(node, ast.Call)
    }
    assert {path for path, function in calls if function == "time.sleep"} == {"tests/waiting.py"}


# Waits for an event that nobody sets are sleeps. By file: the function that does so, and why it may.
SLEEPS = {
    ("values/database.py", "wait_for_database"),  # the one wait of the source, for threads that have nothing else to do
    ("tests/executions/targets/command/test_stopper.py", "wait_long"),  # a command that is stopped while it waits
    ("tests/executions/targets/command/test_target.py", "wait_long"),  # the same
    ("tests/contracts/test_targets.py", "hang_on"),  # a command that hangs until its timeout
    ("tests/acceptance/commands.py", "stubborn"),  # a command that never ends
}


def is_sleep(node: ast.AST) -> bool:
    """Whether a node is `Event().wait(...)`: nobody else knows that event, so nobody can set it."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "wait"):
        return False
    event = node.func.value
    return isinstance(event, ast.Call) and ast.unparse(event.func) in {"Event", "threading.Event"}


def test_nothing_sleeps_on_an_event_that_nobody_sets() -> None:
    found = {
        (relative(path), function.name)
        for path in (*SOURCE, *TESTS_AND_BENCHMARKS)
        if "Event().wait(" in path.read_text()
        for function in nodes_of(path)
        if isinstance(function, ast.FunctionDef) and any(is_sleep(node) for node in own_nodes(function))
    }
    assert found == SLEEPS


def own_nodes(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """The nodes of a function, without those of the functions inside it."""
    rest: list[ast.AST] = list(ast.iter_child_nodes(function))
    while rest:
        node = rest.pop()
        yield node
        if not isinstance(node, ast.FunctionDef):
            rest += ast.iter_child_nodes(node)
