"""A change of the time zone data loses no occurrence and doubles none, by instant and by local time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from schedules.clock.occurrences import occurrences
from schedules.clock.rule_change import Changed, Clock, Rules, change, find_rules, held, in_version, is_changed
from schedules.clock.spec import Kind, ScheduleSpec
from schedules.clock.zones.data import OWN_VERSION
from tests.zone_versions import BERLIN, ONE_HOUR_AHEAD, UNTIL_2026, VANCOUVER, know

OLD = know("2026-change", **{VANCOUVER: UNTIL_2026}, **ONE_HOUR_AHEAD)
DAY = datetime(2026, 11, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def at(hour: int, minute: int = 0, day: int = 30) -> datetime:
    """An instant of November; 31 November is 1 December."""
    return datetime(2026, 11, 1, hour, minute, tzinfo=UTC) + timedelta(days=day - 1)


def cron(expression: str, zone: str = VANCOUVER, **fields: object) -> ScheduleSpec:
    return ScheduleSpec(Kind.CRON, cron=expression, timezone=zone, **fields)  # type: ignore[arg-type]


def several(*specs: ScheduleSpec) -> ScheduleSpec:
    return ScheduleSpec(Kind.SEVERAL, specs=specs)


def rules_of(spec: ScheduleSpec, mark_at: datetime, old: str = OLD, new: str = OWN_VERSION) -> Rules:
    return find_rules(spec, Clock(old), new, mark_at, mark_at)


def next_ones(spec: ScheduleSpec, mark_at: datetime, n: int = 2, **versions: str) -> list[datetime]:
    rules = rules_of(spec, mark_at, **versions)
    found = rules.due(None, mark_at + timedelta(days=10))
    return [next(found) for _ in range(n)]


def test_an_instant_that_moves_forward_and_has_not_run_is_due_today() -> None:
    """Nine o'clock in Vancouver was 17:00 UTC, and is 16:00 UTC now."""
    assert next_ones(cron("0 9 * * *"), at(17, 0, 29)) == [at(16), at(16, 0, 31)]
    assert next_ones(cron("0 9 * * *"), at(16, 30)) == [at(16), at(16, 0, 31)]  # owed: it is late already
    assert next_ones(cron("0 9 * * *"), at(17, 1)) == [at(16, 0, 31), at(16, 0, 32)]


def test_an_instant_that_moves_back_and_has_run_does_not_run_again_today() -> None:
    """Nine o'clock in Berlin was 07:00 UTC, and is 08:00 UTC now."""
    assert next_ones(cron("0 9 * * *", BERLIN), at(6, 59)) == [at(8), at(8, 0, 31)]
    assert next_ones(cron("0 9 * * *", BERLIN), at(7)) == [at(8, 0, 31), at(8, 0, 32)]
    assert next_ones(cron("0 9 * * *", BERLIN), at(7, 59)) == [at(8, 0, 31), at(8, 0, 32)]
    assert next_ones(cron("0 9 * * *", BERLIN), at(8, 30)) == [at(8, 0, 31), at(8, 0, 32)]


def test_a_hashed_time_is_a_fixed_time() -> None:
    spec = cron("H 9 * * *", BERLIN, hash_key="nightly")
    (was,) = occurrences(in_version(spec, OLD), DAY, at(12))
    assert was.hour == 7
    assert next_ones(spec, was) == [was + timedelta(hours=25), was + timedelta(hours=49)]


@pytest.mark.parametrize("zone", [VANCOUVER, BERLIN])
@pytest.mark.parametrize("minutes", range(0, 24 * 60, 7))
def test_each_local_day_of_a_daily_schedule_has_one_occurrence(zone: str, minutes: int) -> None:
    spec, mark_at = cron("30 9 * * *", zone), DAY + timedelta(minutes=minutes)
    rules = rules_of(spec, mark_at)
    before = list(occurrences(in_version(spec, OLD), DAY - timedelta(days=3), mark_at))
    after = list(rules.due(None, DAY + timedelta(days=4)))
    days = [each.date() for each in (*before, *after)]  # half past nine is on the same date in UTC in both zones
    assert days == [DAY.date() + timedelta(days=n) for n in range(-3, 4)]


def test_schedules_that_name_instants_continue() -> None:
    for spec in (cron("*/15 * * * *"), cron("*/15 * * * *", BERLIN), cron("0 * * * *"), cron("0 */2 * * *")):
        rules = rules_of(spec, at(16, 30))
        found = list(rules.due(None, at(18, 0)))
        assert rules.from_at == at(16, 30)
        assert found == list(occurrences(spec, at(16, 30), at(18, 0)))


def test_other_kinds_and_other_zones_do_not_change() -> None:
    hourly = ScheduleSpec(Kind.EVERY, every=timedelta(hours=1), anchor_at=DAY, timezone=VANCOUVER)
    once = ScheduleSpec(Kind.ONCE, at=at(17), timezone=VANCOUVER)
    for spec in (hourly, once, cron("0 9 * * *", "UTC"), cron("0 9 * * *", "America/New_York"), several(hourly, once)):
        assert not is_changed(spec, OLD, OWN_VERSION, DAY)
        rules = rules_of(spec, at(16, 30))
        assert (rules.spec, rules.from_at, rules.changed, rules.version) == (spec, at(16, 30), None, OWN_VERSION)


@pytest.mark.parametrize(("old", "new"), [(OLD, OLD), ("2019z", OWN_VERSION), (OLD, "2019z"), ("", OWN_VERSION)])
def test_nothing_changes_between_equal_or_unknown_versions(old: str, new: str) -> None:
    rules = rules_of(cron("0 9 * * *"), at(16, 30), old=old, new=new)
    assert rules.changed is None
    assert rules.version == (old if new == "2019z" else new)


def test_without_a_version_in_force_a_job_keeps_its_version() -> None:
    rules = find_rules(cron("0 9 * * *"), Clock(OLD), None, at(16, 30), DAY)
    assert rules.version == OLD
    assert next(rules.due(None, at(0, 0, 32))) == at(17)


def test_fixed_times_an_hour_apart_share_the_instant_that_has_a_row() -> None:
    """By the old rules, 16:00 UTC was eight o'clock in Vancouver and has run. By the new rules it is nine o'clock."""
    rules = rules_of(cron("0 8,9,10 * * *"), at(16))
    assert rules.changed and rules.changed.handled == {at(16)}
    assert list(rules.due(None, at(23))) == [at(17)]


def test_each_member_of_a_list_has_its_own_hold() -> None:
    spec = several(
        cron("0 9 * * *", BERLIN), cron("30 8 * * *", "UTC"), cron("10 0 * * *"), cron("*/30 * * * *", BERLIN)
    )
    changed = rules_of(spec, at(7, 40)).changed
    assert changed and changed.clock == Clock(OWN_VERSION, (at(8, 40), None, None, None))
    assert changed.from_at == at(6, 40)  # in Vancouver, 00:10 was at 08:10 UTC and is at 07:10 UTC
    assert next_ones(spec, at(7, 40), 4) == [at(7, 10), at(8), at(8, 30), at(9)]
    without_berlin = several(*spec.specs[1:3])
    assert next_ones(without_berlin, at(7, 40), 3) == [at(7, 10), at(8, 30), at(7, 10, 31)]


def test_the_hold_outlasts_the_change_and_then_ends() -> None:
    spec = cron("0 9 * * *", BERLIN)
    changed = rules_of(spec, at(7, 40)).changed
    assert changed
    later = find_rules(spec, changed.clock, OWN_VERSION, at(7, 45), DAY)
    assert later.changed is None
    assert list(later.due(None, at(9, 0, 32))) == [at(8, 0, 31), at(8, 0, 32)]


def test_going_back_to_the_old_version_restores_the_instants() -> None:
    spec = cron("0 9,12 * * *", BERLIN)
    changed = rules_of(spec, at(7, 40)).changed
    assert changed
    back = find_rules(spec, changed.clock, OLD, at(7, 50), DAY)
    assert back.changed and back.changed.clock == Clock(OLD)
    assert list(back.due(None, at(9, 0, 31))) == [at(10), at(7, 0, 31)]


def test_owed_times_survive_going_back_and_forth() -> None:
    """Under a hold, 9:50 in Berlin waits until 08:50 UTC; by the old rules it was at 07:50 UTC, and is owed."""
    spec = cron("0,50 9 * * *", BERLIN)
    changed = rules_of(spec, at(7, 40)).changed
    assert changed
    assert list(occurrences(changed.clock.applied_to(spec), at(7, 40), at(9))) == [at(8, 50)]
    back = find_rules(spec, changed.clock, OLD, at(7, 55), DAY)
    assert list(back.due(None, at(9))) == [at(7, 50)]


def test_the_second_pass_of_a_repeated_hour_owes_nothing() -> None:
    """On 1 November 2026 clocks in Vancouver went back by the old rules, and do not by the new rules."""
    spec = cron("15,45 1 * * *")
    second = datetime(2026, 11, 1, 9, 20, tzinfo=UTC)  # 01:20 for the second time
    found = rules_of(spec, second).due(None, second + timedelta(days=1))
    assert list(found) == [datetime(2026, 11, 2, 8, minute, tzinfo=UTC) for minute in (15, 45)]


def gap_days(old_rule: str, new_rule: str, name: str) -> tuple[str, str]:
    zone = "Etc/GMT-5"
    return know(f"{name}-old", **{zone: old_rule}), know(f"{name}-new", **{zone: new_rule})


@pytest.mark.parametrize(
    ("expression", "expected"),
    [("30 2 * * *", [2]), ("30,45 2 * * *", [1, 2, 2]), ("0 3 * * *", [1, 2]), ("30 2,3 * * *", [2, 2])],
)
def test_a_time_that_the_new_rules_skip_is_owed_only_if_it_has_not_run(expression: str, expected: list[int]) -> None:
    """The old rules had no clock change; the new rules skip 02:00 to 03:00 on 1 March. 02:40 has passed."""
    old, new = gap_days("EST5", "EST5EDT,M3.1.0,M11.1.0", "gap")
    mark_at = datetime(2026, 3, 1, 7, 40, tzinfo=UTC)
    spec = cron(expression, "Etc/GMT-5")
    found = rules_of(spec, mark_at, old=old, new=new).due(None, mark_at + timedelta(days=1))
    assert [each.day for each in found] == expected


def test_a_day_that_a_zone_leaves_out_is_no_second_day() -> None:
    """Clocks that move by a day, as in Samoa in 2011: a daily time waits until it is a day that has not been."""
    zone = "Etc/GMT-6"
    old, new = know("line-old", **{zone: "<+13>-13"}), know("line-new", **{zone: "<-11>11"})
    found = rules_of(cron("0 9 * * *", zone), at(21, 0, 29), old=old, new=new).due(None, at(23, 0, 32))
    assert list(found) == [at(20, 0, 31), at(20, 0, 32)]


def test_bounds_of_the_schedule_still_apply() -> None:
    begins = cron("0 9 * * *", start_at=at(16, 30))
    assert next_ones(begins, at(15), 1) == [at(16, 0, 31)]
    ends = cron("0 9 * * *", BERLIN, end_at=at(8, 15))
    assert list(rules_of(ends, at(6)).due(None, at(0, 0, 33))) == [at(8)]
    assert list(rules_of(ends, at(7, 40)).due(None, at(0, 0, 33))) == []


def test_holds_that_do_not_fit_the_schedule_are_ignored() -> None:
    spec = cron("0 9 * * *", BERLIN)
    assert held(spec, (at(8), at(8))) is spec
    assert held(spec, ()) is spec
    assert held(spec, (None,)) is spec


def test_what_the_old_rules_did_not_name_is_not_owed() -> None:
    """The anchor of an interval that began at the mark is no occurrence of it, although owed times are earlier."""
    spec = several(cron("0 9 * * *"), ScheduleSpec(Kind.EVERY, every=timedelta(days=7), anchor_at=at(16, 30)))
    rules = rules_of(spec, at(16, 30))
    assert list(occurrences(rules.spec, rules.from_at, at(0, 0, 31))) == [at(16)]
    assert rules.next_at() == at(16)


def test_a_change_without_another_offset_now_only_ends_the_old_rules() -> None:
    zone = "Etc/GMT-7"
    old, new = know("later-old", **{zone: "PST8"}), know("later-new", **{zone: "PST8PDT,M3.2.0,M11.1.0"})
    changed = change(cron("0 9 * * *", zone), Clock(old), new, at(16, 30))
    assert changed == Changed(Clock(new), Clock(new, (at(16, 30),)), at(16, 30), frozenset())
