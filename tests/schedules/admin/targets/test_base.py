"""A kind of target without a form of its own gets one field of JSON that names the members of its configuration."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from executions.targets import TargetConfig
from schedules.admin.targets.base import DefaultSection


class MailConfig(TargetConfig):
    kind: Literal["mail_server"] = "mail_server"
    to: str
    subject: str = ""


class PingConfig(TargetConfig):
    kind: Literal["ping"] = "ping"


MAIL = DefaultSection("mail_server", MailConfig)


def test_the_label_of_a_kind_reads_as_words() -> None:
    assert MAIL.label == "Mail server"
    assert MAIL.places == {"": "mail_server_config"}


def test_the_field_names_each_member_and_which_are_required() -> None:
    field = MAIL.fields["mail_server_config"]
    assert field.help_text == "A JSON object with these members: to (required), subject."
    assert field.widget.attrs["aria-required"] == "true"
    assert '"to": "…"' in field.widget.attrs["placeholder"]
    assert "subject" not in field.widget.attrs["placeholder"]


def test_a_kind_without_members_says_so_and_requires_nothing() -> None:
    field = DefaultSection("ping", PingConfig).fields["ping_config"]
    assert field.help_text == "This kind of target has no options."
    assert "aria-required" not in field.widget.attrs


@pytest.mark.parametrize(
    ("target", "text"),
    [(None, ""), ({"kind": "mail_server"}, ""), ({"kind": "mail_server", "to": "a@b.c"}, '{\n  "to": "a@b.c"\n}')],
    ids=["a new job", "the kind alone", "a member"],
)
def test_a_stored_target_is_shown_without_its_kind(target: dict[str, Any] | None, text: str) -> None:
    assert MAIL.initial(target) == {"mail_server_config": text}


def test_an_empty_field_is_an_empty_target_even_if_one_is_stored() -> None:
    assert MAIL.target({"mail_server_config": None}, {"to": "a@b.c"}) == {}
    assert MAIL.target({"mail_server_config": {"to": "x"}}, {"subject": "y"}) == {"to": "x"}


def test_the_payload_of_a_kind_is_json_unless_it_says_otherwise() -> None:
    assert MAIL.takes_text({"body_format": "raw"}) is False
