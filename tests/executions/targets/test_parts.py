"""Proves that a fault in a module or template that shows a kind in the admin becomes one sentence with an id."""

from __future__ import annotations

import pkgutil
from typing import TYPE_CHECKING

import pytest

from executions.admin import targets as look_package
from executions.admin.targets.base import Look
from executions.targets.kind_faults import RESERVED_KINDS, TEMPLATE
from executions.targets.loading import load_parts, template_faults
from executions.targets.registry import TARGETS
from schedules.admin import targets as section_package

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from pytest_django import Settings


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("package", [look_package, section_package], ids=["looks", "sections"])
def test_the_names_of_all_shared_modules_are_reserved(package: ModuleType) -> None:
    modules = {module.name for module in pkgutil.iter_modules(package.__path__)}
    assert modules - set(TARGETS) == RESERVED_KINDS


def test_a_part_of_a_kind_may_be_missing(folder: Path) -> None:
    (folder / "no_looks").mkdir()
    (folder / "no_looks" / "__init__.py").touch()
    assert load_parts("no_looks", "LOOK", Look, ["http"], "mainspring.E007") == ({}, [])


LOOK = """
from executions.admin.targets.base import Look

class OwnLook(Look):
    ...

LOOK = OwnLook()
"""


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ("", "has no LOOK"),
        ("LOOK = 5", "not an instance of executions.admin.targets.base.Look"),
        ("LOOK = look()", "NameError: name 'look' is not defined"),
        ("import nowhere", "No module named 'nowhere'"),
        ("raise SystemExit(3)", "can't be imported: SystemExit: 3 ("),
        (LOOK.replace("...", "template = None"), "has no `template`"),
        (LOOK.replace("...", "template = ['a.html']"), "has ['a.html'] as `template`"),
        (LOOK.replace("...", "template = property(lambda self: 1 / 0)"), "ZeroDivisionError: division by zero ("),
    ],
)
def test_a_part_without_its_object_is_one_sentence_with_a_hint(folder: Path, source: str, part: str) -> None:
    package = folder / f"looks_{abs(hash(source))}"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "http.py").write_text(source)
    parts, (fault,) = load_parts(package.name, "LOOK", Look, ["http", "command"], "mainspring.E007", [TEMPLATE])
    assert (parts, fault.id) == ({}, "mainspring.E007")
    assert part in fault.msg and package.name in fault.msg and fault.hint


def test_a_template_that_does_not_exist_is_named_with_its_kind() -> None:
    templates = {"http": "executions/admin/targets/http.html", "file": "nowhere/file.html"}
    (fault,) = template_faults(templates, "LOOK", "mainspring.E007")
    assert fault.id == "mainspring.E007"
    expected = "The LOOK of the target kind 'file' has the template 'nowhere/file.html', which can't be loaded: "
    assert fault.msg.startswith(expected)


def test_a_template_whose_tags_fail_is_named_with_their_error(folder: Path, settings: Settings) -> None:
    (folder / "failing_tags.py").write_text("raise LookupError('no tags')")
    (folder / "failing.html").write_text("{% load failing %}")
    templates = [dict(settings.TEMPLATES[0]) | {"DIRS": [folder]}]
    templates[0]["OPTIONS"] = {**templates[0]["OPTIONS"], "libraries": {"failing": "failing_tags"}}
    settings.TEMPLATES = templates
    (fault,) = template_faults({"file": "failing.html"}, "SECTION", "mainspring.E008")
    assert "no tags" in fault.msg and fault.msg.count("\n") == 0
