"""A schedule is read from any JSON or refused with every error, and its canonical JSON reads back to the same value."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schedules.clock.occurrences import next_after
from schedules.clock.reading.schedule import parse
from schedules.clock.solar import SolarEvent
from schedules.clock.spec import InvalidSchedule, Kind, ScheduleSpec, to_json, with_anchor
from schedules.clock.zones.local_times import Fold, Gap
from schedules.clock.zones.zones import zone_names

MIN_INTERVAL = timedelta(seconds=1)


def read(**data: object) -> ScheduleSpec:
    return parse(data, min_interval=MIN_INTERVAL)


def errors_of(data: object) -> dict[str, list[str]]:
    with pytest.raises(InvalidSchedule) as refusal:
        parse(cast("Mapping[str, object]", data), min_interval=MIN_INTERVAL)
    return refusal.value.errors


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"cron": " 0  9 * * mon "}, ScheduleSpec(kind=Kind.CRON, cron="0 9 * * mon")),
        ({"cron": "@Daily"}, ScheduleSpec(kind=Kind.CRON, cron="@daily")),
        ({"kind": "cron", "cron": "@daily", "every": None}, ScheduleSpec(kind=Kind.CRON, cron="@daily")),
        (
            {"cron": "@daily", "dst_gap": "skip", "dst_fold": "both", "max_runs": 5},
            ScheduleSpec(kind=Kind.CRON, cron="@daily", dst_gap=Gap.SKIP, dst_fold=Fold.BOTH, max_runs=5),
        ),
        ({"every": 900}, ScheduleSpec(kind=Kind.EVERY, every=timedelta(minutes=15))),
        (
            {"every": "1h", "anchor_at": "2027-01-01T00:10:00Z"},
            ScheduleSpec(kind=Kind.EVERY, every=timedelta(hours=1), anchor_at=utc("2027-01-01T00:10")),
        ),
        ({"at": "2027-03-01T09:00:00+01:00"}, ScheduleSpec(kind=Kind.ONCE, at=utc("2027-03-01T08:00"))),
        (
            {"at": "2027-03-01 09:00:00.123456789 -0530"},
            ScheduleSpec(kind=Kind.ONCE, at=utc("2027-03-01T14:30:00.123456")),
        ),
        (
            {"at": "2027-03-01T09:00", "timezone": "Europe/Paris"},
            ScheduleSpec(kind=Kind.ONCE, at=utc("2027-03-01T08:00"), timezone="Europe/Paris"),
        ),
        (
            {"cron": "@daily", "start_at": "2027-07-01", "timezone": "Europe/Paris"},
            ScheduleSpec(kind=Kind.CRON, cron="@daily", timezone="Europe/Paris", start_at=utc("2027-06-30T22:00")),
        ),
        ({"kind": "none"}, ScheduleSpec(kind=Kind.NONE)),
        ({"kind": "none", "timezone": "Asia/Tokyo"}, ScheduleSpec(kind=Kind.NONE, timezone="Asia/Tokyo")),
    ],
)
def test_valid_json_is_read_as_a_schedule(data: dict[str, object], expected: ScheduleSpec) -> None:
    assert parse(data, min_interval=MIN_INTERVAL) == expected


@pytest.mark.parametrize(
    ("data", "field", "sentence"),
    [
        ({}, "kind", "is missing: give cron, every, at, solar, delay or specs, or set kind"),
        ({"kind": "often"}, "kind", 'must be cron, every, once, solar, delay, several or none, not "often".'),
        ({"kind": "crom", "cron": "@daily"}, "kind", 'Did you mean "cron"?'),
        ({"kind": ["cron"]}, "kind", "not a list."),
        (
            {"kind": "every", "cron": "@daily"},
            "kind",
            'is "every", but the schedule has the field cron: set kind to "cron", or leave kind out.',
        ),
        (
            {"kind": "none", "at": "2027-01-01T00:00Z"},
            "kind",
            'is "none", but the schedule has the field at: set kind to "once"',
        ),
        ({"kind": "every"}, "every", 'is required when kind is "every".'),
        ({"kind": "once"}, "at", 'is required when kind is "once".'),
        (
            {"cron": "@daily", "every": "5m"},
            "every",
            "can't be combined with cron: give only one of cron, every, at, solar, delay or specs.",
        ),
        ({"cron": "@daily", "every": 1, "at": "x"}, "cron", "can't be combined with every and at"),
        ({"delay": "500ms"}, "delay", "must be at least 1s."),
        ({"delay": "15m", "anchor_at": "2027-01-01"}, "anchor_at", "does not apply to a delay after each run"),
        ({"solar": "sunst", "latitude": 1, "longitude": 1}, "solar", 'Did you mean "sunset" or "sunrise"?'),
        ({"solar": "sunset", "longitude": 1}, "latitude", "is required with solar: give the place in degrees."),
        ({"solar": "sunset", "latitude": 90.5, "longitude": 1}, "latitude", "from -90 to 90, not 90.5."),
        ({"solar": "sunset", "latitude": 1, "longitude": "1"}, "longitude", "must be a number of degrees"),
        ({"solar": "sunset", "latitude": 1, "longitude": float("nan")}, "longitude", "must be a number of degrees"),
        ({"solar": "sunset", "latitude": 1, "longitude": True}, "longitude", "must be a number of degrees"),
        ({"solar": "sunset", "latitude": 10**400, "longitude": 1}, "latitude", "from -90 to 90"),
        (
            {"solar": "sunset", "latitude": -90, "longitude": 1},
            "solar",
            "never happens at latitude -90: choose another event or place.",
        ),
        ({"cron": "@daily", "latitude": 1}, "latitude", "does not apply to a cron schedule"),
        (
            {
                "solar": "sunset",
                "latitude": 70,
                "longitude": 1,
                "start_at": "2027-06-01T00:00Z",
                "end_at": "2027-06-20T00:00Z",
            },
            "solar",
            "does not fire between start_at",
        ),
        ({"corn": "@daily"}, "corn", 'is not a field of a schedule. Did you mean "cron"?'),
        ({"cron": "@daily", "Timezone": None}, "Timezone", 'Did you mean "timezone"?'),
        ({"cron": "@daily", "zzz": 1}, "zzz", "is not a field of a schedule."),
        ({"cron": 5}, "cron", "must be a string, not 5."),
        ({"cron": "75 * * * *"}, "cron", "minute: 75 is not in 0-59."),
        ({"cron": "0 0 31 2 *"}, "cron", "never fires: February never has 31 days"),
        ({"every": "500ms"}, "every", "must be at least 1s."),
        ({"every": "11y"}, "every", "months and years have no fixed length"),
        ({"every": 10**9}, "every", "must be at most ten years (3653 days)."),
        ({"at": "tomorrow"}, "at", '"tomorrow" is not a date and time: write it like 2027-03-01T09:00:00Z.'),
        ({"at": "2027-02-30T00:00"}, "at", "does not exist: use a valid date, time and offset."),
        ({"at": "2027-03-01T09:00+25:00"}, "at", "does not exist: use a valid date, time and offset."),
        ({"at": 1772323200}, "at", "must be a string, not 1772323200."),
        ({"at": "9999-12-31T23:59:59Z"}, "at", "must be in the years 1900 to 9998"),
        ({"at": "9998-12-31T23:59:59-01:00"}, "at", "must be in the years 1900 to 9998 in UTC"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "at", "must be in the years 1900 to 9998"),
        ({"cron": "@daily", "timezone": "europe/paris"}, "timezone", 'Did you mean "Europe/Paris"?'),
        ({"cron": "@daily", "timezone": "PST"}, "timezone", '"PST" is not an IANA time zone.'),
        ({"cron": "@daily", "timezone": "localtime"}, "timezone", "is not an IANA time zone."),
        ({"cron": "@daily", "timezone": "../../etc/passwd"}, "timezone", "is not an IANA time zone."),
        ({"cron": "@daily", "timezone": "UTC\x00"}, "timezone", "'UTC\\x00' is not an IANA time zone."),
        ({"cron": "@daily", "timezone": "x" * 65}, "timezone", "has at most 64 characters."),
        ({"cron": "@daily", "dst_gap": "jump"}, "dst_gap", 'must be shift or skip, not "jump".'),
        ({"cron": "@daily", "dst_fold": 1}, "dst_fold", "must be first or both, not 1."),
        ({"cron": "@daily", "max_runs": True}, "max_runs", "must be a whole number from 1 to 1,000,000,000, not true."),
        ({"cron": "@daily", "max_runs": 0}, "max_runs", "not 0."),
        ({"cron": "@daily", "max_runs": 1.0}, "max_runs", "not 1.0."),
        ({"cron": "@daily", "max_runs": 10**30}, "max_runs", "not a number of more than 20 digits."),
        ({"cron": "@daily", "end_at": "2027-03-01"}, "end_at", "2027-03-01T23:59:59 its last second."),
        (
            {"cron": "@daily", "start_at": "2027-03-01T00:00", "end_at": "2027-03-01T00:00"},
            "end_at",
            "must be after start_at.",
        ),
        ({"cron": "@daily", "anchor_at": "2027-01-01T00:00"}, "anchor_at", "does not apply to a cron schedule"),
        ({"every": "5m", "dst_gap": "skip"}, "dst_gap", 'does not apply to an "every" schedule: leave it out.'),
        ({"at": "2027-01-01T00:00", "dst_fold": "both"}, "dst_fold", "does not apply to a schedule that fires once"),
        ({"at": "2027-01-01T00:00", "end_at": "2027-02-01T00:00"}, "end_at", "does not apply"),
        ({"kind": "none", "max_runs": 3}, "max_runs", "does not apply to a job without a schedule"),
        (
            {"cron": "0 0 1 1 *", "start_at": "2027-02-01T00:00Z", "end_at": "2027-03-01T00:00Z"},
            "cron",
            "does not fire between start_at 2027-02-01T00:00:00Z and end_at 2027-03-01T00:00:00Z: change",
        ),
        (
            {
                "every": "1d",
                "anchor_at": "2027-01-01T12:00Z",
                "start_at": "2027-02-01T13:00Z",
                "end_at": "2027-02-02T11:00Z",
            },
            "every",
            "does not fire between start_at",
        ),
        (
            {"cron": "30 2 * 3 7L", "timezone": "Europe/Berlin", "dst_gap": "skip"},
            "cron",
            'never fires: clock changes skip each of its local times. Set dst_gap to "shift".',
        ),
    ],
)
def test_an_error_names_its_field_and_what_to_write_instead(data: dict[str, object], field: str, sentence: str) -> None:
    errors = errors_of(data)
    assert any(sentence in text for text in errors[field]), errors


@pytest.mark.parametrize("data", [None, "cron", 5, float("nan")])
def test_json_that_is_no_object_is_refused_under_schedule(data: object) -> None:
    assert errors_of(data)["schedule"][0].startswith("must be an object, not ")


def test_a_local_time_in_a_gap_is_refused_with_two_times_to_choose_from() -> None:
    (text,) = errors_of({"at": "2027-03-14T02:30", "timezone": "America/New_York"})["at"]
    assert text == (
        "02:30 on 14 March 2027 does not exist in America/New_York, because clocks go forward: "
        "write 2027-03-14T02:30:00-05:00 (03:30 there) or 2027-03-14T02:30:00-04:00 (01:30 there)."
    )


def test_a_local_time_in_a_fold_is_refused_with_two_times_that_are_accepted() -> None:
    zone = {"timezone": "America/New_York"}
    (text,) = errors_of({"at": "2027-11-07T01:30", **zone})["at"]
    assert text == (
        "01:30 on 7 November 2027 occurs twice in America/New_York: "
        "write 2027-11-07T01:30:00-04:00 (the first) or 2027-11-07T01:30:00-05:00 (the second)."
    )
    assert read(at="2027-11-07T01:30:00-04:00", **zone).at == utc("2027-11-07T05:30")
    assert read(at="2027-11-07T01:30:00-05:00", **zone).at == utc("2027-11-07T06:30")


def test_an_offset_with_seconds_is_offered_where_a_zone_had_one() -> None:
    (text,) = errors_of({"at": "1972-01-07T00:20:00", "timezone": "Africa/Monrovia"})["at"]
    assert "1972-01-07T00:20:00-00:44:30" in text
    assert read(at="1972-01-07T00:20:00-00:44:30", timezone="Africa/Monrovia").at == utc("1972-01-07T01:04:30")


def test_every_error_of_a_schedule_is_reported_at_once() -> None:
    errors = errors_of(
        {
            "cron": "75 25 * * *",
            "timezone": "Mars/Base",
            "max_runs": -1,
            "start_at": "soon",
            "end_at": "2027-03-14T02:30",
            "dst_gap": "x",
            "anchor_at": "2027-01-01T00:00",
            "colour": "red",
        }
    )
    assert set(errors) == {"cron", "timezone", "max_runs", "start_at", "dst_gap", "anchor_at", "colour"}
    assert len(errors["cron"]) == 2


def test_unknown_fields_beyond_20_are_counted_instead_of_listed() -> None:
    errors = errors_of({f"key{n}": n for n in range(1000)})
    assert len(errors) == 22
    assert errors["schedule"] == ["has 980 more unknown fields."]


def test_the_shortest_every_is_set_by_the_caller() -> None:
    assert parse({"every": "10s"}, min_interval=timedelta(seconds=10)).every == timedelta(seconds=10)
    with pytest.raises(InvalidSchedule, match="must be at least 1m"):
        parse({"every": "10s"}, min_interval=timedelta(minutes=1))


def test_with_anchor_sets_only_a_missing_anchor() -> None:
    now = utc("2027-01-01T00:00")
    assert with_anchor(read(every="5m"), now).anchor_at == now
    own = read(every="5m", anchor_at="2026-01-01T00:00Z")
    assert with_anchor(own, now) == own
    assert with_anchor(read(cron="@daily"), now).anchor_at is None
    with pytest.raises(ValueError, match="aware"):
        with_anchor(read(every="5m"), now.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            {"cron": "0  9 * * *"},
            {"kind": "cron", "cron": "0 9 * * *", "timezone": "UTC", "dst_gap": "shift", "dst_fold": "first"},
        ),
        (
            {"every": 5400, "anchor_at": "2027-01-01T01:00+01:00", "max_runs": 2},
            {
                "kind": "every",
                "every": "1h30m",
                "anchor_at": "2027-01-01T00:00:00Z",
                "timezone": "UTC",
                "max_runs": 2,
            },
        ),
        ({"at": "2027-01-01T00:00:00.5Z"}, {"kind": "once", "at": "2027-01-01T00:00:00.500000Z", "timezone": "UTC"}),
        ({"kind": "none"}, {"kind": "none", "timezone": "UTC"}),
    ],
)
def test_canonical_json_holds_the_kind_and_the_fields_that_apply_to_it(
    data: dict[str, object], expected: dict[str, object]
) -> None:
    assert to_json(parse(data, min_interval=MIN_INTERVAL)) == expected


# Microseconds since 1970: instants from 1906 to 8307, within the years that are accepted.
INSTANTS = st.integers(-2 * 10**15, 2 * 10**17).map(lambda micros: utc("1970-01-01") + timedelta(microseconds=micros))

# Kinds that a list of schedules may hold.
MEMBER_KINDS = (Kind.CRON, Kind.EVERY, Kind.ONCE, Kind.SOLAR)


@st.composite
def specs(draw: st.DrawFn, kinds: Sequence[Kind] = tuple(Kind)) -> ScheduleSpec:
    kind = draw(st.sampled_from(kinds))
    zone = draw(st.sampled_from(sorted(zone_names())))
    if kind is Kind.NONE:
        return ScheduleSpec(kind=kind, timezone=zone)
    if kind is Kind.ONCE:
        return ScheduleSpec(kind=kind, timezone=zone, at=draw(INSTANTS))
    if kind is Kind.SEVERAL:
        members = draw(st.lists(specs(MEMBER_KINDS), min_size=2, max_size=4))
        spec = ScheduleSpec(kind=kind, timezone=zone, specs=tuple(replace(each, max_runs=None) for each in members))
    elif kind is Kind.DELAY:
        length = draw(st.timedeltas(timedelta(seconds=1), timedelta(days=3653)))
        spec = ScheduleSpec(kind=kind, timezone=zone, delay=length)
    elif kind is Kind.SOLAR:
        latitude, longitude = draw(st.floats(-60, 60)), draw(st.floats(-180, 180))
        event = draw(st.sampled_from(SolarEvent))
        spec = ScheduleSpec(kind=kind, timezone=zone, solar=event, latitude=latitude, longitude=longitude)
    elif kind is Kind.EVERY:
        length = draw(st.timedeltas(timedelta(seconds=1), timedelta(days=3653)))
        anchor_at = draw(st.none() | INSTANTS)
        spec = ScheduleSpec(kind=kind, timezone=zone, every=length, anchor_at=anchor_at)
    else:
        cron = draw(st.sampled_from(["@daily", "*/5 * * * *", "0 30 2 L * ?", "0 0 * * MON#2,5L"]))
        gap, fold = draw(st.sampled_from(Gap)), draw(st.sampled_from(Fold))
        spec = ScheduleSpec(kind=kind, timezone=zone, cron=cron, dst_gap=gap, dst_fold=fold)
    start_at = draw(st.none() | INSTANTS)
    end_at = start_at + timedelta(days=4000) if start_at and draw(st.booleans()) else None
    max_runs = draw(st.none() | st.integers(1, 10**9))
    return replace(spec, start_at=start_at, end_at=end_at, max_runs=max_runs)


@pytest.mark.long
@settings(derandomize=True, max_examples=250, deadline=None, database=None)
@given(specs())
def test_canonical_json_reads_back_to_an_equal_schedule(spec: ScheduleSpec) -> None:
    text = json.dumps(to_json(spec))
    assert parse(json.loads(text), min_interval=MIN_INTERVAL) == spec


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from([10**400, -(10**400), "9" * 5000, "1e400", "\ud800", "a\x00b", "9999-12-31T23:59:59-23:59"])
    | st.sampled_from(["0001-01-01T00:00+23:59", "2027-03-14T02:30", "P1Y", "PT1S", "* * * * *", "@daily", "none"])
    | st.sampled_from(["America/New_York", "America", "shift", "both", "cron", "2027-01-01", "PT" + "9" * 15 + "H"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
KEYS = st.sampled_from(
    [
        "kind",
        "cron",
        "every",
        "anchor_at",
        "at",
        "timezone",
        "dst_gap",
        "dst_fold",
        "start_at",
        "end_at",
        "max_runs",
        "specs",
        "solar",
        "latitude",
        "longitude",
        "delay",
    ]
)


@pytest.mark.long
@settings(
    derandomize=True, max_examples=500, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(st.dictionaries(KEYS | st.text(max_size=8), JSON_VALUES, max_size=6))
def test_any_json_is_read_or_raises_invalid_schedule_and_nothing_else(data: dict[str, object]) -> None:
    try:
        spec = parse(data, min_interval=MIN_INTERVAL)
    except InvalidSchedule as refusal:
        assert refusal.errors
        for name, texts in refusal.errors.items():
            assert name.isprintable()
            assert all(text.isprintable() and text.endswith((".", "?")) for text in texts)
    else:
        next_after(with_anchor(spec, utc("2027-01-01")), utc("2027-01-01"))
        assert parse(to_json(spec), min_interval=MIN_INTERVAL) == spec


@pytest.mark.long
@pytest.mark.parametrize("field", ["kind", "cron", "every", "at", "timezone", "dst_gap", "start_at", "max_runs"])
def test_huge_and_deeply_nested_values_are_refused_under_their_field(field: str) -> None:
    deep: object = 1
    # Far deeper than Python's limit on recursion.
    for _ in range(100_000):
        deep = [deep]
    for value in ("x" * 10**6, "9" * 10**6, " " * 10**6, "\ud800" * 100, deep, {"a": deep}, 10**5000, float("inf")):
        assert field in errors_of({"cron": "@daily", field: value} if field != "cron" else {field: value})
