"""Edits RedBeat's entries with RedBeat's own class (`benchmarks/editor_protocol.py`)."""

from __future__ import annotations

import time

from redbeat import RedBeatSchedulerEntry

from benchmarks.editor_protocol import serve
from benchmarks.peers.redbeat.app import app
from benchmarks.peers.redbeat.entries import entry


def create(number: int) -> None:
    entry(f"new {number}", time.time()).save()


def change(number: int) -> None:
    new_entry = entry(f"job {number}", time.time())
    new_entry.save()
    new_entry.reschedule(new_entry.last_run_at)  # `save` does not overwrite the stored time of the last run


def touch(number: int) -> None:
    found = RedBeatSchedulerEntry.from_key(f"redbeat:job {number}", app=app)
    found.options = {"headers": {"edited": time.time()}}
    found.save()


if __name__ == "__main__":
    serve(create, change, touch)
