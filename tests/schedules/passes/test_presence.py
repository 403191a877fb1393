"""Proves that a beat keeps its row in the table of running beats, and that the rows of lost beats disappear."""

from __future__ import annotations

from datetime import timedelta

import pytest

from schedules.models import BeatProcess, beat_problems, living_beats
from schedules.passes.presence import FORGOTTEN_AFTER, WRITE_INTERVAL, Presence
from tests.factories import NOW

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def test_a_beat_writes_its_row_every_five_seconds_and_when_its_problem_changes() -> None:
    presence, seen = Presence("host:1"), []
    for seconds, problem in ((0, ""), (1, ""), (4.9, ""), (5, ""), (6, "wrong"), (7, "wrong"), (8, "")):
        presence.note(NOW + seconds * SECOND, HOUR, problem)
        row = BeatProcess.objects.get()
        seen.append(((row.seen_at - NOW).total_seconds(), row.problem))
    assert seen == [(0, ""), (0, ""), (0, ""), (5, ""), (6, "wrong"), (6, "wrong"), (8, "")]
    assert (row.started_at, row.clock_ahead) == (NOW, HOUR)


def test_a_beat_writes_its_row_after_the_clock_was_set_back() -> None:
    presence = Presence("host:1")
    for at in (NOW, NOW - HOUR):
        presence.note(at, timedelta(0), "")
    assert BeatProcess.objects.get().seen_at == NOW - HOUR


def test_a_restarted_beat_with_the_same_name_replaces_its_row() -> None:
    Presence("host:1").note(NOW, HOUR, "wrong")
    Presence("host:1").note(NOW + SECOND, timedelta(0), "")
    row = BeatProcess.objects.get()
    assert (row.started_at, row.problem) == (NOW + SECOND, "")


def test_a_stopped_beat_has_no_row_and_a_lost_beat_is_not_alive() -> None:
    stopped, lost = Presence("host:1"), Presence("host:2")
    for presence in (stopped, lost):
        presence.note(NOW, timedelta(0), "")
    stopped.end()
    assert [beat.name for beat in living_beats(NOW + WRITE_INTERVAL)] == ["host:2"]
    assert living_beats(NOW + 15 * SECOND) == []


def test_a_new_beat_deletes_the_rows_that_are_older_than_an_hour() -> None:
    Presence("host:1").note(NOW - FORGOTTEN_AFTER - SECOND, timedelta(0), "")
    Presence("host:2").note(NOW - FORGOTTEN_AFTER, timedelta(0), "")
    Presence("host:3").note(NOW, timedelta(0), "")
    assert [beat.name for beat in BeatProcess.objects.all()] == ["host:2", "host:3"]


def test_equal_problems_of_several_beats_are_one_sentence() -> None:
    beats = [BeatProcess(name=f"host:{n}", problem=problem) for n, problem in enumerate(["A.", "", "B.", "A."])]
    assert beat_problems(beats) == ["2 of 4 beats do nothing. A.", "1 of 4 beats does nothing. B."]
    assert beat_problems(beats[1:2]) == []
    assert beat_problems(beats[:3], with_names=True) == [
        "1 of 3 beats does nothing (host:0). A.",
        "1 of 3 beats does nothing (host:2). B.",
    ]
    assert beat_problems(beats[::3]) == [
        "No beat is working: scheduled jobs do not start.",
        "2 of 2 beats do nothing. A.",
    ]
    assert beat_problems([]) == ["No beat is running: scheduled jobs do not start."]
