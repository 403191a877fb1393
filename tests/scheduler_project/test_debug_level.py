"""Proves that the log level DEBUG adds Mainspring's own lines, and none of a library: those contain secrets."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from tests.factories import make_job
from tests.real_log import real_log
from tests.staff import page_of, signed_in

if TYPE_CHECKING:
    from django.contrib.auth.models import User

pytestmark = pytest.mark.filterwarnings("ignore:No directory at:UserWarning")

LIBRARIES = [
    "django.template",
    "django.db.backends",
    "asyncio",
    "urllib3.connectionpool",
    "amqp",
    "kombu",
    "celery.beat",
]


def test_debug_adds_the_lines_of_mainspring() -> None:
    with real_log("DEBUG") as lines:
        logging.getLogger("schedules.beat").debug("pass_ended")
    assert "pass_ended" in lines.getvalue()


@pytest.mark.parametrize("name", LIBRARIES)
def test_debug_adds_no_line_of_a_library(name: str) -> None:
    with real_log("DEBUG") as lines:
        logging.getLogger(name).debug("s3cret")
        logging.getLogger("a.library").info("seen")
    assert "s3cret" not in lines.getvalue()
    assert "seen" in lines.getvalue()


def test_a_higher_level_applies_to_libraries_too() -> None:
    with real_log("ERROR") as lines:
        for name in ("django.request", "celery.app.trace", "httpx", "urllib3", "multiprocessing"):
            logging.getLogger(name).warning("Not Found")
        logging.getLogger("schedules.beat").warning("broker_away")
    assert lines.getvalue() == ""


def test_the_page_of_a_new_api_key_does_not_log_the_key(admin_user: User) -> None:
    client = signed_in(admin_user)
    with real_log("DEBUG") as lines:
        text = page_of(client.post("/admin/access/apikey/add/", {"name": "billing", "user": admin_user.pk}))
    secret = text.split('id="secret" tabindex="0">')[1].split("<")[0]
    assert secret.startswith("ms_")
    assert secret not in lines.getvalue()
    assert "Traceback" not in lines.getvalue()


def test_the_page_of_a_job_logs_nothing_at_debug(admin_user: User) -> None:
    job = make_job()
    client = signed_in(admin_user)
    with real_log("DEBUG") as lines:
        client.get(f"/admin/schedules/job/{job.pk}/change/")
    assert lines.getvalue() == ""
