"""Proves that the admin creates, switches and protects feature flags, and who may do so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext

from schedules.models import FeatureFlag
from tests.factories import make_flag, make_job
from tests.staff import page_of, signed_in, staff_member

if TYPE_CHECKING:
    from tests.staff import StaffClient

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at:UserWarning")]

LIST = "/admin/schedules/featureflag/"


def test_the_list_switches_a_flag_and_the_admin_log_records_it(admin: StaffClient) -> None:
    make_flag()
    flag = FeatureFlag.objects.get()
    address = f"{LIST}{flag.pk}/switch/?to=on"
    assert address in page_of(admin.get(LIST))
    assert admin.get(address).status_code == 405
    for _ in range(2):  # the second time as from a page that was not reloaded
        assert "“new-billing” is on" in page_of(admin.post(address, follow=True))
    flag.refresh_from_db()
    assert (flag.is_on, flag.changed_by) == (True, "admin")
    assert LogEntry.objects.first().get_change_message() == "Switched on."  # type: ignore[union-attr]


@pytest.mark.parametrize("query", ["", "?to=", "?to=ON", "?to=true", "?too=on"])
def test_a_switch_that_does_not_say_on_or_off_is_refused(admin: StaffClient, query: str) -> None:
    make_flag(is_on=True)
    before = FeatureFlag.objects.get()
    assert admin.post(f"{LIST}{before.pk}/switch/{query}").status_code == 400
    after = FeatureFlag.objects.get()
    assert (after.is_on, after.changed_at) == (True, before.changed_at)


def test_selected_flags_are_switched_together_but_never_deleted_together(admin: StaffClient) -> None:
    for name in ("one", "two", "three"):
        make_flag(name)
    ids = [flag.pk for flag in FeatureFlag.objects.exclude(name="two")]
    for action, n_on in (("switch_on", 2), ("delete_selected", 2), ("switch_off", 0)):
        page_of(admin.post(LIST, {"action": action, "_selected_action": ids, "post": "yes"}, follow=True))
        assert (FeatureFlag.objects.filter(is_on=True).count(), FeatureFlag.objects.count()) == (n_on, 3)


def test_a_flag_keeps_the_name_that_it_was_created_with(admin: StaffClient) -> None:
    data = {"name": "new-billing", "description": "<b>x</b>", "is_on": "on"}
    page_of(admin.post(f"{LIST}add/", data, follow=True))
    flag = FeatureFlag.objects.get()
    page_of(admin.post(f"{LIST}{flag.pk}/change/", {"name": "other", "description": "y"}, follow=True))
    flag.refresh_from_db()
    assert (flag.name, flag.description, flag.is_on) == ("new-billing", "y", False)
    for name in ("a b", "", "new-billing", "x" * 101):
        assert "errornote" in page_of(admin.post(f"{LIST}add/", {"name": name}))


def test_a_flag_that_a_job_names_cannot_be_deleted_in_the_admin(admin: StaffClient) -> None:
    make_flag()
    make_job(policies={"feature_flag": "new-billing"})
    flag = FeatureFlag.objects.get()
    assert "1 job" in page_of(admin.get(LIST))
    assert admin.post(f"{LIST}{flag.pk}/delete/", {"post": "yes"}).status_code == 403
    assert FeatureFlag.objects.exists()


def test_the_list_needs_the_same_queries_for_any_number_of_flags(admin: StaffClient) -> None:
    def n_queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            page_of(admin.get(LIST))
        return len(captured)

    make_flag()
    admin.get(LIST)
    few = n_queries()
    for number in range(20):
        make_flag(f"flag-{number}")
    assert n_queries() == few


def test_a_user_who_may_only_view_cannot_switch_a_flag() -> None:
    make_flag()
    viewer = signed_in(staff_member("viewer", "view_featureflag"))
    flag = FeatureFlag.objects.get()
    assert "Switch on" not in page_of(viewer.get(LIST))
    assert viewer.post(f"{LIST}{flag.pk}/switch/?to=on").status_code == 403
