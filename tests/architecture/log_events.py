"""Finds every log event in the source: the name that a structlog call gives, and the levels that it is logged at."""

from __future__ import annotations

import ast
from collections import defaultdict
from typing import TYPE_CHECKING

from tests.architecture.source_files import SOURCE, relative, tree_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

LEVELS = {"debug": "debug", "info": "info", "warning": "warning", "error": "error", "exception": "error"}
# `log.log` takes the level as a value: by event, the levels that this may be.
LEVELS_BY_VALUE = {"attempt_ended": {"debug", "info"}}


def log_events() -> dict[str, frozenset[str]]:
    """Return the levels of each event. Raises AssertionError for a call whose event cannot be told."""
    trees = {path: tree_of(path) for path in SOURCE}
    found: defaultdict[str, set[str]] = defaultdict(set)
    for path, tree in trees.items():
        for method, event in _logged(tree):
            names = list(_names(event, tree, trees.values()))
            assert names, f"{relative(path)}: which event is {ast.unparse(event)}?"
            for name in names:
                found[name] |= LEVELS_BY_VALUE[name] if method == "log" else {LEVELS[method]}
    return {name: frozenset(levels) for name, levels in found.items()}


def _logged(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Yield the logger's method and the event of each call.

    Calls are `log.info(event)`, `log.log(level, event)` and `partial(log.info, event)`.
    """
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if method := _log_method(node.func):
            yield method, node.args[1 if method == "log" else 0]
        elif ast.unparse(node.func) == "partial" and (method := _log_method(node.args[0])):
            yield method, node.args[1]


def _log_method(node: ast.expr) -> str:
    is_log = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "log"
    return node.attr if is_log and isinstance(node, ast.Attribute) and node.attr in {*LEVELS, "log"} else ""


def _names(event: ast.expr, tree: ast.Module, trees: Collection[ast.Module]) -> Iterator[str]:
    """What an event may be: a text, a constant of the module, or an argument of the function or class around it."""
    if isinstance(event, ast.Constant):
        yield str(event.value)
    elif isinstance(event, ast.Name):
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == event.id:
                yield from _names(node.value, tree, trees)
            elif isinstance(node, ast.FunctionDef) and event.id == next((a.arg for a in node.args.args), ""):
                yield from _first_arguments(node.name, [tree])
    elif isinstance(event, ast.JoinedStr):
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and event in ast.walk(node):
                for name in _first_arguments(node.name, trees):
                    yield "".join(str(part.value) if isinstance(part, ast.Constant) else name for part in event.values)


def _first_arguments(name: str, trees: Collection[ast.Module]) -> Iterator[str]:
    """The texts with which a function or class is called, as its first argument."""
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == name and isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value)
