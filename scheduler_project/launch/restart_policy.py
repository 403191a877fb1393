"""How often something that ended unasked is started again, how soon, and when that is given up."""

from __future__ import annotations

import signal
from dataclasses import dataclass

AT_ONCE = 5.0  # seconds: what ends sooner has failed to start
SETTLED = 60.0  # seconds: for what lived this long, earlier failures no longer count
N_FAILURES = 5
LONGEST_DELAY = 30.0


@dataclass(slots=True)
class FailureCount:
    """Those in a row of one program or server."""

    n: int = 0
    n_starts: int = 0

    def note(self, lived: float) -> None:
        """Count one more, of something that ended after so many seconds."""
        self.n = 1 if lived > SETTLED else self.n + 1
        self.n_starts = self.n_starts + 1 if lived < AT_ONCE else 0

    @property
    def too_many(self) -> bool:
        """Whether it's time to give up: so many starts failed one after the other."""
        return self.n_starts >= N_FAILURES


def restart_delay(n_failures: int) -> float:
    """Seconds before the next start after the n-th failure in a row: 1, 2, 4 and so on to 30."""
    return min(LONGEST_DELAY, 2.0 ** (n_failures - 1))


def how_it_ended(code: int) -> str:
    """An exit code in words, negative ones by the name of the signal."""
    if code >= 0:
        return f"ended with exit code {code}"
    named = {int(number): number.name for number in signal.Signals}  # real-time signals have no name
    return f"was ended by {named.get(-code, f'signal {-code}')}"
