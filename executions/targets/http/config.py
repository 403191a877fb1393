"""The configuration of an `http` target. The job's payload is the body of the request: see `body.py`."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from executions.targets.base import TargetConfig
from executions.targets.http import headers as rules
from executions.targets.http.statuses import DEFAULT_RETRY, DEFAULT_SUCCESS, Statuses, overlap
from executions.targets.http.urls import Scalar, parse_http_url, with_query
from values.duration_field import Duration

MAX_QUERY_PARTS = 1024  # names and list items of `query`; with more the URL would exceed its limit of 2048 characters
MIN_TIMEOUT, MAX_TIMEOUT = (
    timedelta(milliseconds=1),
    timedelta(days=1),
)  # the longest timeout of an attempt is a day too


def _check_timeout(value: timedelta) -> timedelta:
    if not MIN_TIMEOUT <= value <= MAX_TIMEOUT:
        raise ValueError("The timeout must be from 1ms to 1d, such as 10s.")
    return value


Timeout = Annotated[Duration, AfterValidator(_check_timeout)]
HeaderName = Annotated[str, AfterValidator(rules.check_name)]
HeaderValue = Annotated[str, AfterValidator(rules.check_value)]


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value))


def _check_query_value(value: object) -> object:
    if _is_scalar(value) or (isinstance(value, list) and all(_is_scalar(item) for item in value)):
        return value
    raise ValueError("The value must be a string, a number, true or false, or a list of these.")


QueryValue = Annotated[
    Scalar | list[Scalar],
    BeforeValidator(_check_query_value),
    WithJsonSchema({"type": ["string", "number", "boolean", "array"]}),
]


class HttpConfig(TargetConfig):
    """One HTTP request. The job's payload is the body of the request, encoded as `body_format` says.

    The result of an attempt describes the request, the response and the timings.
    """

    kind: Literal["http"] = "http"
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"] = "GET"
    url: str = Field(
        description="An http or https URL without credentials or fragment; at most 2048 characters.",
        json_schema_extra={"format": "uri", "pattern": r"^\s*[Hh][Tt][Tt][Pp][Ss]?://\S"},
    )
    headers: dict[HeaderName, HeaderValue] = Field(
        default_factory=dict,
        description="Sent with the request. Values of headers that are not known to be harmless are secret: they are "
        "shown as ••••, and removed from what is kept of the response.",
    )
    query: dict[str, QueryValue] = Field(default_factory=dict, description="Appended to the query of the URL.")
    body_format: Literal["json", "form", "raw", "none"] = Field(
        default="json",
        description="How the payload is encoded as the body. `none` sends no body, whatever the payload is.",
    )
    connect_timeout: Timeout = Field(
        default=timedelta(seconds=10),
        description="Maximum time to open a connection: name look-up, TCP connection and TLS handshake together.",
    )
    read_timeout: Timeout | None = Field(
        default=None, description="Longest time without data from the server; null: only the job's timeout applies."
    )
    success_statuses: Statuses = DEFAULT_SUCCESS
    retry_statuses: Statuses | None = Field(
        default=None, description="Statuses after which the run is retried; null means 408, 425, 429 and 500-599."
    )
    follow_redirects: Annotated[bool, Field(strict=True)] = Field(
        default=False, description="Follow up to 5 redirects. The URL of each redirect is checked like `url`."
    )
    verify_tls: Annotated[bool, Field(strict=True)] = Field(
        default=True,
        description="Check the server's certificate. Turn this off only for a server that you trust without the check.",
    )

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        parse_http_url(value.strip())
        return value.strip()

    @field_validator("headers", mode="before")
    @classmethod
    def _count_headers(cls, value: object) -> object:
        if isinstance(value, dict) and len(value) > rules.MAX_HEADERS:
            raise ValueError(f"There are {len(value)} headers: at most {rules.MAX_HEADERS} are allowed.")
        return value

    @field_validator("query", mode="before")
    @classmethod
    def _count_query(cls, value: object) -> object:
        if isinstance(value, dict):
            n_in_lists = sum(len(item) for item in value.values() if isinstance(item, list))
            if len(value) + n_in_lists > MAX_QUERY_PARTS:
                raise ValueError(
                    f"The query has {len(value) + n_in_lists} names and list items: "
                    f"at most {MAX_QUERY_PARTS} are allowed."
                )
        return value

    @field_validator("headers")
    @classmethod
    def _check_headers(cls, value: dict[str, str]) -> dict[str, str]:
        return rules.check_all(value)

    @field_validator("success_statuses")
    @classmethod
    def _check_success(cls, value: tuple[int | str, ...]) -> tuple[int | str, ...]:
        if not value:
            raise ValueError("At least one status is needed: a request must be able to succeed.")
        if overlap(value, ("200-599",)) is None:
            raise ValueError("A response never ends with a status below 200: add one from 200 to 599.")
        return value

    @model_validator(mode="after")
    def _check_whole(self) -> HttpConfig:
        shared = overlap(self.success_statuses, self.retry_statuses or ())
        if shared is not None:
            raise ValueError(
                f"Status {shared} is in success_statuses and in retry_statuses: remove it from one of them."
            )
        try:
            parse_http_url(self.full_url)
        except ValueError as error:
            raise ValueError(f"url and query together: {error}") from error
        return self

    @classmethod
    def masked(cls, stored: dict[str, Any]) -> dict[str, Any]:
        return {**stored, "headers": rules.masked(stored["headers"])} if stored.get("headers") else stored

    @property
    def full_url(self) -> str:
        """The URL with the query appended."""
        return with_query(self.url, self.query)

    @property
    def retryable(self) -> tuple[int | str, ...]:
        """The statuses after which the run is retried.

        A status that is also in `success_statuses` is a success: `judge` checks `success_statuses` first.
        """
        return DEFAULT_RETRY if self.retry_statuses is None else self.retry_statuses
