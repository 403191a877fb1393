"""BeatProcess: the beats that run, each with its clock and the reason why it does nothing, if there is one."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models

from schedules.models.zone_data import MAX_ZONE_DATA_LENGTH

# A beat writes its row every five seconds. It may miss two of these, for example while PostgreSQL restarts.
LIVING_AFTER = timedelta(seconds=15)


class BeatProcess(models.Model):
    """One beat. Instants are by PostgreSQL's clock."""

    name = models.CharField(primary_key=True, max_length=255, help_text="Name of the machine, and the process id.")
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(help_text="When the beat last wrote this row.")
    clock_ahead = models.DurationField(
        help_text="How far the clock of the beat's machine is ahead of PostgreSQL's clock; negative: behind."
    )
    problem = models.CharField(
        max_length=255, blank=True, help_text="Why the beat does nothing; empty: it works as it should."
    )

    zone_data = models.CharField(
        max_length=MAX_ZONE_DATA_LENGTH, db_default="", help_text="The version of the time zone data of the beat."
    )

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


def living_beats(now: datetime) -> list[BeatProcess]:
    """Return the beats that have written their rows within the last 15 s, by name."""
    return list(BeatProcess.objects.filter(seen_at__gt=now - LIVING_AFTER))


def beat_problems(beats: list[BeatProcess], *, with_names: bool = False) -> list[str]:
    """Return what is wrong with these beats: a sentence for each different problem, with the number of beats.

    `with_names`: the sentences name the beats and so their machines, which not everybody may know.
    """
    if not beats:
        return ["No beat is running: scheduled jobs do not start."]
    idle = [beat for beat in beats if beat.problem]
    sentences = ["No beat is working: scheduled jobs do not start."] if len(idle) == len(beats) else []
    for problem in dict.fromkeys(beat.problem for beat in idle):
        names = [beat.name for beat in idle if beat.problem == problem]
        shown = f" ({', '.join(names)})" if with_names else ""
        verb = "does" if len(names) == 1 else "do"
        sentences.append(f"{len(names)} of {len(beats)} beats {verb} nothing{shown}. {problem}")
    return sentences
