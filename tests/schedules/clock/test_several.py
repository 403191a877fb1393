"""A list of schedules fires at the instants of any member, and errors, words and warnings name the member."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedules.clock.anchors import anchored, keep_anchors
from schedules.clock.describe import describe
from schedules.clock.effort import NO_LIMIT
from schedules.clock.notes.warnings import warnings
from schedules.clock.occurrences import member_at, next_after, occurrences, occurrences_by_member
from schedules.clock.preview import Mark, bounded_preview
from schedules.clock.reading.schedule import MAX_SPECS, parse
from schedules.clock.spec import InvalidSchedule, Kind, ScheduleSpec, to_json
from schedules.clock.zones.clock_changes import dst_changes
from schedules.clock.zones.zones import LAST_AT

NOW = datetime(2027, 3, 1, tzinfo=UTC)
MIN_INTERVAL = timedelta(seconds=1)
PARIS = "Europe/Paris"


def several(*specs: object, **bounds: object) -> ScheduleSpec:
    return parse({"specs": list(specs), **bounds}, min_interval=MIN_INTERVAL)


def errors_of(data: object) -> dict[str, list[str]]:
    with pytest.raises(InvalidSchedule) as refusal:
        parse(data, min_interval=MIN_INTERVAL)
    return refusal.value.errors


MEMBERS = st.one_of(
    st.builds(
        lambda cron, zone, fold: {"cron": cron, "timezone": zone, "dst_fold": fold},
        st.sampled_from(["*/7 * * * *", "30 2 * * *", "0 0,12 * * 1-5", "15 30 1 * * *", "@hourly"]),
        st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe"]),
        st.sampled_from(["first", "both"]),
    ),
    st.builds(
        lambda every, start: (
            {"every": every, "anchor_at": "2027-01-01T00:00Z"} | ({"start_at": start} if start else {})
        ),
        st.sampled_from([60, 420, 3600, 5400.5]),
        st.sampled_from([None, "2027-03-14T05:00Z"]),
    ),
    st.builds(lambda at: {"at": at}, st.sampled_from(["2027-03-14T07:00Z", "2027-11-07T06:30Z"])),
)


@settings(derandomize=True, max_examples=100, deadline=None, database=None)
@given(st.lists(MEMBERS, min_size=2, max_size=5))
def test_each_instant_is_returned_with_the_first_member_that_fires(members: list[object]) -> None:
    spec = several(*members, start_at="2027-03-14T06:00Z", end_at="2027-03-14T08:00Z")
    found = list(occurrences_by_member(spec, NOW, LAST_AT))
    assert [at for at, _ in found] == list(occurrences(spec, NOW, LAST_AT))
    assert all(member is member_at(spec, at) for at, member in found)


@pytest.mark.long
@settings(derandomize=True, max_examples=200, deadline=None, database=None)
@given(
    st.lists(MEMBERS, min_size=2, max_size=5),
    st.sampled_from([datetime(2027, 3, 14, tzinfo=UTC), datetime(2027, 11, 7, tzinfo=UTC)]),
    st.booleans(),
)
def test_a_list_fires_at_the_union_of_its_members_in_order_and_once_each(
    members: list[dict[str, object]], day: datetime, has_end: bool
) -> None:
    end_at = day + timedelta(hours=9)
    spec = several(*members, **({"end_at": end_at.isoformat()} if has_end else {}))
    found = list(occurrences(spec, day, day + timedelta(days=1)))
    until = end_at if has_end else day + timedelta(days=1)
    each = [parse(member, min_interval=MIN_INTERVAL) for member in members]
    assert found == sorted({at for one in each for at in occurrences(one, day, until)})
    assert all(earlier < later for earlier, later in pairwise(found))
    assert next_after(spec, day) == (found[0] if found else next_after(spec, until))


def test_the_instants_of_a_list_are_computed_lazily() -> None:
    spec = several({"cron": "* * * * * *"}, {"every": "1s", "anchor_at": "2027-01-01T00:00Z"})
    assert [at.second for at in islice(occurrences(spec, NOW, LAST_AT), 3)] == [1, 2, 3]


def test_a_member_has_its_own_zone_and_bounds_or_those_of_the_list() -> None:
    spec = several(
        {"cron": "0 9 * * *"},
        {"cron": "0 9 * * *", "timezone": "Asia/Tokyo", "end_at": "2027-03-02T00:00"},
        timezone=PARIS,
        start_at="2027-03-01T00:00",
        end_at="2027-03-02T09:00",
    )
    assert [at.strftime("%d %H") for at in occurrences(spec, NOW - timedelta(days=9), LAST_AT)] == [
        "01 00",
        "01 08",
        "02 08",
    ]
    assert [each.timezone for each in spec.specs] == [PARIS, "Asia/Tokyo"]


def test_a_plain_json_list_means_the_same_as_specs() -> None:
    members = [{"cron": "0 9 * * *"}, {"every": "15m"}]
    spec = parse(members, min_interval=MIN_INTERVAL)
    assert spec == several(*members)
    assert spec.kind is Kind.SEVERAL
    assert parse(to_json(spec), min_interval=MIN_INTERVAL) == spec


@pytest.mark.parametrize(
    ("member", "field", "sentence"),
    [
        ({"cron": "75 * * * *"}, "specs.1.cron", "75 is not in 0-59"),
        ({"every": "10ms"}, "specs.1.every", "must be at least 1s."),
        ({"corn": 1, "cron": "@daily"}, "specs.1.corn", 'Did you mean "cron"?'),
        ({}, "specs.1.kind", "is missing: give cron,"),
        (7, "specs.1", "must be an object, not 7."),
        ([], "specs.1", "must be an object, not a list."),
        ({"specs": []}, "specs.1.specs", "must not be nested"),
        ({"kind": "several"}, "specs.1.kind", "must not be several inside specs"),
        ({"delay": "5m"}, "specs.1.delay", "must not be in a list"),
        ({"kind": "delay"}, "specs.1.kind", "must not be delay inside specs"),
        ({"kind": "none"}, "specs.1.kind", "must not be none inside specs"),
        ({"cron": "@daily", "max_runs": 2}, "specs.1.max_runs", "write it next to specs, not inside specs."),
        ({"cron": "@daily", "timezone": "Mars"}, "specs.1.timezone", "not an IANA"),
    ],
)
def test_an_error_in_a_member_is_reported_under_its_index(member: object, field: str, sentence: str) -> None:
    for data in ([{"cron": "@daily"}, member], {"specs": [{"cron": "@daily"}, member]}):
        errors = errors_of(data)
        assert list(errors) == [field]
        assert sentence in errors[field][0]


def test_a_list_holds_2_to_20_schedules() -> None:
    daily = {"cron": "@daily"}
    assert len(several(*[daily] * MAX_SPECS).specs) == MAX_SPECS
    for n in (0, 1, MAX_SPECS + 1):
        assert errors_of([daily] * n) == {"specs": [f"must be a list of 2 to 20 schedules, but has {n}."]}
    assert errors_of({"specs": [daily, daily], "dst_gap": "skip"})["dst_gap"] == [
        "does not apply to a list of schedules: leave it out, or write it inside specs."
    ]


def test_a_list_is_described_member_by_member_and_then_by_its_bounds() -> None:
    assert describe(several({"cron": "0 9 * * mon-fri"}, {"every": "15m"})) == (
        "At 09:00, Monday to Friday (UTC); and every 15 minutes"
    )
    spec = several(
        {"cron": "0 9 * * *"}, {"cron": "@hourly"}, {"at": "2027-05-01"}, end_at="2028-01-01T00:00", max_runs=5
    )
    assert describe(spec) == (
        "At 09:00 every day (UTC); every hour; and once, on 1 May 2027 at 00:00 (UTC); "
        "all together until 1 January 2028 at 00:00, at most 5 times (UTC)"
    )
    assert describe(several({"every": "1h"}, {"every": "7h"}, max_runs=1)) == (
        "Every hour; and every 7 hours; all together at most once"
    )


def test_a_warning_names_the_member_that_it_is_about() -> None:
    spec = several({"cron": "* 9 * * *"}, {"at": "2027-02-01"}, {"cron": "0 0 * * *"})
    assert warnings(spec, NOW) == [
        (
            "“* 9 * * *”: The schedule runs in every minute of the given hours. To run in only one minute of each "
            "hour, set the minute field, for example to 0."
        ),
        "“2027-02-01T00:00:00Z”: It has no occurrence in the future.",
    ]
    ended = several({"at": "2027-02-01"}, {"at": "2027-02-02"})
    assert warnings(ended, NOW) == ["This schedule has no occurrence in the future."]


def test_the_preview_shows_each_instant_in_the_zone_of_the_member_that_fires() -> None:
    spec = several({"cron": "30 2 * * *", "timezone": "America/New_York"}, {"cron": "0 8 * * *"}, timezone=PARIS)
    fires = bounded_preview(spec, datetime(2027, 3, 14, tzinfo=UTC), 2, NO_LIMIT)[0]
    assert [(fire.local.isoformat(), fire.marks) for fire in fires] == [
        ("2027-03-14T03:00:00-04:00", (Mark.GAP,)),
        ("2027-03-15T02:30:00-04:00", ()),
    ]


def test_each_clock_change_is_listed_once_with_its_effect_on_each_member() -> None:
    new_york = {"timezone": "America/New_York"}
    spec = several(
        {"cron": "30 2 * * *", **new_york},
        {"cron": "15 2 * * *", "dst_gap": "skip", **new_york},
        {"cron": "0 12 * * *", **new_york},
        {"cron": "0 12 * * *", "timezone": "Asia/Tokyo"},
    )
    spring, autumn = dst_changes(spec, NOW, NOW + timedelta(days=365))
    assert spring.affected and not autumn.affected
    assert [fire.local.isoformat() for fire in spring.fires] == ["2027-03-14T03:00:00-04:00"]
    assert spring.text == (
        "On 14 March 2027 clocks in America/New_York go forward from 02:00 to 03:00. "
        "“30 2 * * *”: 02:30 does not exist that day: this schedule runs at 03:00 EDT instead. "
        "“15 2 * * *”: 02:15 does not exist that day: this schedule does not run on that day."
    )
    assert autumn.text.endswith("No time of this schedule is moved, skipped or repeated.")


def test_intervals_keep_their_anchors_when_the_list_around_them_changes() -> None:
    before = anchored(several({"every": "15m"}, {"cron": "@daily"}), NOW)
    assert [each.anchor_at for each in before.specs] == [NOW, None]
    longer = keep_anchors(several({"cron": "@hourly"}, {"every": "15m"}, {"every": "20m"}), before)
    assert [each.anchor_at for each in longer.specs] == [None, NOW, None]
    assert keep_anchors(several({"every": "15m"}, {"cron": "@daily"}), before) == before
    alone = anchored(parse({"every": "15m"}, min_interval=MIN_INTERVAL), NOW)
    assert keep_anchors(several({"every": "15m"}, {"cron": "@daily"}), alone) == before
    started = anchored(several({"every": "15m", "start_at": "2027-05-01"}, {"every": "1h"}), NOW)
    assert [each.anchor_at for each in started.specs] == [datetime(2027, 5, 1, tzinfo=UTC), NOW]
