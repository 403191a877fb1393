"""Proves that the files which name queues, and the pages of the kinds, are complete for every registered kind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

from executions.targets.registry import TARGETS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", ["Procfile", "docker/compose.yaml", "scheduler_project/launch/programs.py"])
def test_the_workers_consume_the_queues_of_the_settings(path: str) -> None:
    named = re.findall(r"""-Q["', ]+([\w,]+)""", (ROOT / path).read_text())
    served = {queue for queues in named for queue in queues.split(",")}
    assert served == {*settings.MAINSPRING_WORKER_QUEUES, settings.CELERY_TASK_DEFAULT_QUEUE}


def test_every_queue_of_the_settings_is_that_of_a_kind() -> None:
    assert set(settings.MAINSPRING_WORKER_QUEUES) == {target.queue for target in TARGETS.values()}


@pytest.mark.parametrize("kind", TARGETS)
def test_every_kind_has_a_page(kind: str) -> None:
    assert (ROOT / "docs" / "targets" / f"{kind}.md").is_file()
    for page in ("index.md", "engine.md"):
        assert f"(targets/{kind}.md" in (ROOT / "docs" / page).read_text()
