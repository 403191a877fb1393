"""The `http` target: sends a request, follows redirects, and turns the response or failure into an outcome."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from django.conf import settings

from executions.targets.base import Cancelled, Failed, InvalidTarget, Succeeded, Target
from executions.targets.http import headers as rules
from executions.targets.http.addresses import SETTING, EgressPolicy, deny_reason
from executions.targets.http.body import encode_body
from executions.targets.http.config import HttpConfig
from executions.targets.http.deadline import EXPIRED, Budget, CutOff, watchdog
from executions.targets.http.exchange import Limits, Request, Trace, exchange
from executions.targets.http.failures import EXPECTED, Code, TooManyRedirects, explain
from executions.targets.http.record import record
from executions.targets.http.redaction.secrets import Secrets
from executions.targets.http.redirects import MAX_REDIRECTS, next_request
from executions.targets.http.resolve import canonical_host, read_literal
from executions.targets.http.urls import parse_http_url
from executions.targets.http.verdict import judge
from values import clock
from values.iso import iso_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from executions.targets.base import Context, Outcome, TargetConfig
    from executions.targets.http.response import Response
    from values.json_values import JSON

try:
    VERSION = version("mainspring")
except PackageNotFoundError:
    VERSION = "dev"


class HttpTarget(Target):
    """Sends an HTTP request, and follows redirects if the job allows this."""

    kind: ClassVar[str] = "http"
    config: ClassVar[type[TargetConfig]] = HttpConfig
    queue: ClassVar[str] = "http"
    max_runs_per_message: ClassVar[int] = 50  # runs of a message start together; 100 per message were no faster
    default_timeout: ClassVar[timedelta] = timedelta(seconds=30)

    def validate(self, config: TargetConfig, payload: JSON) -> None:
        """Raise InvalidTarget for a payload that cannot be encoded, or for a host that can be denied without a look-up.

        Host names are not looked up here but by each attempt, because their addresses may change.
        """
        assert isinstance(config, HttpConfig)
        encode_body(config, payload)
        url = parse_http_url(config.full_url)
        policy = _policy()
        host = url.host.rstrip(".")
        if not policy.allow_private and (host == "localhost" or host.endswith(".localhost")):
            raise InvalidTarget(
                {
                    "url": [
                        f"{host} is Mainspring's own machine. The operator can allow private networks: {SETTING}=true."
                    ]
                }
            )
        for _, address in read_literal(url.host, url.port):
            if reason := deny_reason(str(address[0]), policy):
                raise InvalidTarget({"url": [f"{reason}."]})

    def share_of(self, stored: Mapping[str, Any]) -> str:
        """Return the host name or address in the URL, in one notation; "" for a URL that this version cannot read."""
        try:
            return canonical_host(parse_http_url(str(stored.get("url"))).host)
        except ValueError:
            return ""

    def execute(self, config: TargetConfig, payload: JSON, context: Context) -> Outcome:
        """Send the request, follow redirects if `config` allows them, and return the outcome."""
        assert isinstance(config, HttpConfig)
        try:
            request = _prepare(config, payload, context)
        except (InvalidTarget, ValueError) as error:
            return Failed(Code.INVALID_REQUEST.value, f"The request can't be sent: {error}", permanent=True)
        secrets = Secrets(request.headers)
        outcome = _attempt(request, config, context, secrets)
        # The host in a message may be from the URL of a redirect.
        return outcome if isinstance(outcome, Succeeded) else replace(outcome, message=secrets.hide(outcome.message))


TARGET = HttpTarget()


def _policy() -> EgressPolicy:
    return EgressPolicy(allow_private=settings.MAINSPRING.http_allow_private_networks)


def _prepare(config: HttpConfig, payload: JSON, context: Context) -> Request:
    body = encode_body(config, payload)
    defaults = {
        "User-Agent": f"Mainspring/{VERSION}",
        "Accept": "*/*",
        "Accept-Encoding": "gzip, deflate",
        # Quoted, because `Context` allows any characters in a key.
        "Idempotency-Key": quote(context.idempotency_key, safe="!#$&'()*+,/:;=?@[]"),
        "Mainspring-Run-Id": str(context.run_id),
        "Mainspring-Attempt": str(context.attempt),
        "Mainspring-Nominal-At": iso_text(context.nominal_at),
    }
    if body is not None:
        defaults["Content-Type"] = body.content_type
    # Checked again: another version of the code, with other rules, may have saved the configuration.
    own = {rules.check_name(name): rules.check_value(value) for name, value in config.headers.items()}
    given = {rules.fold(name) for name in own}
    headers = {name: value for name, value in defaults.items() if rules.fold(name) not in given} | own
    return Request(config.method, parse_http_url(config.full_url), headers, body.data if body else None)


def _attempt(request: Request, config: HttpConfig, context: Context, secrets: Secrets) -> Outcome:
    trace = Trace(request=request, host=request.url.host)
    budget = Budget(context.timeout.total_seconds())
    deadlines = watchdog.get()
    number = deadlines.watch(budget)
    unregister = context.on_stop(budget.cut)
    try:
        response = _follow_redirects(request, config, budget, trace)
        budget.close()
    except CutOff:
        return _outcome_of_cut(budget, context, trace, record(trace, secrets, request.url.host))
    except EXPECTED as error:
        if budget.cut_by is not None:
            return _outcome_of_cut(budget, context, trace, record(trace, secrets, request.url.host))
        result = record(trace, secrets, request.url.host)
        why = explain(error, trace.host, trace.port, connected=trace.connected, hide=secrets.hide_start)
        return Failed(why.code.value, why.message, why.permanent, result)
    finally:
        unregister()
        deadlines.forget(number)
    result = record(trace, secrets, request.url.host)
    shown = replace(response, reason=result["response"]["reason"])
    return judge(config, shown, result, clock.now(), settings.MAINSPRING.retry_after_cap)


def _follow_redirects(request: Request, config: HttpConfig, budget: Budget, trace: Trace) -> Response:
    knobs: Any = settings.MAINSPRING
    limits = Limits(
        connect_seconds=config.connect_timeout.total_seconds(),
        read_seconds=config.read_timeout.total_seconds() if config.read_timeout else None,
        body_bytes=knobs.http_body_bytes,
        policy=_policy(),
        verify_tls=config.verify_tls,
    )
    while True:
        response = exchange(request, limits, budget, trace)
        following = next_request(request, response) if config.follow_redirects else None
        if following is None:
            return response
        if len(trace.redirects) >= MAX_REDIRECTS:
            raise TooManyRedirects(f"The server redirected more than {MAX_REDIRECTS} times.")
        trace.redirects.append({"status": response.status, "url": following.url.text, "method": following.method})
        request = following


def _outcome_of_cut(budget: Budget, context: Context, trace: Trace, result: JSON) -> Outcome:
    if budget.cut_by == EXPIRED:
        seconds = context.timeout.total_seconds()
        phase = (
            "reading the response"
            if trace.response
            else "waiting for the response"
            if trace.connected
            else "connecting"
        )
        message = f"The total timeout of {seconds:g} s passed while {phase} ({trace.host})."
        return Failed(Code.TIMED_OUT.value, message, result=result)
    return Cancelled("The request was stopped before the response was complete.", result=result)
