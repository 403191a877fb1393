"""Proves that the admin protects housekeeping rows of django-celery-beat, and refuses values that beat cannot read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from scheduler_project.celery import app
from schedules.beat import JobScheduler
from tests.staff import page_of, signed_in, staff_member

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:No directory at:UserWarning"),
]

LIST = "/admin/django_celery_beat/periodictask/"
RECOVER = "housekeeping: recover lost runs"
PRUNE = "housekeeping: prune history"
ACTIONS = ["enable_tasks", "disable_tasks", "toggle_tasks", "run_tasks"]


@pytest.fixture
def recover() -> PeriodicTask:
    beat = JobScheduler(app)
    beat.update_from_dict(app.conf.beat_schedule)
    beat.close()
    return PeriodicTask.objects.get(name=RECOVER)


def act(client: Client, action: str, *rows: PeriodicTask, **more: str) -> Any:
    form = {"action": action, "_selected_action": [row.pk for row in rows], **more}
    return client.post(LIST, form, follow=True)


def form_of(row: PeriodicTask, **fields: Any) -> dict[str, Any]:
    names = ("name", "task", "args", "kwargs", "headers", "priority", "queue", "exchange", "routing_key")
    form = {name: getattr(row, name) or "" for name in names}
    return {**form, "interval": row.interval_id, "enabled": "on", **fields}


@pytest.mark.long
@pytest.mark.parametrize("action", ACTIONS)
def test_a_user_who_may_only_view_is_offered_no_action_and_refused_each(recover: PeriodicTask, action: str) -> None:
    client = signed_in(staff_member("viewer", "view_periodictask"))
    assert action not in page_of(client.get(LIST))
    before = PeriodicTask.objects.filter(pk=recover.pk).values().get()
    act(client, action, recover)
    assert PeriodicTask.objects.filter(pk=recover.pk).values().get() == before
    assert action in page_of(signed_in(staff_member("editor", "change_periodictask")).get(LIST))


def test_a_housekeeping_row_cannot_be_deleted(recover: PeriodicTask, admin_user: User) -> None:
    client = signed_in(admin_user)
    assert client.post(f"{LIST}{recover.pk}/delete/", {"post": "yes"}).status_code == 403
    mine = PeriodicTask.objects.create(name="mine", task="my.task", interval=recover.interval)
    assert act(client, "delete_selected", recover, mine, post="yes").status_code == 403
    client.post(f"/admin/django_celery_beat/intervalschedule/{recover.interval_id}/delete/", {"post": "yes"})
    assert PeriodicTask.objects.count() == len(settings.CELERY_BEAT_SCHEDULE) + 1
    act(client, "delete_selected", mine, post="yes")
    assert not PeriodicTask.objects.filter(name="mine").exists()


def test_a_housekeeping_row_keeps_its_name_and_its_task(recover: PeriodicTask, admin_user: User) -> None:
    slower = IntervalSchedule.objects.create(every=7, period=IntervalSchedule.SECONDS)
    form = form_of(recover, name="other", task="other", queue="nowhere", one_off="on", interval=slower.pk)
    assert signed_in(admin_user).post(f"{LIST}{recover.pk}/change/", form).status_code == 302
    row = PeriodicTask.objects.get(pk=recover.pk)
    assert (row.name, row.task, row.queue, row.one_off) == (RECOVER, "executions.reap", None, False)
    assert (row.interval, row.enabled) == (slower, True)
    assert row.expire_seconds == 5


@pytest.mark.long
@pytest.mark.parametrize("action", ["disable_tasks", "toggle_tasks"])
def test_disabled_housekeeping_shows_a_warning_until_it_is_enabled_again(
    recover: PeriodicTask, admin_user: User, action: str
) -> None:
    client = signed_in(admin_user)
    assert "Housekeeping tasks are disabled" not in page_of(client.get("/admin/"))
    text = page_of(act(client, action, recover))
    assert "Housekeeping tasks are disabled" in text and RECOVER in text
    text = page_of(client.get("/admin/"))
    assert "Housekeeping tasks are disabled" in text and RECOVER in text
    assert "Housekeeping tasks are disabled" not in page_of(act(client, "enable_tasks", recover))
    assert "Housekeeping tasks are disabled" not in page_of(client.get("/admin/"))


def test_saving_a_disabled_housekeeping_row_shows_a_warning(recover: PeriodicTask, admin_user: User) -> None:
    client = signed_in(admin_user)
    form = form_of(recover)
    assert "Housekeeping tasks are disabled" not in page_of(
        client.post(f"{LIST}{recover.pk}/change/", form, follow=True)
    )
    del form["enabled"]
    assert "Housekeeping tasks are disabled" in page_of(client.post(f"{LIST}{recover.pk}/change/", form, follow=True))


@pytest.mark.long
@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("headers", "5"),
        ("headers", "{"),
        ("kwargs", "[]"),
        ("kwargs", '"a"'),
        ("kwargs", "[" * 20_000),
        ("kwargs", '{"__type__": "uuid", "__value__": {"hex": 5}}'),
        ("args", "{}"),
        ("args", "null"),
        ("kwargs", '{"a": 1, "a": 2}'),
    ],
)
def test_a_value_that_beat_could_not_read_is_an_error_at_its_field(
    recover: PeriodicTask, admin_user: User, field: str, text: str
) -> None:
    mine = PeriodicTask.objects.create(name="mine", task="my.task", interval=recover.interval)
    answer = signed_in(admin_user).post(f"{LIST}{mine.pk}/change/", form_of(mine, **{field: text}))
    page_of(answer)
    assert list(answer.context["adminform"].form.errors) == [field]


def test_empty_fields_are_stored_as_empty_json(recover: PeriodicTask, admin_user: User) -> None:
    mine = PeriodicTask.objects.create(name="mine", task="my.task", interval=recover.interval)
    form = form_of(mine, args="", kwargs="", headers="")
    assert signed_in(admin_user).post(f"{LIST}{mine.pk}/change/", form).status_code == 302
    mine.refresh_from_db()
    assert (mine.args, mine.kwargs, mine.headers) == ("[]", "{}", "{}")


def test_running_an_unreadable_row_shows_its_name_in_a_message(recover: PeriodicTask, admin_user: User) -> None:
    bad = PeriodicTask.objects.create(name="mine", task="executions.reap", interval=recover.interval, args="{")
    assert "mine" in page_of(act(signed_in(admin_user), "run_tasks", bad))
