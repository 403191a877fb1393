"""The terms of a pause of one or many jobs, and the rules for these terms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from schedules.clock.policies.resumption import Resumption
from schedules.exceptions import InvalidDefinition
from schedules.models import MAX_PAUSE_REASON_LENGTH
from values.json_values import find_unstorable


@dataclass(frozen=True, slots=True)
class PauseTerms:
    """The reason of a pause, its end, and which of the occurrences during the pause are to start when it ends.

    `until` None: the pause ends when somebody resumes the jobs. That person then chooses the occurrences that start, so
    `catch_up` must be `none`.
    """

    reason: str = ""
    until: datetime | None = None
    catch_up: Resumption = Resumption.NONE

    def is_over(self, now: datetime) -> bool:
        """Whether the end of the pause is `now` or earlier."""
        return self.until is not None and self.until <= now

    @property
    def lacks_end(self) -> bool:
        """Whether `catch_up` is not `none`, although the pause has no end."""
        return self.until is None and self.catch_up is not Resumption.NONE

    def check(self, now: datetime, name_of_end: str = "until") -> None:
        """Raise InvalidDefinition if `until` is not in the future, or is missing but needed for `catch_up`.

        `name_of_end`: the name that the request has for `until`.
        """
        if self.is_over(now):
            why = (
                f"The end of the pause ({name_of_end}) must be in the future: give a later time, or leave the end out."
            )
            raise InvalidDefinition({name_of_end: [why]})
        if self.lacks_end:
            why = f"catch_up needs a pause with an end: give the end ({name_of_end}), or leave catch_up out."
            raise InvalidDefinition({name_of_end: [why]})


UNTIL_RESUMED = PauseTerms()


def read_reason(text: str) -> str:
    """Return the reason of a pause as one line. Raises ValueError if it is too long or cannot be stored."""
    if problem := find_unstorable(text):
        raise ValueError(problem[1])
    reason = " ".join(text.split())
    if len(reason) > MAX_PAUSE_REASON_LENGTH:
        raise ValueError(
            f"The reason has {len(reason)} characters: shorten it to {MAX_PAUSE_REASON_LENGTH} characters or fewer."
        )
    return reason
