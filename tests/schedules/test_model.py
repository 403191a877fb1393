"""Proves that every instant gets exactly one row, with the decision of an independent model.

The engine and the model play random stories of schedules, edits, pauses, outages, ends of runs and clock changes. The
model shares no code with the engine: it counts whole seconds and decides by the sentences of `docs/engine.md`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction
from hypothesis import example, given, settings
from hypothesis import strategies as st

from executions.models import Run
from executions.states import ACTIVE
from schedules import triggers
from schedules.jobs import definitions
from schedules.jobs.validation import validate
from schedules.models import Job
from schedules.passes.follow_ups import follow_once
from schedules.tick import tick
from tests.factories import ECHO, HELLO, NOW, end, make_job

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

pytestmark = [pytest.mark.long, pytest.mark.django_db]

GRACE, MAX_AGE = 5, 60  # seconds
JITTER = 40  # seconds; it changes no decision, as a run that waits for its start is live
MAX_JOBS_PER_PASS = 100  # more than the one job of a story


@dataclass
class Model:
    """The model of one job; instants are seconds after `NOW`.

    `rows`: the reason why each instant did not start, "" if it did. `queue`: held runs. `active`: the other live runs.
    """

    every: int
    overlap: str
    catch_up: str
    anchor: int = 0
    mark: int = 0
    is_paused: bool = False
    resumed: int | None = None
    rows: dict[int, str] = field(default_factory=dict)
    active: list[int] = field(default_factory=list)
    queue: list[int] = field(default_factory=list)

    def instants(self, until: int) -> list[int]:
        return [at for at in range(self.mark + 1, until + 1) if (at - self.anchor) % self.every == 0]

    def tick(self, now: int) -> None:
        if self.is_paused or now <= self.mark:
            return
        due = self.instants(now)
        if not due:
            return  # no occurrence is due, so the engine does not handle the job
        paused = [at for at in due if self.resumed is not None and at <= self.resumed]
        unpaused = [at for at in due if at not in paused]
        missed = [at for at in unpaused if at < now - GRACE]
        dropped = {at for at in missed if at < now - MAX_AGE}
        recent = [at for at in missed if at not in dropped]
        on_time = [at for at in unpaused if at not in missed]
        runs = list(on_time)
        if self.catch_up == "all":
            runs = recent + runs
        elif self.catch_up == "first":
            runs = recent[:1] + runs
        elif self.catch_up == "last" and not on_time:
            runs = recent[-1:]
        self.rows |= dict.fromkeys(paused, "paused")
        self.rows |= dict.fromkeys(dropped, "missed")
        self.rows |= dict.fromkeys(recent, "missed" if self.catch_up == "skip" else "coalesced")
        for at in runs:
            self.start(at)
        self.mark = now
        self.admit()

    def start(self, at: int) -> None:
        others = self.active or self.queue
        if not others or self.overlap == "allow":
            self.active.append(at)
        elif self.overlap == "skip" or (self.overlap == "buffer_one" and self.queue):
            self.rows[at] = "overlap"
            return
        else:
            self.queue.append(at)
        self.rows[at] = ""

    def end(self, at: int) -> None:
        self.active.remove(at)

    def admit(self) -> None:
        if self.queue and not self.active:
            self.active.append(self.queue.pop(0))


def instant(second: int) -> datetime:
    return NOW + timedelta(seconds=second)


def reasons_by_instant(job: Job) -> dict[int, str]:
    """Return the reason of each instant that has a row ("" if it started); fails if an instant has two rows."""
    found: dict[int, str] = {}
    for run in Run.objects.filter(job=job):
        first = round((run.nominal_at - NOW).total_seconds())
        instants: Iterable[int] = [first]
        if run.n_occurrences > 1 and run.last_nominal_at:
            last = round((run.last_nominal_at - NOW).total_seconds())
            step = (last - first) // (run.n_occurrences - 1)
            instants = range(first, last + 1, step)
        for at in instants:
            assert at not in found, f"two rows for {at}"
            found[at] = run.reason
    return found


steps = st.one_of(
    st.tuples(st.just("pass"), st.integers(1, 4)),
    st.tuples(st.just("pass"), st.integers(1, 4)),
    st.tuples(st.just("outage"), st.integers(5, 150)),
    st.tuples(
        st.just("outage"), st.integers(6, 40)
    ),  # short enough that runs of the catch-up still wait for their jitter
    st.tuples(st.just("silence"), st.integers(1, 30)),
    st.tuples(st.just("clock back"), st.integers(1, 300)),
    st.tuples(st.just("end"), st.integers(0, 5)),
    st.tuples(st.just("pause"), st.just(0)),
    st.tuples(st.just("resume"), st.just(0)),
    st.tuples(st.just("edit"), st.integers(1, 20)),
)


class Undo(Exception):
    """Raised to roll an example back."""


@settings(max_examples=75, deadline=None)
@example(15, "allow", "first", JITTER, [("outage", 21), *[("outage", 15)] * 12])
@given(
    every=st.one_of(st.integers(1, 15), st.integers(16, JITTER)),
    overlap=st.sampled_from(["skip", "buffer_one", "buffer_all", "allow"]),
    catch_up=st.sampled_from(["skip", "first", "last", "all"]),
    jitter=st.sampled_from([0, JITTER]),
    story=st.lists(steps, min_size=1, max_size=25),
)
def test_every_instant_has_one_row_with_the_decision_of_the_model(
    every: int, overlap: str, catch_up: str, jitter: int, story: list[tuple[str, int]]
) -> None:
    with pytest.raises(Undo), transaction.atomic():
        play(Model(every, overlap, catch_up), story, jitter)
        raise Undo


def play(model: Model, story: list[tuple[str, int]], jitter: int) -> None:
    pace = {} if model.catch_up == "skip" else {"pace": 0}
    catch_up = {"mode": model.catch_up, "max_age": f"{MAX_AGE}s", **pace}
    policies = {"overlap": model.overlap, "catch_up": catch_up, "jitter": jitter}
    job = make_job(schedule={"every": f"{model.every}s"}, now=NOW, policies=policies)
    now = 0
    for step, number in [*story, ("pass", 1)]:
        match step:
            case "pass" | "outage":
                now += number
                beat(now)
                model.tick(now)
            case "silence":
                now += number  # no beat runs; the next change of the job settles it first
                continue
            case "clock back":
                beat(now - number)  # the clock is wrong for one pass
                model.tick(now - number)
            case "end" if model.active:
                at = model.active[number % len(model.active)]
                end(Run.objects.get(job=job, nominal_at=instant(at)), now=instant(now))
                follow(now)
                model.end(at)
                model.admit()
            case "pause" if not model.is_paused:
                triggers.pause(job.pk, instant(now), actor="tests")
                follow(now)
                model.tick(now)
                model.is_paused = True
            case "resume" if model.is_paused:
                triggers.resume(job.pk, instant(now), actor="tests")
                model.is_paused, model.resumed = False, now
            case "edit" if not model.is_paused:
                edit(job, policies, now, number)
                model.tick(now)
                model = replace(model, every=number, anchor=now, mark=max(now, model.mark))
        job.refresh_from_db()
        assert reasons_by_instant(job) == model.rows
        active_at = Run.objects.filter(job=job, status__in=ACTIVE).values_list("nominal_at", flat=True)
        assert sorted(active_at) == [instant(at) for at in sorted(model.active)]


def beat(now: int) -> None:
    """Do what a beat does in one pass."""
    follow(now)
    while tick(instant(now), MAX_JOBS_PER_PASS).more:
        pass
    follow(now)


def follow(now: int) -> None:
    while follow_once(instant(now), MAX_JOBS_PER_PASS).n_followups:
        pass


def edit(job: Job, policies: dict[str, Any], now: int, every: int) -> None:
    changed = {
        "name": job.name,
        "target": ECHO,
        "payload": HELLO,
        "policies": policies,
        "schedule": {"every": f"{every}s", "anchor_at": instant(now).isoformat()},
    }
    definitions.replace(job.pk, validate(changed, instant(now)), instant(now), actor="tests")
    follow(now)
