"""Proves that a fault in a target kind becomes one sentence with an id, and leaves the other kinds as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from executions.targets.loading import load_targets
from executions.targets.registry import KINDS
from tests.extending import KIND

if TYPE_CHECKING:
    from pathlib import Path

    from django.core.checks import Error

# Before the imports of the example: what its faulty variants use.
PRELUDE = """
from collections.abc import Callable
from typing import ClassVar
from pydantic import BeforeValidator, field_validator
from pydantic_core import core_schema

class MuteError(Exception):
    def __str__(self):
        return 1 / 0

class Odd:
    @classmethod
    def __get_pydantic_core_schema__(cls, source, handler):
        return core_schema.str_schema()

    @classmethod
    def __get_pydantic_json_schema__(cls, core, handler):
        raise KeyError("no schema")

class OddExit(Odd):
    @classmethod
    def __get_pydantic_json_schema__(cls, core, handler):
        raise SystemExit(4)

"""
GROUP = 'raise BaseExceptionGroup("two", [SystemExit(), KeyboardInterrupt()])'
MUTE = "raise MuteError"
BROKEN_KIND = """
    @property
    def kind(self):
        raise LookupError("gone")

"""
BEFORE = """kind: Literal["file"] = "file"

    @field_validator("kind", mode="before")
    @classmethod
    def lower(cls, value):
        return value
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def load(folder: Path, **sources: str) -> list[Error]:
    """Load the built-in kinds and these modules; return the faults. Check that the built-in kinds are there."""
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
        ("timedelta(minutes=10)", "timedelta.max", "E002", "as `default_timeout`"),
        ("timedelta(minutes=10)", "600", "E002", "has 600 as `default_timeout`"),
        ('queue = "http"', 'queue = "http"\n    max_runs_per_message = 0', "E002", "as `max_runs_per_message`"),
        ('queue = "http"', 'queue = "http"\n    max_runs_per_message = True', "E002", "has True as"),
        ("TARGET = FileTarget()", "raise SystemExit(3)", "E001", "can't be imported: SystemExit: 3 ("),
        ("TARGET = FileTarget()", "raise SystemExit", "E001", "can't be imported: SystemExit ("),
        ("TARGET = FileTarget()", "raise GeneratorExit", "E001", "can't be imported: GeneratorExit ("),
        ("TARGET = FileTarget()", GROUP, "E001", "BaseExceptionGroup: two"),
        ("TARGET = FileTarget()", MUTE, "E001", "MuteError: its message can't be read, because of ZeroDivisionError"),
        ('kind = "file"\n', BROKEN_KIND, "E002", "can't be checked: LookupError: gone ("),
        ('kind = "file"\n', 'kind = "http"\n', "E004", "does not narrow `kind` to 'http'"),
        ('kind: Literal["file"] = "file"', "", "E004", "does not narrow `kind` to 'file'"),
        ('kind: Literal["file"] = "file"', 'kind: str = "file"', "E004", "does not narrow `kind` to 'file'"),
        ('kind: Literal["file"]', "kind: ClassVar[str]", "E004", "does not narrow `kind` to 'file'"),
        ('kind: Literal["file"] = "file"', BEFORE, "E004", "can't be recognized by its `kind`: "),
        (
            'kind: Literal["file"]',
            'kind: Annotated[Literal["file"], BeforeValidator(str)]',
            "E004",
            "can't be recognized",
        ),
        (
            'Literal["file"] = "file"',
            'Literal["file"] = Field("file", alias="Kind")',
            "E004",
            "Aliases for discriminator",
        ),
        ("path: Annotated[str,", "path: Annotated[threading.Event,", "E001", "threading.Event"),
        (
            "    path: Annotated",
            "    wait: Callable[[], int] = print\n    path: Annotated",
            "E005",
            "has no JSON schema",
        ),
        ("path: Annotated[str,", "path: Annotated[Odd,", "E005", "document: KeyError: 'no schema'."),
        ("path: Annotated[str,", "path: Annotated[OddExit,", "E002", "can't be checked: SystemExit: 4 ("),
    ],
)
def test_a_fault_of_a_kind_is_one_sentence_with_a_hint(
    folder: Path, old: str, new: str, error_id: str, part: str
) -> None:
    assert old in KIND
    source = KIND.replace(old, new, 1).replace("from pathlib", f"{PRELUDE}from pathlib")
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


def test_a_module_that_is_listed_twice_is_named_once(folder: Path) -> None:
    (folder / "a_kind.py").write_text(KIND)
    targets, faults = load_targets([*KINDS, "a_kind", "a_kind", KINDS[0]])
    assert [fault.msg for fault in faults] == [
        "The target module a_kind is listed twice.",
        f"The target module {KINDS[0]} is listed twice.",
    ]
    assert {fault.id for fault in faults} == {"mainspring.E003"} and len(targets) == 3


def test_a_kind_may_not_have_the_name_of_a_module_that_all_kinds_share(folder: Path) -> None:
    (fault,) = load(folder, base_kind=KIND.replace('"file"', '"base"'))
    assert fault.msg == "The target of base_kind has the kind 'base', which is a reserved name."
    assert (fault.id, "Choose another name" in str(fault.hint)) == ("mainspring.E002", True)


def test_ctrl_c_still_ends_the_process(folder: Path) -> None:
    (folder / "interrupted.py").write_text("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load_targets(["interrupted"])
