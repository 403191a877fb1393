"""Proves that a fault in a target kind becomes one sentence with an id, and leaves the other kinds as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from executions.admin.targets.base import Look
from executions.targets.loading import load_parts, load_targets, template_faults
from executions.targets.registry import KINDS
from tests.extending import KIND

if TYPE_CHECKING:
    from pathlib import Path

    from django.core.checks import Error


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def load(folder: Path, **sources: str) -> list[Error]:
    """Load the built-in kinds and these modules; return the faults, after checking that the built-in kinds are there."""
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source)
    targets, faults = load_targets([*KINDS, *sources])
    assert list(targets)[:2] == ["http", "command"]
    assert len(targets) + len(faults) == 2 + len(sources)
    return faults


def test_a_sound_kind_comes_after_the_built_in_ones_and_has_no_fault(folder: Path) -> None:
    assert load(folder, sound_kind=KIND) == []


@pytest.mark.parametrize(
    ("old", "new", "error_id", "part"),
    [
        ("TARGET = FileTarget()", "1 / 0", "E001", "ZeroDivisionError: division by zero ("),
        ("TARGET = FileTarget()", "", "E001", "has no TARGET"),
        ("TARGET = FileTarget()", "TARGET = FileTarget", "E001", "not an instance of executions.targets.base.Target"),
        ("def execute", "def executes", "E001", "execute"),
        ("import time\n", "import tyme\n", "E001", "No module named 'tyme'"),
        ('kind = "file"\n', "\n", "E002", "has no `kind`"),
        ('kind = "file"\n', 'kind = "Files and folders"\n', "E002", "as `kind`"),
        ('kind = "file"\n', f'kind = "{"k" * 21}"\n', "E002", "as `kind`"),
        ("config = FileConfig", "", "E002", "has no `config`"),
        ("config = FileConfig", "config = dict", "E002", "as `config`"),
        ('queue = "http"', 'queue = ""', "E002", "as `queue`"),
        ("default_timeout = timedelta(minutes=10)", "", "E002", "has no `default_timeout`"),
        ("timedelta(minutes=10)", "timedelta(0)", "E002", "as `default_timeout`"),
        ("timedelta(minutes=10)", "600", "E002", "has 600 as `default_timeout`"),
        ('queue = "http"', 'queue = "http"\n    max_runs_per_message = 0', "E002", "as `max_runs_per_message`"),
        ('kind = "file"\n', 'kind = "http"\n', "E004", "does not narrow `kind` to 'http'"),
        ('kind: Literal["file"] = "file"', "", "E004", "does not narrow `kind` to 'file'"),
        ('kind: Literal["file"] = "file"', 'kind: str = "file"', "E004", "does not narrow `kind` to 'file'"),
        ("path: Annotated[str,", "path: Annotated[threading.Event,", "E001", "threading.Event"),
        (
            "    path: Annotated",
            "    wait: Callable[[], int] = print\n    path: Annotated",
            "E005",
            "has no JSON schema",
        ),
    ],
)
def test_a_fault_of_a_kind_is_one_sentence_with_a_hint(
    folder: Path, old: str, new: str, error_id: str, part: str
) -> None:
    assert old in KIND
    source = KIND.replace(old, new, 1).replace("from pathlib", "from collections.abc import Callable\nfrom pathlib")
    (fault,) = load(folder, **{f"faulty_{abs(hash((old, new)))}": source})
    assert (fault.id, fault.msg.count("\n"), fault.msg[-1]) == (f"mainspring.{error_id}", 0, ".")
    assert part in fault.msg, fault.msg
    assert fault.hint


def test_an_import_error_names_the_line_of_the_module_itself(folder: Path) -> None:
    (fault,) = load(folder, bad_pattern=KIND.replace('pattern="^/"', 'pattern="("'))
    line = KIND.splitlines().index("class FileConfig(TargetConfig):") + 1
    assert f"({folder / 'bad_pattern.py'}, line {line})" in fault.msg


def test_a_module_that_does_not_exist_is_named_without_a_line(folder: Path) -> None:
    (fault,) = load_targets(["nowhere.kinds"])[1]
    assert fault.msg == "The target module nowhere.kinds can't be imported: there is no module nowhere."


def test_of_two_kinds_with_one_name_the_first_stays(folder: Path) -> None:
    first, second = KIND, KIND.replace("minutes=10", "minutes=20")
    (fault,) = load(folder, first_files=first, second_files=second)
    assert (fault.id, "first_files and second_files" in fault.msg) == ("mainspring.E003", True)


def test_a_part_of_a_kind_may_be_missing(folder: Path) -> None:
    (folder / "no_looks").mkdir()
    (folder / "no_looks" / "__init__.py").touch()
    assert load_parts("no_looks", "LOOK", Look, ["http"], "mainspring.E007") == ({}, [])


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ("", "has no LOOK"),
        ("LOOK = 5", "not an instance of executions.admin.targets.base.Look"),
        ("LOOK = look()", "NameError: name 'look' is not defined"),
        ("import nowhere", "No module named 'nowhere'"),
    ],
)
def test_a_part_without_its_object_is_one_sentence_with_a_hint(folder: Path, source: str, part: str) -> None:
    package = folder / f"looks_{abs(hash(source))}"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "http.py").write_text(source)
    parts, (fault,) = load_parts(package.name, "LOOK", Look, ["http", "command"], "mainspring.E007")
    assert (parts, fault.id) == ({}, "mainspring.E007")
    assert part in fault.msg and package.name in fault.msg and fault.hint


def test_a_template_that_does_not_exist_is_named_with_its_kind() -> None:
    templates = {"http": "executions/admin/targets/http.html", "file": "nowhere/file.html"}
    (fault,) = template_faults(templates, "LOOK", "mainspring.E007")
    assert fault.id == "mainspring.E007"
    assert fault.msg.startswith("The LOOK of the target kind 'file' has a template that can't be loaded, ")
    assert "nowhere/file.html" in fault.msg
