"""Looks up host names within the deadline, and returns only the addresses that the policy allows."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Any

from executions.fair_shares import may_take
from executions.per_process import PerProcess
from executions.targets.http.addresses import deny_reason
from executions.targets.http.failures import AddressDenied, NameNotResolved

if TYPE_CHECKING:
    from executions.targets.http.addresses import EgressPolicy
    from executions.targets.http.deadline import Budget

Resolved = tuple[int, tuple[Any, ...]]  # address family, socket address with the numeric host first

# Maximum number of look-ups at the same time in one process. A look-up cannot be cancelled, and keeps a thread while it
# hangs. If this many look-ups of several domains hang, the resolver is down, and more look-ups would not help.
MAX_LOOKUPS = 1000


class _Lookups:
    """The number of look-ups in progress, by domain. No domain whose servers hang can take all of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_by_domain: Counter[str] = Counter()

    def start(self, domain: str) -> None:
        """Count a look-up. Raises NameNotResolved if there are too many."""
        with self._lock:
            n_taken = self._n_by_domain.total()
            if not may_take(n_own := self._n_by_domain[domain], MAX_LOOKUPS - n_taken):
                raise NameNotResolved(
                    f"{n_own} other look-ups in {domain}, and {n_taken} in all, have got no answer from the "
                    "resolver yet"
                )
            self._n_by_domain[domain] += 1

    def end(self, domain: str) -> None:
        with self._lock:
            self._n_by_domain[domain] -= 1
            if not self._n_by_domain[domain]:
                del self._n_by_domain[domain]


_lookups = PerProcess(_Lookups)


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


def canonical_host(host: str) -> str:
    """Return a host name without its last dot; a numeric host in one notation, whatever notation it has."""
    name = host.rstrip(".")
    for _, address in read_literal(name, 0):
        parsed = ip_address(str(address[0]).partition("%")[0])
        return str((parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None) or parsed)
    return name


def _addresses(host: str, port: int, flags: int = 0) -> list[Resolved]:
    entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return [(entry[0], entry[4]) for entry in entries if entry[0] in (socket.AF_INET, socket.AF_INET6)]


def _look_up(host: str, port: int, budget: Budget, seconds: float) -> list[Resolved]:
    """Look up `host` in a separate thread: getaddrinfo has no timeout and cannot be interrupted."""
    lookups, domain, done = _lookups.get(), _domain(host), threading.Event()
    found: list[Resolved] = []
    wrong: list[Exception] = []

    def work() -> None:
        try:
            found.extend(_addresses(host, port))
        except (OSError, UnicodeError) as error:
            wrong.append(error)
        finally:
            lookups.end(domain)
            done.set()

    lookups.start(domain)
    try:
        threading.Thread(target=work, name="mainspring-http-lookup", daemon=True).start()
    except (RuntimeError, MemoryError) as error:
        lookups.end(domain)
        raise NameNotResolved("this worker can't start another thread") from error
    budget.guard(done.set)
    answered = done.wait(min(seconds, budget.remaining()))
    budget.guard(None)
    if not answered:
        raise TimeoutError
    if wrong:
        raise NameNotResolved(getattr(wrong[0], "strerror", None) or "it is not a valid host name") from wrong[0]
    return found


def _domain(host: str) -> str:
    """Return the last two labels of a host name: the part that one owner usually has."""
    return ".".join(host.rstrip(".").split(".")[-2:])
