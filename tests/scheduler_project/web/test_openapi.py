"""Proves that every URL of the API is documented, with examples that the API accepts and returns."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import get_resolver

from executions.api.examples import JOB_ID
from schedules import flags
from schedules.backfills import backfill
from schedules.backfills.requests import BackfillRequest
from schedules.jobs import registration
from schedules.jobs.selection import Selection
from schedules.pauses import pause_sets
from tests.documented import DocumentedClient, assert_fits, documented_client, problem_of, the_document
from tests.factories import ECHO, HELLO, NOW, make_job, make_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.auth.models import User

METHODS = ("get", "put", "post", "delete", "patch")
OPERATIONS = [
    (method, path, operation)
    for path, item in the_document()["paths"].items()
    for method, operation in item.items()
    if method in METHODS
]
NAMES = [operation["operationId"] for _, _, operation in OPERATIONS]
WITHOUT_404 = {"register_job", "unregister_job"}  # they accept the key of a job that does not exist
each_operation = pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=NAMES)


def filled(path: str, **ids: object) -> str:
    """Return the URL with these ids, `job_id=…`; an id that is not given becomes that of nothing."""
    ids = {"name": "new-billing", **ids}
    return re.sub(r"{(\w+)}", lambda name: str(ids.get(name[1], "019a9f93-0900-7d10-8b7e-5a4d1f0e2c3b")), path)


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        if isinstance(part.get("discriminator"), dict):
            yield from part["discriminator"]["mapping"].values()
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def test_the_document_is_public_and_states_its_openapi_version(db: None) -> None:
    response = DocumentedClient().get("/api/v1/openapi.json")

    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert json.loads(response.content) == the_document()
    assert the_document()["openapi"] == "3.1.0"
    assert set(the_document()) >= {"openapi", "info", "paths", "components"}


def test_every_reference_names_an_existing_component() -> None:
    components = the_document()["components"]["schemas"]
    names = {reference.removeprefix("#/components/schemas/") for reference in references(the_document())}

    assert names <= set(components)
    assert all(re.fullmatch(r"[\w.-]+", name) for name in components)


def test_each_operation_has_its_own_id() -> None:
    assert len(set(NAMES)) == len(NAMES) == 35


def test_every_url_of_the_api_is_documented() -> None:
    routes = {
        "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", f"{outer.pattern}{inner.pattern}")
        for outer in get_resolver().url_patterns
        for inner in getattr(outer, "url_patterns", [])
        if str(outer.pattern) == "api/v1/"
    }

    assert routes == set(the_document()["paths"])


@each_operation
def test_an_operation_documents_valid_examples_and_its_errors(
    method: str, path: str, operation: dict[str, Any]
) -> None:
    assert operation["tags"] == [path.split("/")[3]]
    assert operation["summary"]
    assert operation["description"]
    assert {"400", "401", "403"} <= set(operation["responses"])
    has_404 = "{" in path and operation["operationId"] not in WITHOUT_404
    assert ("404" in operation["responses"]) == has_404
    bodies = [*operation["responses"].values(), *([operation["requestBody"]] if "requestBody" in operation else [])]
    n_examples = 0
    for body in bodies:
        for content in body.get("content", {}).values():
            for example in content["examples"].values():
                assert_fits(example["value"], content["schema"])
                n_examples += 1
    assert n_examples > 0


@pytest.mark.long
@each_operation
def test_an_operation_requires_authentication(db: None, method: str, path: str, operation: dict[str, Any]) -> None:
    schemes = the_document()["components"]["securitySchemes"]
    assert operation["security"] == [{"apiKey": []}, {"cookieAuth": []}]
    assert (schemes["apiKey"]["type"], schemes["apiKey"]["scheme"]) == ("http", "bearer")

    response = DocumentedClient().generic(method.upper(), filled(path))
    problem_of(response, 401)
    assert response["WWW-Authenticate"] == "Bearer"


@pytest.mark.long
@each_operation
def test_an_operation_is_forbidden_for_users_who_are_not_staff(
    django_user_model: type[User], db: None, method: str, path: str, operation: dict[str, Any]
) -> None:
    guest = documented_client(django_user_model.objects.create_user("guest"))

    problem_of(guest.generic(method.upper(), filled(path)), 403)


@pytest.mark.long
@each_operation
def test_an_operation_accepts_its_examples_and_responds_as_documented(
    api: DocumentedClient, method: str, path: str, operation: dict[str, Any]
) -> None:
    job, other = make_job(schedule={"cron": "0 0 1 1 *"}), make_job("other")
    keyed = {"name": "keyed", "target": ECHO, "payload": HELLO}
    registration.register({"a-key": keyed}, NOW, actor="tests")
    flags.put("new-billing", NOW, is_on=True, actor="tests")
    range_ = BackfillRequest(NOW - timedelta(days=1), NOW)
    started = backfill.start(job.pk, range_, NOW, actor="ann")
    url = filled(
        path,
        job_id=job.pk,
        key="a-key",
        run_id=make_run(job).pk,
        backfill_id=started.pk,
        pause_id=pause_sets.start(Selection(ids=[job.pk]), NOW, actor="ann").pk,
    )
    documented = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("examples", {})
    examples = [example["value"] for example in documented.values()] or [None]

    for example in examples:
        body = json.loads(json.dumps(example).replace(JOB_ID, str(other.pk)))
        response = api.generic(method.upper(), url) if body is None else api.send(method.upper(), url, body)
        assert response.status_code in (200, 201, 202, 204, 409), response.content


@pytest.mark.parametrize("path", ["/api/docs", "/api/redoc"])
def test_the_pages_are_public_and_load_nothing_from_other_servers(db: None, path: str) -> None:
    response = DocumentedClient().get(path)

    assert response.status_code == 200
    text = response.content.decode()
    script = re.search(r'src="(/api/docs[^"]*)"', text)
    assert "/api/v1/openapi.json" in (DocumentedClient().get(script[1]).content.decode() if script else text)
    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//""", text)
    assert "/static/drf_spectacular_sidecar/" in text


def test_the_roots_of_the_api_and_the_site_redirect_to_their_pages(db: None) -> None:
    for url in ("/api/", "/api/v1/"):
        assert DocumentedClient().get(url)["Location"] == "/api/docs"
    assert DocumentedClient().get("/")["Location"] == "/admin/"


@pytest.mark.long
def test_the_document_can_be_requested_by_several_clients_at_once() -> None:
    code = (
        "import django; django.setup()\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from scheduler_project.web.openapi import document\n"
        "with ThreadPoolExecutor(8) as pool:\n"
        "    results = list(pool.map(lambda _: document(), range(8)))\n"
        "assert len(set(results)) == 1\n"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "scheduler_project.settings"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)
