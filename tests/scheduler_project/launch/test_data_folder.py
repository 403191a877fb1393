"""The folder of `make run`."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from scheduler_project.launch.data_folder import DataFolder
from scheduler_project.launch.exceptions import CannotLaunch
from tests.waiting import wait_until

STORES = ("DATABASE_URL", "REDIS_URL", "BROKER_URL", "SECRET_KEY")


@pytest.fixture(autouse=True)
def nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*STORES, "MAINSPRING_HTTPS"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_folder_and_the_secret_key_are_the_owners_alone(tmp_path: Path) -> None:
    home = DataFolder(tmp_path / ".mainspring")
    assert len(home.secret_key()) >= 50
    assert mode(home.folder) == mode(home.folder / "logs") == 0o700
    assert mode(home.folder / "secret-key") == 0o600


def test_the_secret_key_outlives_the_launch(tmp_path: Path) -> None:
    assert DataFolder(tmp_path).secret_key() == DataFolder(tmp_path).secret_key()


def test_a_second_launch_in_the_folder_learns_who_runs(tmp_path: Path) -> None:
    first, second = DataFolder(tmp_path), DataFolder(tmp_path)
    with first.locked() as mine, second.locked() as also_mine:
        assert mine
        assert not also_mine
        assert second.holder() == str(os.getpid())
    with second.locked() as mine:
        assert mine


def test_a_folder_that_can_not_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotLaunch, match=r"can't be made: Not a directory\. Mainspring keeps its data there"):
        DataFolder(tmp_path / "file" / ".mainspring")


def test_stores_that_are_given_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_command_beside_a_launch_finds_its_stores(tmp_path: Path) -> None:
    home = DataFolder(tmp_path)
    with ExitStack() as stack:
        started = home.variables(stack)
        beside = DataFolder(tmp_path).variables(None)
        assert {name: beside[name] for name in STORES} == {name: started[name] for name in STORES}


def test_before_the_first_launch_there_are_no_stores_to_find(tmp_path: Path) -> None:
    with pytest.raises(CannotLaunch, match="Start it with `make run`"):
        DataFolder(tmp_path).variables(None)


def test_programs_that_a_killed_launch_left_are_ended_and_strangers_are_not(tmp_path: Path) -> None:
    sleep = "import signal; signal.pause()"
    ours = subprocess.Popen([sys.executable, "-c", sleep, "scheduler_project"], start_new_session=True)
    stranger = subprocess.Popen([sys.executable, "-c", sleep], start_new_session=True)
    try:
        home = DataFolder(tmp_path)
        wait_until(lambda: b"scheduler_project" in Path(f"/proc/{ours.pid}/cmdline").read_bytes())
        home.remember_processes({"web": ours.pid, "beat": stranger.pid})
        home.stop_leftovers()
        assert ours.wait(10) == -signal.SIGTERM
        assert stranger.poll() is None
        home.stop_leftovers()
    finally:
        for process in (ours, stranger):
            process.kill()
            process.wait()
