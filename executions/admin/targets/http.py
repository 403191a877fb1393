"""How the admin shows an HTTP call: the request, the response, and a bar with the duration of each phase."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from access.admin.json_shown import readable
from access.admin.lists import counted
from executions.admin.targets.base import Look
from values import instants

if TYPE_CHECKING:
    from values.json_values import JSON

PHASES = (("dns", "Name look-up"), ("connect", "Connect"), ("tls", "TLS"), ("first_byte", "Wait for the response"))


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase in the bar of timings. `start` and `width` are percentages of the bar's length."""

    name: str
    label: str
    took: str
    start: float
    width: float


@dataclass(frozen=True, slots=True)
class Exchange:
    """The request and the response of an attempt, as texts.

    Without a response, `status` is `No response`, and the other texts about the response are empty.
    """

    request: str
    sent: str
    status: str
    tone: str
    headers: list[tuple[str, str]]
    body: str
    size: str
    remote: str
    redirects: list[str]
    phases: list[Phase]


class HttpLook(Look):
    template: ClassVar[str] = "executions/admin/targets/http.html"

    def words(self, target: dict[str, Any]) -> tuple[str, str]:
        return str(target.get("method", "GET")), str(target.get("url", ""))

    def result(self, result: JSON) -> Exchange | None:
        if not isinstance(result, dict) or not isinstance(result.get("request"), dict):
            return None
        request, response = result["request"], result.get("response") or {}
        timings = result.get("timings_ms") or {}
        status = int(response.get("status") or 0)
        size = int(request.get("n_body_bytes") or 0)
        last_step = "tls" if str(request.get("url", "")).startswith("https") else "connect"
        was_sent = bool(response or timings.get(last_step))
        return Exchange(
            request=f"{request.get('method', '')} {request.get('url', '')}",
            sent=f"with a body of {counted(size, 'byte')}" if size and was_sent else "",
            status=f"{status} {response.get('reason', '')}".strip() if status else "No response",
            tone="danger" if status >= 400 or not status else "success" if status < 300 else "info",
            headers=sorted((response.get("headers") or {}).items()),
            body=readable(str(response.get("body") or "")),
            size=_size_words(response),
            remote=str(result.get("remote_address") or ""),
            redirects=[
                str(hop.get("url", hop) if isinstance(hop, dict) else hop) for hop in result.get("redirects") or []
            ],
            phases=_phases(timings, "Response body and the rest" if response else "Until the failure"),
        )


LOOK = HttpLook()


def _size_words(response: dict[str, Any]) -> str:
    if not response:
        return ""
    return counted(int(response.get("n_bytes") or 0), "byte") + (
        " kept; the rest of the body was discarded" if response.get("truncated") else ""
    )


def _phases(timings: dict[str, float], last: str) -> list[Phase]:
    known = [(name, label, float(timings.get(name) or 0)) for name, label in PHASES]
    spent = sum(took for _, _, took in known)
    total = max(float(timings.get("total") or 0), spent)
    found, start = [], 0.0
    for name, label, took in [*known, ("rest", last, total - spent)]:
        if took > 0 and spent > 0:
            length = instants.duration(timedelta(milliseconds=took))
            found.append(Phase(name, label, length, round(start, 2), round(took / total * 100, 2)))
            start += took / total * 100
    return found
