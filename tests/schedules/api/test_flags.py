"""Proves that the API lists, creates, switches and deletes feature flags, and who may do so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import Permission

from schedules.models import FeatureFlag
from tests.documented import DocumentedClient, documented_client, fields_of, problem_of
from tests.factories import make_flag, make_job

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from pytest_django import DjangoAssertNumQueries

FLAGS = "/api/v1/feature-flags"
NAME = f"{FLAGS}/new-billing"


def test_a_flag_is_created_switched_and_deleted_by_its_name(api: DocumentedClient) -> None:
    created = api.send("PUT", NAME, {"is_on": False, "description": "The new system"})
    assert (created.status_code, created["Location"]) == (201, NAME)
    assert created.json()["changed_by"] == "admin (key tests)"
    switched = api.send("PUT", NAME, {**created.json(), "is_on": True})
    assert (switched.status_code, switched.json()["is_on"], switched.json()["description"]) == (
        200,
        True,
        "The new system",
    )
    assert api.get(NAME).json() == switched.json()
    assert api.send("PUT", NAME, {"is_on": False}).json()["description"] == "The new system"
    assert api.delete(NAME).status_code == 204
    problem_of(api.get(NAME), 404)
    problem_of(api.delete(NAME), 404)


def test_an_old_copy_of_a_flag_may_be_sent_back(api: DocumentedClient) -> None:
    make_flag()
    copy = api.get(NAME).json()
    make_job(policies={"feature_flag": "new-billing"})
    api.send("PUT", NAME, {"is_on": True})
    again = api.send("PUT", NAME, copy).json()
    assert (again["is_on"], again["n_jobs"], again["changed_by"]) == (copy["is_on"], 1, "admin (key tests)")
    assert api.send("PUT", NAME, {**copy, "n_jobs": None, "changed_at": None, "changed_by": None}).status_code == 200


def test_the_list_of_flags_has_the_number_of_jobs_that_name_each(
    api: DocumentedClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for name in ("b", "a", "c"):
        make_flag(name)
    for number in range(2):
        make_job(f"job {number}", policies={"feature_flag": "b"})
    api.get(FLAGS)
    with django_assert_num_queries(3):  # the API key, the page, and the numbers of jobs
        page = api.get(f"{FLAGS}?page_size=2").json()
    assert [(flag["name"], flag["n_jobs"]) for flag in page["results"]] == [("a", 0), ("b", 2)]
    assert [flag["name"] for flag in api.get(page["next"]).json()["results"]] == ["c"]


def test_a_flag_that_a_job_names_cannot_be_deleted(api: DocumentedClient) -> None:
    make_flag()
    make_job(policies={"feature_flag": "new-billing"})
    assert "1 job uses this flag" in problem_of(api.delete(NAME), 409)["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "is_on"),
        ({"is_on": True, "name": "other"}, "name"),
        ({"is_on": "yes"}, "is_on"),
        ({"is_on": 1}, "is_on"),
        ({"is_on": True, "description": "a\0b"}, "description"),
        ({"is_on": True, "description": "x" * 1001}, "description"),
        ({"is_on": True, "on": False}, "on"),
        ({"is_on": True, "n_jobs": -1}, "n_jobs"),
        ({"is_on": True, "n_jobs": "2"}, "n_jobs"),
        ({"is_on": True, "n_jobs": True}, "n_jobs"),
        ({"is_on": True, "changed_at": "yesterday"}, "changed_at"),
        ({"is_on": True, "changed_at": "2126-01-01T00:00:00Z"}, "changed_at"),
        ({"is_on": True, "changed_by": {"name": "ann"}}, "changed_by"),
    ],
)
def test_an_invalid_setting_of_a_flag_is_refused_at_its_field(
    api: DocumentedClient, body: dict[str, Any], field: str
) -> None:
    assert fields_of(api.send("PUT", NAME, body)) == [field]
    assert not FeatureFlag.objects.exists()


@pytest.mark.parametrize("name", ["a%20b", "%00", "-x", "x" * 101, "%F0%9F%A6%8A"])
def test_an_invalid_flag_name_is_refused_by_put_and_not_found_otherwise(api: DocumentedClient, name: str) -> None:
    assert fields_of(api.send("PUT", f"{FLAGS}/{name}", {"is_on": True})) == ["name"]
    problem_of(api.get(f"{FLAGS}/{name}"), 404)
    problem_of(api.delete(f"{FLAGS}/{name}"), 404)


@pytest.mark.django_db
def test_the_permission_to_change_flags_does_not_allow_to_create_one(django_user_model: type[User]) -> None:
    user = django_user_model.objects.create_user("ann", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="change_featureflag"))
    client = documented_client(user)
    problem_of(client.send("PUT", NAME, {"is_on": True}), 403)
    make_flag()
    assert client.send("PUT", NAME, {"is_on": True}).status_code == 200
    problem_of(client.get(FLAGS), 403)
