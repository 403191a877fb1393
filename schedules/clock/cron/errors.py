"""The error of a cron expression that cannot be read."""

from __future__ import annotations


class CronError(ValueError):
    """An invalid cron expression; `messages` holds one sentence for each error in it."""

    def __init__(self, messages: list[str]) -> None:
        super().__init__(" ".join(messages))
        self.messages = messages
