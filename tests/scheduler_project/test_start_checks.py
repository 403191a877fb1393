"""Proves that no process starts with a faulty kind of target: it ends with a sentence and without a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scheduler_project.launch.first_run import explain
from tests.scheduler_project.required_variables import REQUIRED_VARIABLES

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
CELERY = ["-m", "celery", "-A", "scheduler_project.celery"]
SENTENCE = "The target module nowhere can't be imported: there is no module nowhere."


def start(*command: str) -> tuple[int, str]:
    """Start a process with a target module that does not exist; return its exit code and all that it prints."""
    ended = subprocess.run(
        [sys.executable, *command],
        env={"PATH": os.environ["PATH"], **REQUIRED_VARIABLES, "MAINSPRING_TARGET_MODULES": "nowhere"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["manage.py", "check"], id="manage.py check"),
        pytest.param([*CELERY, "worker", "-P", "solo"], id="worker"),
        pytest.param([*CELERY, "beat"], id="beat"),
        pytest.param(["-m", "gunicorn", "scheduler_project.wsgi", "--workers", "1", "--bind", "127.0.0.1:0"], id="web"),
    ],
)
def test_a_faulty_kind_refuses_to_start_with_its_sentence(command: list[str]) -> None:
    code, said = start(*command)
    assert code != 0
    assert SENTENCE in said and "mainspring.E001" in said and "Correct the module" in said
    assert "Traceback" not in said


def test_the_launcher_shows_the_sentences_of_the_checks_alone() -> None:
    code, said = start("manage.py", "check")
    assert code != 0
    hint = (
        "Correct the module, or remove its name from KINDS in executions/targets/registry.py or "
        "MAINSPRING_TARGET_MODULES."
    )
    assert explain(said) == f"mainspring.E001: {SENTENCE} {hint}"
