"""Definitions of jobs for property tests: every kind of schedule, target, payload and policy, with odd values."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from executions.policies import Backoff, Overlap
from executions.policies.limits import LimitAction, Priority
from schedules.clock.policies.catch_up import CatchUp
from schedules.clock.solar import SolarEvent

FLAG = "odd-flag"  # must exist before a job with odd policies is made
# Line ends, blanks of several kinds, and what HTML, JSON and forms give a meaning to.
LETTERS = "\n\n\r\t aé<&\"'\\{[\x01\x0b\x1c\x1f\x7f\x85\xa0\u2028\ufeff\U0001f4a5"
TEXTS = st.text(LETTERS, max_size=6)
NUMBERS = st.one_of(
    st.integers(-(10**99), 10**99),
    st.floats(-1e99, 1e99).filter(lambda number: number == 0 or abs(number) > 1e-99),
    st.sampled_from([0, -0.0, 1e-99, 1e22, 5e-5, 2**53 + 1]),
)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
DURATIONS = st.sampled_from(["1ms", "1500ms", "PT0.123456S", "59s", "90s", "61m", "PT25H30M", "1d"])
INTERVALS = st.sampled_from(["1s", "1500ms", "90s", "PT61M0.000001S", "25h", "7d", "365d"])
ZONES = st.sampled_from(["UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Africa/Monrovia"])
# Hours that clocks show twice in some of the zones, and instants with and without seconds and fractions.
INSTANTS = st.sampled_from(
    ["2031-10-26T00:30:00Z", "2031-10-26T01:30:00Z", "2031-11-02T06:30:00.000001Z", "2031-03-01T00:00:59Z"]
)
ENDS = st.sampled_from(["2032-10-31T00:30:00Z", "2032-10-31T01:30:00Z", "2097-12-31T23:59:59.999999Z"])
COUNTS = st.sampled_from([1, 2, 1_000_000_000])


def degrees(limit: float) -> st.SearchStrategy[float]:
    """Return numbers of degrees, very small ones too."""
    return st.floats(-limit, limit).filter(lambda number: number == 0 or abs(number) > 1e-99) | st.sampled_from(
        [0.00001, -1.25e-7, -0.0, limit, -limit, 7]
    )


def some(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects that have any of these members."""
    return st.fixed_dictionaries({}, optional=members)


def joined(*parts: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects with the members of all parts."""
    return st.tuples(*parts).map(lambda found: {name: value for part in found for name, value in part.items()})


def exactly(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects with all of these members."""
    return st.fixed_dictionaries(members)


CRONS = st.sampled_from(["0 9 * * *", " 30\n2\t* *  * ", "0 0 9 * * mon-fri", "@daily", "0 9 LW * *", "0 9 * * 5#2"])
BOUNDS = some(timezone=ZONES, start_at=INSTANTS, end_at=ENDS)
CRON = joined(
    exactly(cron=CRONS),
    some(dst_gap=st.sampled_from(["skip", "shift"]), dst_fold=st.sampled_from(["first", "both"])),
    BOUNDS,
)
EVERY = joined(exactly(every=INTERVALS), some(anchor_at=INSTANTS), BOUNDS)
ONCE = joined(exactly(at=INSTANTS), some(timezone=ZONES))
# At these latitudes each event happens on some days of the year.
SOLAR = joined(exactly(solar=st.sampled_from(list(SolarEvent)), latitude=degrees(45), longitude=degrees(180)), BOUNDS)
DELAY = joined(exactly(delay=INTERVALS), BOUNDS)
SEVERAL = joined(exactly(specs=st.lists(CRON | EVERY | ONCE | SOLAR, min_size=2, max_size=3)), BOUNDS)
SCHEDULES = st.one_of(
    exactly(kind=st.just("none")),
    ONCE,
    *(joined(each, some(max_runs=COUNTS)) for each in (CRON, EVERY, SOLAR, DELAY, SEVERAL)),
)

STATUSES = st.sampled_from([[], [409], ["500-503", 408], ["599"]])
HTTP = joined(
    exactly(kind=st.just("http"), url=st.just("https://example.org/a?b=%20c"), method=st.sampled_from(["POST", "PUT"])),
    some(
        headers=st.dictionaries(st.sampled_from(["X-Token", "accept"]), st.sampled_from(["a  b", '"', "<&amp;>"])),
        query=st.dictionaries(TEXTS, NUMBERS.filter(lambda n: abs(n) < 1e9) | TEXTS | st.just([]), max_size=2),
        success_statuses=st.sampled_from([[200], ["200-204", 304]]),
        retry_statuses=st.none() | STATUSES,
        connect_timeout=DURATIONS.filter(lambda text: text != "PT25H30M"),
        read_timeout=st.none() | st.just("1ms"),
        follow_redirects=st.booleans(),
        verify_tls=st.booleans(),
    ),
)
COMMAND = exactly(kind=st.just("command"), name=st.just("demo.echo"))


def _with_body(body_format: str, payloads: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    target = HTTP.map(lambda found: {**found, "body_format": body_format})
    return exactly(target=target, payload=payloads)


ACTIONS = st.one_of(
    _with_body("json", JSON),
    _with_body("raw", st.none() | TEXTS),
    _with_body("none", JSON),
    _with_body("form", st.none() | st.dictionaries(TEXTS, TEXTS | st.lists(TEXTS, max_size=2), max_size=2)),
    exactly(target=COMMAND, payload=some(message=TEXTS) | st.none()),
)

KEYS = st.sampled_from(["a  b", "<&>", "é"])
BEYOND = st.sampled_from(list(LimitAction))
RETRY = some(backoff=st.sampled_from(list(Backoff)), delay=DURATIONS, max_delay=DURATIONS, jitter=st.booleans())
POLICIES = joined(
    some(
        overlap=st.sampled_from(list(Overlap)),
        timeout=st.none() | st.sampled_from(["100ms", "1500ms", "1d"]),
        retry=joined(RETRY, some(max_retries=st.sampled_from([0, 1, 20]))),
        priority=st.sampled_from(list(Priority)),
        concurrency=joined(exactly(limit=st.sampled_from([1, 100_000])), some(key=KEYS, beyond=BEYOND)),
        rate_limit=joined(
            exactly(limit=st.sampled_from([2, 1_000_000])),
            some(per=st.sampled_from(["1s", "31d"]), burst=st.sampled_from([1, 2]), key=KEYS, beyond=BEYOND),
        ),
        start_deadline=st.none() | st.sampled_from(["1s", "90m"]),
        pause_after_failures=st.none() | st.sampled_from([1, 100]),
        feature_flag=st.none() | st.just(FLAG),
    ),
    st.just({}) | st.just({"delivery": "at_most_once", "retry": {"max_retries": 0}}),
)
CATCH_UP = some(
    catch_up=joined(
        exactly(mode=st.sampled_from([CatchUp.ALL, CatchUp.FIRST, CatchUp.LAST])),
        some(max_age=DURATIONS, max_runs=st.sampled_from([1, 10_000]), pace=st.none() | st.sampled_from(["0s", "1s"])),
    ),
    jitter=st.sampled_from(["0s", "1500ms", "1d"]),
)


@st.composite
def definitions(draw: st.DrawFn) -> dict[str, Any]:
    """Return definitions that validation accepts."""
    schedule = draw(SCHEDULES)
    has_schedule = schedule.get("kind") != "none"
    return {
        "name": f"{draw(TEXTS)}x{draw(TEXTS)}",
        "description": draw(TEXTS),
        "schedule": schedule,
        **draw(ACTIONS),
        "policies": draw(joined(POLICIES, CATCH_UP)) if has_schedule else draw(POLICIES),
    }
