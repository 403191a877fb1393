"""Peers that are not among this project's packages: installed once, when first measured, into `.bench/` of the checkout."""

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
PYTHON = ("celery-redbeat==2.4.2", "django-celery-results==2.6.0", "procrastinate==3.10.0")
BESIDES = ("psycopg[binary,pool]", "kombu[redis]", "django-environ")  # which this project's constraints pin
NODE = ("bullmq@6.7.0", "ioredis@5.9.2", "graphile-worker@0.17.3", "pg-boss@10.4.2")
PATIENCE = 300.0  # seconds


@cache
def python() -> str:
    """The interpreter of an environment with the peers in Python, on this project's versions of what they share."""
    folder = FOLDER / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    interpreter = folder / "bin" / "python"
    constraints = FOLDER / "constraints.txt"
    ours = sorted(f"{found.metadata['Name']}=={found.version}" for found in distributions())
    wanted = "\n".join([*PYTHON, *ours])
    if not _is_done(folder, wanted):
        _begin(folder, PYTHON)
        constraints.write_text("\n".join(ours))
        _run([sys.executable, "-m", "venv", "--clear", str(folder)], FOLDER)
        pip = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        _run([*pip, "-c", str(constraints), *BESIDES, *PYTHON], FOLDER)
        (folder / "done").write_text(wanted)
    return str(interpreter)


@cache
def node_path() -> str:
    """The folder of the peers' packages for Node, for NODE_PATH."""
    folder, wanted = FOLDER / "node", "\n".join(NODE)
    node()
    npm = shutil.which("npm")
    if not npm:
        raise CannotMeasure("not installed: this machine has no npm")
    if not _is_done(folder, wanted):
        _begin(folder, NODE)
        (folder / "package.json").write_text('{"private": true}\n')
        _run([npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", *NODE], folder)
        (folder / "done").write_text(wanted)
    return str(folder / "node_modules")


def node() -> str:
    """The program; raises CannotMeasure when there is none."""
    if found := shutil.which("node"):
        return found
    raise CannotMeasure("not installed: this machine has no Node")


def _is_done(folder: Path, wanted: str) -> bool:
    done = folder / "done"
    return done.exists() and done.read_text() == wanted


def _begin(folder: Path, packages: Sequence[str]) -> None:
    print(f"    installing {', '.join(packages)} into {folder.relative_to(ROOT)} ...", file=sys.stderr, flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _run(command: Sequence[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=PATIENCE)
    except subprocess.TimeoutExpired as error:
        raise CannotMeasure(f"could not be installed within {PATIENCE:.0f} s") from error
    if done.returncode:
        raise CannotMeasure(f"could not be installed: {last_line(done.stderr or done.stdout)}")
