"""A job's policies in people's words: for the choices of its form, and for what its page says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from access.admin.lists import counted
from executions.admin import timeout_words
from executions.policies import LimitAction, Overlap, Priority
from schedules import flags
from schedules.clock.policies.catch_up import CatchUp
from schedules.policies import JobPolicies
from values import instants
from values.readable import value_or_none

if TYPE_CHECKING:
    from schedules.models import Job

OVERLAPS = {
    Overlap.SKIP: "Skip the new one",
    Overlap.BUFFER_ONE: "Let one wait for its end, skip further ones",
    Overlap.BUFFER_ALL: "Let each wait for its turn",
    Overlap.CANCEL_OTHER: "Ask it to stop, and start then",
    Overlap.TERMINATE_OTHER: "End it at once, and start",
    Overlap.ALLOW: "Start beside it",
}
PRIORITIES = {priority: priority.capitalize() for priority in Priority}
BEYOND = {LimitAction.WAIT: "Wait until they may start", LimitAction.SKIP: "Do not start at all"}
CATCH_UP = {"skip": "none", "first": "the first one", "last": "the last one", "all": "each one"}
OTHERS = {LimitAction.WAIT: "others wait", LimitAction.SKIP: "others do not start"}


def in_words(job: Job) -> list[tuple[str, str]]:
    """What a job's policies say that the defaults don't: label and text. One query for a job that names a flag."""
    policies = value_or_none(job.readable_policies)
    if policies is None:
        return []
    told = dict(_told(job, policies))
    default = dict(_told(job, JobPolicies()))
    return [(label, text) for label, text in told.items() if text != default[label]]


def _told(job: Job, policies: JobPolicies) -> list[tuple[str, str]]:
    timeout = instants.duration(policies.timeout) if policies.timeout else timeout_words(job.spec.target_kind)
    deadline, most_failures = policies.start_deadline, policies.pause_after_failures
    return [
        ("When the last run still goes on", OVERLAPS[policies.overlap]),
        ("After an outage", _catch_up(policies)),
        ("Spread of starts", f"up to {instants.duration(policies.jitter)}" if policies.jitter else "none"),
        ("Retries", _retries(policies)),
        ("Timeout of one attempt", timeout),
        ("When its worker is lost", "carry it out again" if policies.delivery == "at_least_once" else "let it fail"),
        ("Pauses", f"after {counted(most_failures, 'failure')} in a row" if most_failures else "never"),
        ("Priority", policies.priority),
        ("At once", _concurrency(policies)),
        ("Rate", _rate(policies)),
        ("Start deadline", f"within {instants.duration(deadline)} of its instant, or never" if deadline else "none"),
        ("Feature flag", _flag(policies.feature_flag)),
    ]


def _catch_up(policies: JobPolicies) -> str:
    policy = policies.catch_up
    text = f"run {CATCH_UP[policy.mode]}, if missed within {instants.duration(policy.max_age)}"
    if policy.mode is not CatchUp.ALL:
        return text
    text += f", the latest {policy.max_runs:,} at most, {instants.duration(policy.between_starts)} apart"
    return f"{text}; of these, overlap skips all but the first" if policies.overlap is Overlap.SKIP else text


def _retries(policies: JobPolicies) -> str:
    policy = policies.retry
    if not policy.max_retries:
        return "none"
    delay, cap = instants.duration(policy.delay), instants.duration(policy.max_delay)
    return f"{policy.max_retries}, {policy.backoff} from {delay} up to {cap}{', spread' if policy.jitter else ''}"


def _concurrency(policies: JobPolicies) -> str:
    limit = policies.concurrency
    if limit is None:
        return "any number"
    return f"at most {counted(limit.limit, 'run')}{_of(limit.key)}; {OTHERS[limit.beyond]}"


def _rate(policies: JobPolicies) -> str:
    rate = policies.rate_limit
    if rate is None:
        return "any"
    burst = f", up to {rate.burst} at once after a pause" if rate.burst > 1 else ""
    starts = counted(rate.limit, "start")
    return f"at most {starts} in {instants.duration(rate.per)}{_of(rate.key)}{burst}; {OTHERS[rate.beyond]}"


def _of(key: str | None) -> str:
    return f" of all jobs with the key “{key}”" if key else ""


def _flag(name: str | None) -> str:
    if name is None:
        return "none"
    return f"{name}, which is off: nothing starts by itself" if flags.find_off([name]) else f"{name}, which is on"
