"""A beat whose package `tzdata` has another version: a process that does one pass at a time, at given instants."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from schedules.clock.zones.data import OWN_VERSION
from schedules.passes.follow_ups import follow_once
from schedules.passes.timed import do_timed_work
from schedules.tick import tick
from schedules.zone_data.adoption import adopt, recompute_once
from tests.acceptance.processes import database_url
from tests.zone_versions import tzif

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PROGRAM = "import django; django.setup(); from tests.acceptance.other_beat import answer_lines; answer_lines()"


class OtherBeat:
    """A process with this version of the time zone data. Use it with `with`.

    `rules`: zones that have other rules. `lacks`: a zone that this version does not have yet.
    """

    def __init__(self, folder: Path, version: str, rules: Mapping[str, str], lacks: str = "") -> None:
        package = folder / version / "tzdata"
        shutil.copytree(str(resources.files("tzdata")), package)
        (package / "__init__.py").write_text(f'IANA_VERSION = "{version}"\n')
        for name, rule in rules.items():
            (package / "zoneinfo" / name).write_bytes(tzif(rule))
        if lacks:
            (package / "zoneinfo" / lacks).unlink()
            names = (package / "zones").read_text()
            (package / "zones").write_text(names.replace(f"{lacks}\n", ""))
        environment = {
            **os.environ,
            "DATABASE_URL": database_url(),
            "DJANGO_SETTINGS_MODULE": "scheduler_project.settings",
            "PYTHONPATH": os.pathsep.join([str(package.parent), *filter(None, sys.path)]),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def do(self, act: str, now: datetime) -> Any:
        """Do a pass, and return its result: one of the functions in `answer`."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{act} {now.isoformat()}\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def answer_lines() -> None:
    """Do what each line of standard input says, and print the result."""
    acts: dict[str, Callable[[datetime], object]] = {
        "version": lambda _: OWN_VERSION,
        "tick": lambda now: tick(now, 500).more,
        "adopt": adopt,
        "recompute": recompute_once,
        "follow": lambda now: follow_once(now, 500).n_broken,
        "timed": lambda now: do_timed_work(now, 500),
    }
    for line in sys.stdin:
        act, _, at = line.strip().partition(" ")
        print(json.dumps(acts[act](datetime.fromisoformat(at))), flush=True)
