"""Proves the folder `.mainspring`: one launch at a time, private files, the stores' addresses, and leftovers."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from scheduler_project.launch import data_folder
from scheduler_project.launch.data_folder import DataFolder
from scheduler_project.launch.exceptions import CannotLaunch
from tests.waiting import wait_until

STORES = ("DATABASE_URL", "REDIS_URL", "BROKER_URL", "SECRET_KEY")


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*STORES, "MAINSPRING_HTTPS"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_the_owner_can_read_the_folder_and_the_secret_key(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / ".mainspring")
    assert len(folder.secret_key()) >= 50
    assert mode(folder.path) == mode(folder.path / "logs") == 0o700
    assert mode(folder.path / "secret-key") == 0o600


def test_every_launch_uses_the_same_secret_key(tmp_path: Path) -> None:
    assert DataFolder(tmp_path).secret_key() == DataFolder(tmp_path).secret_key()


def test_an_empty_secret_key_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "secret-key").touch()
    assert len(DataFolder(tmp_path).secret_key()) >= 50
    assert mode(tmp_path / "secret-key") == 0o600


def test_a_secret_key_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))  # bytes of a file: a full disk fails writes like this
    try:
        with pytest.raises(OSError, match="File too large"):
            folder.secret_key()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not (tmp_path / "secret-key").exists()
    assert len(folder.secret_key()) >= 50


def test_a_second_launch_gets_no_lock_and_the_process_id_of_the_first(tmp_path: Path) -> None:
    first, second = DataFolder(tmp_path), DataFolder(tmp_path)
    with first.locked() as first_has_lock, second.locked() as second_has_lock:
        assert first_has_lock
        assert not second_has_lock
        assert second.holder() == str(os.getpid())
    with second.locked() as second_has_lock:
        assert second_has_lock


def test_a_folder_that_can_not_be_created_is_reported_in_one_message(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotLaunch, match=r"can't be created: Not a directory\. Mainspring stores its data there"):
        DataFolder(tmp_path / "file" / ".mainspring")


def test_stores_of_the_environment_are_used_instead_of_embedded_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL_FILE", "/run/secrets/database")
    monkeypatch.setenv("BROKER_URL", "amqp://elsewhere")
    monkeypatch.setenv("SECRET_KEY", "mine")
    with ExitStack() as stack:
        variables = DataFolder(tmp_path).variables(stack)
    assert "DATABASE_URL" not in variables
    assert "REDIS_URL" not in variables
    assert variables["SECRET_KEY"] == "mine"
    assert variables["MAINSPRING_HTTPS"] == "false"
    assert not (tmp_path / "postgres").exists()
    assert not (tmp_path / "valkey").exists()


@pytest.mark.long
def test_a_command_during_a_launch_uses_the_stores_of_the_launch(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    with ExitStack() as stack:
        launch_variables = folder.variables(stack)
        variables = DataFolder(tmp_path).variables(None)
        assert {name: variables[name] for name in STORES} == {name: launch_variables[name] for name in STORES}


def test_before_the_first_launch_there_are_no_stores_to_use(tmp_path: Path) -> None:
    with pytest.raises(CannotLaunch, match="Wait until `make run` is ready"):
        DataFolder(tmp_path).variables(None)


def test_programs_of_a_killed_launch_are_stopped_but_no_other_process(tmp_path: Path) -> None:
    sleep = "import signal; signal.pause()"
    ours = subprocess.Popen([sys.executable, "-c", sleep, "scheduler_project"], start_new_session=True)
    stranger = subprocess.Popen([sys.executable, "-c", sleep], start_new_session=True)
    try:
        folder = DataFolder(tmp_path)
        wait_until(lambda: b"scheduler_project" in Path(f"/proc/{ours.pid}/cmdline").read_bytes())
        folder.remember_processes({"web": ours.pid, "beat": stranger.pid})
        folder.stop_leftovers()
        assert ours.wait(10) == -signal.SIGTERM
        assert stranger.poll() is None
        folder.stop_leftovers()
    finally:
        for process in (ours, stranger):
            process.kill()
            process.wait()


def test_a_program_that_ends_before_the_signal_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""], start_new_session=True)
    ended.wait(10)
    command_lines = iter([f"{sys.executable} -m scheduler_project"])  # read while the program was still running
    monkeypatch.setattr(data_folder, "command_line_of", lambda pid: next(command_lines, ""))
    folder = DataFolder(tmp_path)
    folder.remember_processes({"web": ended.pid})
    folder.stop_leftovers()
    assert not (tmp_path / "processes.json").exists()
