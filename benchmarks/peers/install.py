"""Installs peers that are not among this project's packages into `.bench/`, once, before their first measurement."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.exceptions import CannotMeasure
from benchmarks.processes import ROOT, last_line

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDER = ROOT / ".bench"
PYTHON_PEERS = ("celery-redbeat==2.4.2", "django-celery-results==2.6.0", "procrastinate==3.10.0")
EXTRA_PACKAGES = ("psycopg[binary,pool]", "kombu[redis]", "django-environ")  # in the versions that this project uses
NODE_PEERS = ("bullmq@6.7.0", "ioredis@5.9.2", "graphile-worker@0.17.3", "pg-boss@10.4.2")
INSTALL_TIMEOUT = 300.0  # seconds


@cache
def python() -> str:
    """Return the Python of an environment with the Python peers; shared packages have this project's versions."""
    folder = FOLDER / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    interpreter = folder / "bin" / "python"
    constraints = FOLDER / "constraints.txt"
    pinned = sorted(f"{package.metadata['Name']}=={package.version}" for package in distributions())
    wanted = "\n".join([*PYTHON_PEERS, *pinned])
    if not _is_installed(folder, wanted):
        _clear(folder, PYTHON_PEERS)
        constraints.write_text("\n".join(pinned))
        _run([sys.executable, "-m", "venv", "--clear", str(folder)], FOLDER)
        pip = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        _run([*pip, "-c", str(constraints), *EXTRA_PACKAGES, *PYTHON_PEERS], FOLDER)
        (folder / "done").write_text(wanted)
    return str(interpreter)


@cache
def node_path() -> str:
    """Return the folder of the Node.js peers' packages, for NODE_PATH."""
    folder, wanted = FOLDER / "node", "\n".join(NODE_PEERS)
    node()
    npm = shutil.which("npm")
    if not npm:
        raise CannotMeasure("not installed: this machine has no npm")
    if not _is_installed(folder, wanted):
        _clear(folder, NODE_PEERS)
        (folder / "package.json").write_text('{"private": true}\n')
        _run([npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", *NODE_PEERS], folder)
        (folder / "done").write_text(wanted)
    return str(folder / "node_modules")


def node() -> str:
    """Return the path of `node`. Raises CannotMeasure if this machine has none."""
    if found := shutil.which("node"):
        return found
    raise CannotMeasure("not installed: this machine has no Node.js")


def _is_installed(folder: Path, wanted: str) -> bool:
    done = folder / "done"
    return done.exists() and done.read_text() == wanted


def _clear(folder: Path, packages: Sequence[str]) -> None:
    print(f"    installing {', '.join(packages)} into {folder.relative_to(ROOT)} ...", file=sys.stderr, flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _run(command: Sequence[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=INSTALL_TIMEOUT)
    except subprocess.TimeoutExpired as error:
        raise CannotMeasure(f"could not be installed within {INSTALL_TIMEOUT:.0f} s") from error
    if done.returncode:
        raise CannotMeasure(f"could not be installed: {last_line(done.stderr or done.stdout)}")
