"""`PeriodicTask` rows of django-celery-beat, and a consumer that records the messages which they send."""

from __future__ import annotations

import base64
import json
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import ephem
import redis
from django_celery_beat.models import IntervalSchedule, PeriodicTask, SolarSchedule

sky: Any = ephem  # its type hints leave out most of it

HALF_A_DAY = timedelta(hours=12)
DEGREES_PER_SECOND = 360 / 86_400  # that the sun moves


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as a worker of another project would receive it."""

    at: datetime  # when the consumer took the message from the broker
    queue: str
    task: str
    headers: dict[str, Any]
    priority: int
    args: list[Any]
    kwargs: dict[str, Any]


class Consumer:
    """Takes every message of these queues, of any priority, as soon as it arrives."""

    def __init__(self, broker_url: str, *queues: str) -> None:
        self.sent: list[Sent] = []
        self._broker: Any = redis.Redis.from_url(broker_url)
        self._keys = [key for queue in queues for key in (queue, *(f"{queue}\x06\x16{n}" for n in (3, 6, 9)))]
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._consume, daemon=True)
        self._thread.start()

    def of(self, queue: str) -> list[Sent]:
        return [message for message in self.sent if message.queue == queue]

    def close(self) -> None:
        self._closed.set()
        self._thread.join()
        self._broker.close()

    def _consume(self) -> None:
        while not self._closed.is_set():
            if taken := self._broker.brpop(self._keys, timeout=0.2):
                key, raw = taken
                message = json.loads(raw)
                args, kwargs, _ = json.loads(base64.b64decode(message["body"]))
                self.sent.append(
                    Sent(
                        datetime.now(UTC),
                        key.decode().partition("\x06")[0],
                        message["headers"]["task"],
                        message["headers"],
                        message["properties"]["priority"],
                        args,
                        kwargs,
                    )
                )


def row(name: str, **fields: Any) -> PeriodicTask:
    """Make a row that sends to the queue `stock.<name>`; by default one message a second."""
    if not fields.keys() & {"interval", "crontab", "solar", "clocked"}:
        fields["interval"], _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.SECONDS)
    return PeriodicTask.objects.create(**{"name": name, "task": "their.task", "queue": f"stock.{name}", **fields})


def noon_at(instant: datetime) -> SolarSchedule:
    """Make a schedule for a place that has its solar noon at this instant, within some milliseconds."""
    observer, sun = sky.Observer(), sky.Sun()
    observer.lat, observer.elev, observer.pressure = "0", 0, 0
    longitude = 0.0
    for _ in range(6):
        observer.lon = str(longitude)
        noon = observer.next_transit(sun, start=sky.Date(instant - HALF_A_DAY)).datetime().replace(tzinfo=UTC)
        longitude = round((longitude + (noon - instant).total_seconds() * DEGREES_PER_SECOND + 180) % 360 - 180, 6)
    return SolarSchedule.objects.create(event="solar_noon", latitude=0, longitude=longitude)
