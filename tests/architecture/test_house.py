"""The rules of the house that a machine can check: sizes, names, words, and who may do what."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import pytest
from django.apps import apps
from django.db import models

from executions.lifecycle import held_queries, queries
from tests.architecture.source_files import PACKAGES, ROOT, SOURCE, TESTS_AND_BENCHMARKS, nodes_of, relative, tree_of

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_MODULES, MAX_MEDIAN_LINES = 20, 100
DRAWERS = {"utils", "helpers", "common", "misc", "services", "util", "helper", "constants"}
# Words that mean one of the glossary's, so that a thing has one name. "Task" is Celery's alone.
SYNONYMS = {"execution", "executions", "invocation", "cronjob", "trial", "worklog", "organisation", "firing", "jobrun"}
CELERYS = {
    "tasks.py",
    "beat.py",
    "dispatch.py",
    "celery.py",
    "settings.py",
    "periodic.py",
    "theme.py",
    "worker_consumer.py",
}


def test_files_are_small_and_named_for_what_they_do() -> None:
    assert not [relative(path) for path in (*SOURCE, *TESTS_AND_BENCHMARKS) if len(path.read_text().splitlines()) > 400]
    assert not [relative(path) for path in (*SOURCE, *TESTS_AND_BENCHMARKS) if path.stem in DRAWERS]


def test_no_folder_has_many_modules_and_most_modules_are_short() -> None:
    folders = Counter(relative(path.parent) for path in SOURCE if path.name != "__init__.py")
    assert not {folder: n for folder, n in folders.items() if n > MAX_MODULES}, "group them in folders"
    assert median(len(path.read_text().splitlines()) for path in SOURCE) < MAX_MEDIAN_LINES


def test_every_module_says_what_lives_there() -> None:
    docstrings = {relative(path): ast.get_docstring(tree_of(path)) or "" for path in SOURCE}
    assert not [name for name, docstring in docstrings.items() if len(docstring.partition("\n")[0]) <= 10]


def names(path: Path) -> Iterator[str]:
    for node in nodes_of(path):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg


def words(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)}


def test_a_thing_has_the_name_that_the_glossary_gives_it() -> None:
    named = [(path, name) for path in SOURCE for name in names(path)]
    assert not [(relative(path), name) for path, name in named if words(name) & SYNONYMS and "Executions" not in name]
    tasks = [(relative(path), name) for path, name in named if "task" in words(name) and path.name not in CELERYS]
    assert not tasks, "a task is Celery's"


def ours() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if model._meta.app_label in PACKAGES]


@pytest.mark.parametrize("model", ours(), ids=lambda model: model.__name__)
def test_instants_end_in_at(model: type[models.Model]) -> None:
    for field in model._meta.get_fields():
        if isinstance(field, models.DateTimeField):
            assert field.name == "at" or field.name.endswith("_at"), field


@pytest.mark.parametrize("name", ["Job", "Run", "Attempt", "RunEvent"])
def test_what_people_own_carries_its_scope(name: str) -> None:
    (model,) = (model for model in ours() if model.__name__ == name)
    assert not model._meta.get_field("scope").null


SEAM = {"runs", "dispatch", "states", "policies", "history", "targets", "api", "admin"}


def test_schedules_reaches_executions_through_eight_modules() -> None:
    """The contract in pyproject.toml forbids the other modules by name; this also covers modules that come later."""
    for path in (path for path in SOURCE if path.is_relative_to(ROOT / "schedules")):
        for node in nodes_of(path):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "executions":
                module = (node.module or "").removeprefix("executions").removeprefix(".")
                reached = {module} if module else {alias.name for alias in node.names}
                assert reached <= SEAM, f"{relative(path)}: {reached - SEAM}"
            assert not isinstance(node, ast.Import) or not any(
                alias.name.startswith("executions") for alias in node.names
            ), relative(path)


def lines_with(pattern: str, allowed: set[str]) -> list[str]:
    found = []
    for path in SOURCE:
        if relative(path) not in allowed:
            found += [
                f"{relative(path)}: {line.strip()}"
                for line in path.read_text().splitlines()
                if re.search(pattern, line)
            ]
    return found


def test_sql_has_a_home() -> None:
    homes = {"values/database.py", "schedules/passes/wakeup.py"}
    assert not lines_with(r"\.cursor\(|\.raw\(|RawSQL|select_for_update\(", homes)


def test_only_transitions_write_a_runs_status() -> None:
    for path in SOURCE:
        for node in nodes_of(path):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in {"update", "save", "create"}
            ):
                assert not any(keyword.arg == "status" for keyword in node.keywords), relative(path)
            if isinstance(node, ast.Assign | ast.AugAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                written = [t for t in targets if isinstance(t, ast.Attribute) and t.attr == "status"]
                assert not any(isinstance(t.value, ast.Name) and t.value.id == "run" for t in written), relative(path)


STATEMENTS = {"executions/lifecycle/queries.py": queries, "executions/lifecycle/held_queries.py": held_queries}
WRITES_RUNS = re.compile(r"\b(?:UPDATE|INSERT\s+INTO|MERGE\s+INTO)\s+(?:ONLY\s+)?\"?executions_run\b", re.IGNORECASE)
WRITES_STATUS = re.compile(r"\bUPDATE executions_run AS run\s+SET status\b|\bINSERT INTO executions_run \(")


def test_sql_that_writes_runs_stands_in_two_files() -> None:
    assert {relative(path) for path in SOURCE if WRITES_RUNS.search(path.read_text())} == set(STATEMENTS)


def test_only_transitions_run_the_statements_that_write_a_status() -> None:
    statements = {
        name: text for module in STATEMENTS.values() for name, text in vars(module).items() if isinstance(text, str)
    }
    written = {name for name, text in statements.items() if WRITES_STATUS.search(text)}
    assert {"OPEN", "CLAIM", "FINISH", "DISPATCH", "DISPATCH_BY_ID", "RELEASE", "EXPIRE"} <= written
    for path in SOURCE:
        if relative(path) not in {*STATEMENTS, "executions/lifecycle/transitions.py"}:
            used = {name for node in nodes_of(path) for name in names_used(node)}
            assert not used & written, relative(path)


def names_used(node: ast.AST) -> set[str]:
    """Return the name that is read as `queries.NAME` or `held_queries.NAME`, or the names imported from one of them."""
    if isinstance(node, ast.Attribute) and ast.unparse(node.value) in {"queries", "held_queries"}:
        return {node.attr}
    if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("executions.lifecycle."):
        return {alias.name for alias in node.names}
    return set()


def test_only_the_settings_read_the_environment() -> None:
    entries = {f"scheduler_project/{name}.py" for name in ("settings", "celery", "wsgi", "gunicornconfig")}
    launcher = {relative(path) for path in SOURCE if "launch" in path.parts}
    assert not lines_with(r"os\.environ|getenv", entries | launcher | {"scheduler_project/flower_auth.py"})


def test_only_the_corrected_clock_reads_this_machines_clock() -> None:
    launcher = {relative(path) for path in SOURCE if "launch" in path.parts}
    assert not lines_with(r"datetime\.now\(|timezone\.now\(", launcher | {"values/clock.py"})


def test_endless_loops_stand_in_entry_points_only() -> None:
    # Those of a target end with its deadline.
    allowed = {relative(path) for path in SOURCE if {"launch", "targets"} & set(path.parts)}
    assert not lines_with(r"^\s*while True", allowed | {"executions/worker/heartbeat.py"})


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 250


def test_the_repository_names_no_machine() -> None:
    pattern = re.compile(r"(?<![\w.])/(?:home|root|work|Users)/\w")
    for path in [*SOURCE, *TESTS_AND_BENCHMARKS, *(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "Makefile"]:
        if path != Path(__file__):
            assert not pattern.search(path.read_text()), relative(path)
