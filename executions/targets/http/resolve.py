"""Looks up host names within the deadline, and returns only the addresses that the policy allows."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any

from executions.per_process import PerProcess
from executions.targets.http.addresses import deny_reason
from executions.targets.http.failures import AddressDenied, NameNotResolved

if TYPE_CHECKING:
    from executions.targets.http.addresses import EgressPolicy
    from executions.targets.http.deadline import Budget

Resolved = tuple[int, tuple[Any, ...]]  # address family, socket address with the numeric host first

# Maximum number of look-ups at the same time in one process. A look-up cannot be cancelled, and keeps a thread while it
# hangs. If this many look-ups hang, the resolver is down, and more look-ups would not help.
MAX_LOOKUPS = 1000
_slots = PerProcess(lambda: threading.Semaphore(MAX_LOOKUPS))


def resolve(host: str, port: int, policy: EgressPolicy, budget: Budget, seconds: float) -> list[Resolved]:
    """Look up `host` once and return the allowed addresses, in the resolver's order.

    Raises NameNotResolved or CutOff. Raises TimeoutError if the resolver does not answer within `seconds`. Raises
    AddressDenied if the policy allows none of the addresses.
    """
    found = read_literal(host, port) or _look_up(host, port, budget, seconds)
    reasons: list[str] = []
    allowed: list[Resolved] = []
    for family, address in found:
        if reason := deny_reason(str(address[0]), policy):
            reasons.append(reason)
        elif (family, address) not in allowed:
            allowed.append((family, address))
    if allowed:
        return allowed
    if reasons:
        raise AddressDenied(reasons[0])
    raise NameNotResolved("it has no address")


def read_literal(host: str, port: int) -> list[Resolved]:
    """Return the address if `host` is numeric, in any notation such as `127.1` or `0x7f000001`; else an empty list."""
    try:
        return _addresses(host, port, socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return []


def _addresses(host: str, port: int, flags: int = 0) -> list[Resolved]:
    entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return [(entry[0], entry[4]) for entry in entries if entry[0] in (socket.AF_INET, socket.AF_INET6)]


def _look_up(host: str, port: int, budget: Budget, seconds: float) -> list[Resolved]:
    """Look up `host` in a separate thread: getaddrinfo has no timeout and cannot be interrupted."""
    slots, done = _slots.get(), threading.Event()
    found: list[Resolved] = []
    wrong: list[Exception] = []

    def work() -> None:
        try:
            found.extend(_addresses(host, port))
        except (OSError, UnicodeError) as error:
            wrong.append(error)
        finally:
            slots.release()
            done.set()

    if not slots.acquire(blocking=False):
        raise NameNotResolved(f"{MAX_LOOKUPS} other look-ups have got no answer from the resolver yet")
    try:
        threading.Thread(target=work, name="mainspring-http-lookup", daemon=True).start()
    except RuntimeError as error:
        slots.release()
        raise NameNotResolved("this worker can't start another thread") from error
    budget.guard(done.set)
    answered = done.wait(min(seconds, budget.remaining()))
    budget.guard(None)
    if not answered:
        raise TimeoutError
    if wrong:
        raise NameNotResolved(getattr(wrong[0], "strerror", None) or "it is not a valid host name") from wrong[0]
    return found
