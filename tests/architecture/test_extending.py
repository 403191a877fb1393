"""Proves that the examples of docs/extending.md work: modules are imported, lines added, and do what the page says."""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import runpy
import textwrap
from datetime import UTC, datetime, timedelta
from types import FunctionType, ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import django.db
import pytest
from django import forms
from django.db import connection, migrations
from django.db.migrations.state import ProjectState

from executions.admin.targets.base import Look
from executions.models import Watch
from executions.policies import run_policies
from executions.states import RunStatus
from executions.targets.base import Failed
from executions.worker import endings
from schedules.admin.form import fields, limits, policy_words
from schedules.admin.targets.base import Section
from schedules.jobs import members
from schedules.models import job as job_model
from tests.extending import examples, lines_to_add, lines_with
from tests.factories import NOW, make_job

if TYPE_CHECKING:
    from pathlib import Path

TARGET = {"kind": "file", "path": "/data/in.csv"}


# For each example of lines to add: a text in it, and where the page finds the names that the lines use.
SOURCES_OF_NAMES: dict[str, tuple[object, ...]] = {
    "retry_timeouts: bool": (run_policies,),
    "is_final = ": (endings, endings.after_outcome),
    "switch(": (limits, fields),
    "After a timeout": (policy_words, policy_words._describe),
    "owner: Annotated": (members,),
    "owner = models": (job_model,),
    "migrations.RunSQL": (django.db,),
}


def run_example(path: str, folder: Path) -> dict[str, Any]:
    """Import an example and return what it defines."""
    (folder / "example.py").write_text(examples()[path])
    return runpy.run_path(str(folder / "example.py"))


def test_the_page_has_an_example_of_each_module() -> None:
    assert set(examples()) == {
        "executions/targets/file.py",
        "executions/admin/targets/file.py",
        "schedules/admin/targets/file.py",
        "schedules/passes/reactions/slow_runs.py",
    }


@pytest.mark.parametrize("path", examples())
def test_every_name_in_an_example_module_exists(path: str, tmp_path: Path) -> None:
    tree = ast.parse(examples()[path])
    imports = (ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom))
    (tmp_path / "imports.py").write_text("\n".join(imports))
    runpy.run_path(str(tmp_path / "imports.py"))  # the imports for type checkers too
    assert not names_used(tree) - set(vars(builtins))


def test_the_table_of_names_has_each_example_of_lines_to_add() -> None:
    assert sorted(lines_with(text) for text in SOURCES_OF_NAMES) == sorted(lines_to_add())


@pytest.mark.parametrize("text", SOURCES_OF_NAMES)
def test_every_name_in_an_example_of_lines_to_add_exists(text: str) -> None:
    lines, known = lines_with(text), set(vars(builtins))
    if lines.startswith("case "):
        lines = "match outcome:\n" + indented(lines, 1)
    elif lines.startswith('"'):
        lines = f"{{\n{lines}}}"
    for source in SOURCES_OF_NAMES[text]:
        known.update(source.__code__.co_varnames if isinstance(source, FunctionType) else vars(source))
    assert not names_used(ast.parse(lines)) - known


def names_used(tree: ast.AST) -> set[str]:
    """Return the names that the code reads and does not define."""
    read, defined = set[str](), set[str]()
    for node in ast.walk(tree):
        match node:
            case ast.Name(name, ast.Load()):
                read.add(name)
            case ast.Name(name) | ast.arg(name) | ast.ClassDef(name) | ast.FunctionDef(name) | ast.alias(name, None):
                defined.add(name)
            case ast.ExceptHandler(_, str(name)):
                defined.add(name)
    return read - defined


def test_the_look_shows_the_path(tmp_path: Path) -> None:
    look = run_example("executions/admin/targets/file.py", tmp_path)["LOOK"]
    assert isinstance(look, Look)
    assert look.words(TARGET) == ("wait for", "/data/in.csv")
    assert look.words({"kind": "file"}) == ("wait for", "")


def test_the_section_keeps_a_target_that_nobody_touched(tmp_path: Path) -> None:
    section = run_example("schedules/admin/targets/file.py", tmp_path)["SECTION"]
    assert isinstance(section, Section)
    assert set(section.places.values()) == set(section.fields)
    assert section.target(section.initial(TARGET), TARGET) == TARGET
    assert section.initial(None) == {"file_path": ""}


def test_the_reaction_logs_slow_runs_alone(tmp_path: Path) -> None:
    names = run_example("schedules/passes/reactions/slow_runs.py", tmp_path)
    runs = [SimpleNamespace(pk=pk, duration=length) for pk, length in (("fast", timedelta(0)), ("slow", timedelta(1)))]
    logged: list[str] = []
    react = names["log_slow_runs"]
    react.__globals__["log"] = SimpleNamespace(info=lambda event, **facts: logged.append(facts["run"]))
    assert react([SimpleNamespace(run=run) for run in runs], datetime.now(UTC)) == 0
    assert logged == ["slow"]


def run_changed(module: ModuleType, before: str, after: str, folder: Path) -> dict[str, Any]:
    """Import a copy of a module with `after` in the place of `before`, as a contributor would change it."""
    source = inspect.getsource(module)
    assert source.count(before) == 1
    (folder / "changed.py").write_text(source.replace(before, after))
    return runpy.run_path(str(folder / "changed.py"))


def indented(lines: str, n_levels: int) -> str:
    return textwrap.indent(lines, " " * 4 * n_levels)


@pytest.fixture
def policies(tmp_path: Path) -> Any:
    """The class of policies with the page's field; a subclass, so that other tests keep their class."""
    source = "from pydantic import Field\nfrom schedules.policies import JobPolicies\n\nclass Example(JobPolicies):\n"
    (tmp_path / "example.py").write_text(source + indented(lines_with("retry_timeouts: bool"), 1))
    return runpy.run_path(str(tmp_path / "example.py"))["Example"]


def test_the_policy_keeps_what_happened_before_it_existed(policies: Any) -> None:
    assert policies().retry_timeouts is True


def test_the_policy_decides_whether_a_timeout_is_retried(policies: Any, tmp_path: Path) -> None:
    lines = lines_with("is_final = ")
    before = next(text for text in re.split(r"(?= {8}case )", inspect.getsource(endings)) if "case Failed()" in text)
    names = run_changed(endings, before, indented(lines, 2), tmp_path)
    ended = names["EndedAttempt"](UUID(int=1), 1, 1, 0)
    statuses = {
        (code, retried): names["after_outcome"](
            ended, Failed(code, ""), policies(retry_timeouts=retried), NOW, 0
        ).status
        for code in ("timed_out", "refused")
        for retried in (True, False)
    }
    assert statuses.pop(("timed_out", False)) is RunStatus.FAILED
    assert set(statuses.values()) == {RunStatus.RETRYING}


def test_the_job_page_says_the_policy_where_it_differs(policies: Any, tmp_path: Path) -> None:
    last = """        ("Feature flag", _flag(policies.feature_flag)),\n"""
    (added,) = re.findall(r"^ {4}\(.*\n", lines_with("After a timeout"), re.MULTILINE)
    in_words = run_changed(policy_words, last, last + indented(added, 1), tmp_path)["in_words"]
    in_words.__globals__["JobPolicies"] = policies
    spec = SimpleNamespace(target_kind="http")
    jobs = [SimpleNamespace(readable_policies=policies(retry_timeouts=value), spec=spec) for value in (True, False)]
    assert [in_words(job) for job in jobs] == [[], [("After a timeout", "fail")]]


def test_the_job_form_gets_a_checkbox_for_the_policy(tmp_path: Path) -> None:
    first, added = "FORM_FIELDS: dict[str, forms.Field] = {\n", indented(lines_with("switch("), 1)
    imported = "from schedules.admin.form.fields import switch\n"  # as the page says
    names = run_changed(limits, first, imported + first + added, tmp_path)
    assert isinstance(names["FORM_FIELDS"]["retry_timeouts"], forms.BooleanField)


@pytest.mark.django_db
def test_the_migration_of_the_page_reaches_jobs_that_exist(tmp_path: Path) -> None:
    job = make_job("old", policies={"overlap": "allow"})
    assert not Watch.objects.filter(job_id=job.pk).exists()
    (tmp_path / "migration.py").write_text("from django.db import migrations\n" + lines_with("migrations.RunSQL"))
    (operation,) = runpy.run_path(str(tmp_path / "migration.py"))["operations"]
    assert isinstance(operation, migrations.RunSQL)
    with connection.schema_editor() as editor:
        for _ in range(2):  # the notes of a version may repeat it
            operation.database_forwards("schedules", editor, ProjectState(), ProjectState())
    assert Watch.objects.filter(job_id=job.pk).exists()
