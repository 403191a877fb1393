"""The `http` target: puts request, budget, redirects and verdict together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from django.conf import settings

from executions.targets.base import Cancelled, Failed, InvalidTarget, Target
from executions.targets.http import headers as rules
from executions.targets.http.addresses import SETTING, EgressPolicy, deny_reason
from executions.targets.http.body import encode_body
from executions.targets.http.config import HttpConfig
from executions.targets.http.deadline import EXPIRED, Budget, CutOff, watchdog
from executions.targets.http.exchange import Answer, Limits, Request, Trace, exchange
from executions.targets.http.failures import EXPECTED, Code, TooManyRedirects, explain
from executions.targets.http.record import record
from executions.targets.http.redirects import MAX_REDIRECTS, next_request
from executions.targets.http.resolve import read_literal
from executions.targets.http.urls import parse_http_url
from executions.targets.http.verdict import judge

if TYPE_CHECKING:
    from executions.targets.base import Context, Outcome, TargetConfig
    from values.json_values import JSON

try:
    VERSION = version("mainspring")
except PackageNotFoundError:
    VERSION = "dev"


class HttpTarget(Target):
    """Sends one HTTP request. Never raises: whatever happens is an outcome."""

    kind: ClassVar[str] = "http"
    config: ClassVar[type[TargetConfig]] = HttpConfig
    queue: ClassVar[str] = "http"
    max_runs_per_message: ClassVar[int] = 50  # they run side by side; messages of 100 start them no sooner
    default_timeout: ClassVar[timedelta] = timedelta(seconds=30)

    def validate(self, config: TargetConfig, payload: JSON) -> None:
        """Refuse a payload that is no body for this request, and a host that is plainly not allowed.

        Names are looked up when connecting, not here: what they mean today says nothing about then.
        """
        assert isinstance(config, HttpConfig)
        encode_body(config, payload)
        url = parse_http_url(config.full_url)
        policy = _policy()
        host = url.host.rstrip(".")
        if not policy.allow_private and (host == "localhost" or host.endswith(".localhost")):
            raise InvalidTarget(
                {"url": [f"{host} is this machine itself; the operator can allow private networks with {SETTING}."]}
            )
        for _, address in read_literal(url.host, url.port):
            if reason := deny_reason(str(address[0]), policy):
                raise InvalidTarget({"url": [f"{reason}."]})

    def execute(self, config: TargetConfig, payload: JSON, context: Context) -> Outcome:
        """Send the request and judge its answer, within `context.timeout`."""
        assert isinstance(config, HttpConfig)
        trace = Trace()
        try:
            request = _prepare(config, payload, context)
        except (InvalidTarget, ValueError) as error:
            return Failed(Code.INVALID_REQUEST.value, f"The request can't be sent: {error}", permanent=True)
        trace.request, trace.host = request, request.url.host
        budget = Budget(context.timeout.total_seconds())
        dog = watchdog.get()
        number = dog.watch(budget)
        unregister = context.on_stop(budget.cut)
        try:
            answer = _follow(request, config, budget, trace)
            budget.close()
        except CutOff:
            return _cut_off(budget, context, trace)
        except EXPECTED as error:
            if budget.cut_by is not None:
                return _cut_off(budget, context, trace)
            why = explain(error, trace.host, connected=trace.connected)
            return Failed(why.code.value, why.message, why.permanent, record(trace))
        finally:
            unregister()
            dog.forget(number)
        return judge(config, answer, record(trace), datetime.now(UTC), settings.MAINSPRING.retry_after_cap)


TARGET = HttpTarget()


def _policy() -> EgressPolicy:
    return EgressPolicy(allow_private=settings.MAINSPRING.http_allow_private_networks)


def _prepare(config: HttpConfig, payload: JSON, context: Context) -> Request:
    body = encode_body(config, payload)
    ours = {
        "User-Agent": f"Mainspring/{VERSION}",
        "Accept": "*/*",
        "Accept-Encoding": "gzip, deflate",
        # Quoted, since a key of the caller's own may hold anything.
        "Idempotency-Key": quote(context.idempotency_key, safe="!#$&'()*+,/:;=?@[]"),
        "Mainspring-Run-Id": str(context.run_id),
        "Mainspring-Attempt": str(context.attempt),
        "Mainspring-Nominal-At": context.nominal_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    }
    if body is not None:
        ours["Content-Type"] = body.content_type
    # Checked once more: values may have been filled in since the configuration was saved.
    theirs = {rules.check_name(name): rules.check_value(value) for name, value in config.headers.items()}
    given = {rules.fold(name) for name in theirs}
    headers = {name: value for name, value in ours.items() if rules.fold(name) not in given} | theirs
    return Request(config.method, parse_http_url(config.full_url), headers, body.data if body else None)


def _follow(request: Request, config: HttpConfig, budget: Budget, trace: Trace) -> Answer:
    knobs: Any = settings.MAINSPRING
    limits = Limits(
        connect_seconds=config.connect_timeout.total_seconds(),
        read_seconds=config.read_timeout.total_seconds() if config.read_timeout else None,
        body_bytes=knobs.http_body_bytes,
        policy=_policy(),
        verify_tls=config.verify_tls,
    )
    while True:
        answer = exchange(request, limits, budget, trace)
        following = next_request(request, answer) if config.follow_redirects else None
        if following is None:
            return answer
        if len(trace.redirects) >= MAX_REDIRECTS:
            raise TooManyRedirects(f"The server redirected more than {MAX_REDIRECTS} times.")
        trace.redirects.append({"status": answer.status, "url": following.url.text, "method": following.method})
        request = following


def _cut_off(budget: Budget, context: Context, trace: Trace) -> Outcome:
    result = record(trace)
    if budget.cut_by == EXPIRED:
        seconds = context.timeout.total_seconds()
        phase = "reading the answer" if trace.answer else "waiting for the answer" if trace.connected else "connecting"
        message = f"The total timeout of {seconds:g} s passed while {phase} ({trace.host})."
        return Failed(Code.TIMED_OUT.value, message, result=result)
    return Cancelled("The request was cut off because a stop was asked for.", result=result)
