"""What a browser sends when somebody saves the job form without touching it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from access.visibility import ENGINE
from schedules.admin.form.form import JobForm

if TYPE_CHECKING:
    from access.visibility import Caller


class EngineJobForm(JobForm):
    """The form for a caller who may see every object."""

    caller: ClassVar[Caller] = ENGINE


def sent(form: JobForm) -> dict[str, Any]:
    """Return the values of an untouched form: texts, line ends as CRLF, and only the switches that are on."""
    data: dict[str, Any] = {}
    for bound in form:
        value = bound.value()
        if value is True:
            data[bound.name] = "on"
        elif isinstance(value, list):
            data[bound.name] = value
        elif value is not None and value is not False:
            data[bound.name] = str(value).replace("\r\n", "\n").replace("\n", "\r\n")
    return data
