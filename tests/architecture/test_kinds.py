"""A new kind of target is found wherever something stands for each kind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

from executions.targets.registry import TARGETS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", ["Procfile", "docker/compose.yaml", "scheduler_project/launch/programs.py"])
def test_every_queue_has_workers_wherever_the_processes_are_named(path: str) -> None:
    named = re.findall(r"""-Q["', ]+([\w,]+)""", (ROOT / path).read_text())
    served = {queue for queues in named for queue in queues.split(",")}
    assert served == {target.queue for target in TARGETS.values()} | {settings.CELERY_TASK_DEFAULT_QUEUE}


@pytest.mark.parametrize("kind", TARGETS)
def test_every_kind_has_its_page(kind: str) -> None:
    assert (ROOT / "docs" / "targets" / f"{kind}.md").is_file()
