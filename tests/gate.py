"""A page of a test's server that answers nobody until it is opened, and counts who waits there."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.receiver import Handler, Receiver


class Gate:
    """`inside` wait now; `most_inside` is the most that have done so at once."""

    def __init__(self, receiver: Receiver) -> None:
        self.inside = self.most_inside = 0
        self.url = receiver.script("/gate", self._answer)
        self.is_open = threading.Event()
        self._lock = threading.Lock()

    def _answer(self, handler: Handler) -> None:
        with self._lock:
            self.inside += 1
            self.most_inside = max(self.inside, self.most_inside)
        self.is_open.wait(100)
        with self._lock:
            self.inside -= 1
        handler.send(200)
