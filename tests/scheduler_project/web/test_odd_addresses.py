"""Proves that no address of the admin is a server error, with whatever ids and parameters."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User

from access.models import ApiKey
from executions.models import Run
from schedules.models import Job
from tests.factories import make_flag, make_job, make_run
from tests.odd_addresses import DJANGOS_OWN, ODD_LOOKUP_VALUES, ODD_VALUES, ORDERS, addresses, lists

if TYPE_CHECKING:
    from django.db.models import Model

    from tests.staff import StaffClient

pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(600)]
LISTS = dict(lists())


@pytest.fixture
def objects(admin: StaffClient, admin_user: User) -> dict[type[Model], object]:
    """The primary key of one object for each kind that has pages of its own."""
    admin.raise_request_exception = False
    job = make_job()
    make_flag()
    key, _ = ApiKey.issue(user=admin_user, name="tests")
    return {Job: job.pk, Run: make_run(job).pk, ApiKey: key.pk, User: admin_user.pk}


def test_no_id_in_an_address_is_a_server_error(admin: StaffClient, objects: dict[type[Model], object]) -> None:
    found = list(dict.fromkeys(addresses(objects)))
    assert len(found) > 300
    statuses = {address: admin.get(address).status_code for address in found}
    assert {address: status for address, status in statuses.items() if status >= 500} == {}
    assert set(statuses.values()) >= {200, 302, 400, 404}


@pytest.mark.parametrize("address", LISTS)
def test_no_parameter_of_a_list_is_a_server_error(
    admin: StaffClient, objects: dict[type[Model], object], address: str
) -> None:
    own = [f"{name}={value}" for name, value in product(DJANGOS_OWN, ODD_VALUES)]
    own += [f"o={quote(order)}" for order in ORDERS]
    values = ODD_LOOKUP_VALUES * len(LISTS[address])
    filters = [f"{name}={value}" for name, value in zip(LISTS[address], values, strict=False)]
    statuses = {query: admin.get(f"{address}?{query}").status_code for query in own + filters}
    assert {query: status for query, status in statuses.items() if status >= 500} == {}
    assert set(statuses.values()) >= {200, 400}


@pytest.mark.parametrize("page", ["", "x", "0", "-1", "99999", "9" * 30, "1.5", "%FF"])
def test_no_page_of_the_search_is_a_server_error(admin: StaffClient, page: str) -> None:
    assert admin.get("/admin/search/?s=job&page=1").status_code == 200
    assert admin.get(f"/admin/search/?s=job&page={page}").status_code == 404


def test_a_list_can_still_be_filtered_by_its_own_filters(
    admin: StaffClient, objects: dict[type[Model], object]
) -> None:
    for address in ("/admin/auth/user/?is_staff__exact=1", f"/admin/executions/run/?job={objects[Job]}"):
        assert admin.get(address).status_code == 200


@pytest.mark.parametrize("lookup", ["password__startswith", "password", "api_keys__digest", "username__regex"])
def test_users_cannot_be_found_by_their_secrets(admin: StaffClient, lookup: str) -> None:
    assert admin.get(f"/admin/auth/user/?{lookup}=x").status_code == 400
