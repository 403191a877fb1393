"""The form's fields for an HTTP request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, get_args

from executions.targets import TARGETS
from schedules.admin.form.fields import choice, json_text, needed, switch, text
from schedules.admin.form.json_fields import write_object
from schedules.admin.targets.base import Section

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django import forms

CONFIG = TARGETS["http"].config
METHODS = get_args(CONFIG.model_fields["method"].annotation)
OBJECTS = ("headers", "query")
STATUSES = ("success_statuses", "retry_statuses")
NO_STATUS = "none"  # the text for an empty list of retry statuses; no text stands for null
SINGLE_VALUES = tuple(name for name in CONFIG.model_fields if name not in ("kind", *OBJECTS, *STATUSES))


class HttpSection(Section):
    label = "HTTP request"
    template = "schedules/admin/targets/http.html"
    payload_help = (
        "For an HTTP request, the payload becomes the body. With “Payload as plain text”, write text instead of JSON."
    )
    fields: Mapping[str, forms.Field] = {
        "method": choice("Method", [(name, name) for name in METHODS]),
        "url": needed(
            text("URL", "https://example.org/hook", "An http or https URL. Put credentials into a header.", mono=True)
        ),
        "headers": json_text("Headers", '{"Authorization": "Bearer …"}', "A JSON object with string values."),
        "query": json_text("Query", '{"page": 1}', "A JSON object. Its members are added to the URL's query."),
        "body_format": choice(
            "Body",
            [
                ("json", "Payload as JSON"),
                ("form", "Payload as a form"),
                ("raw", "Payload as plain text"),
                ("none", "No body"),
            ],
        ),
        "success_statuses": text("Success statuses", "200-299", "Status codes and ranges, separated by commas."),
        "retry_statuses": text(
            "Retry statuses",
            "408, 425, 429, 500-599",
            "Empty: 408, 425, 429 and 500-599. “none”: no status. A run that fails with another status is not retried.",
        ),
        "connect_timeout": text("Connect timeout", "10s"),
        "read_timeout": text("Read timeout", "none", "Empty: only the timeout of the attempt applies."),
        "follow_redirects": switch(
            "Follow redirects", "At most five redirects. Each URL is checked like the first URL."
        ),
        "verify_tls": switch(
            "Check the server's certificate",
            "Turn the check off only for a server that you trust without a valid certificate.",
        ),
    }
    places: Mapping[str, str] = {name: name for name in fields}
    labels: ClassVar = {"success_statuses": "Success statuses", "retry_statuses": "Retry statuses"}

    def initial(self, target: Mapping[str, Any] | None) -> dict[str, Any]:
        if target is None:
            defaults = CONFIG.model_validate({"kind": "http", "url": "https://example.org"})
            target = defaults.model_dump(mode="json") | {"url": ""}
        return {
            **{name: target.get(name) for name in SINGLE_VALUES},
            **{name: write_object(target.get(name)) for name in OBJECTS},
            **{name: _statuses_text(target.get(name)) for name in STATUSES},
        }

    def target(self, values: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
        found = {**kept, **{name: values.get(name) for name in SINGLE_VALUES}}
        for name in OBJECTS:
            found[name] = {} if values.get(name) is None else values.get(name)
        for name in STATUSES:
            parts = [part.strip() for part in (values.get(name) or "").split(",")]
            found[name] = [part for part in parts if part]
        if found["retry_statuses"] == []:
            found["retry_statuses"] = None
        elif [part.lower() for part in found["retry_statuses"]] == [NO_STATUS]:
            found["retry_statuses"] = []
        found["read_timeout"] = found["read_timeout"] or None
        return {name: value for name, value in found.items() if value != "" or name == "url"}

    def takes_text(self, values: Mapping[str, Any]) -> bool:
        return values.get("body_format") == "raw"


SECTION = HttpSection()


def _statuses_text(statuses: list[int | str] | None) -> str:
    return NO_STATUS if statuses == [] else ", ".join(str(status) for status in statuses or ())
