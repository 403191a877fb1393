"""The typed configuration of an `http` target. Its payload is the request's body: see `body.py`."""

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

MAX_QUERY = 1024  # names and values of `query`: more make no URL that is short enough
SHORTEST, LONGEST = timedelta(milliseconds=1), timedelta(days=1)


def _check_wait(value: timedelta) -> timedelta:
    if not SHORTEST <= value <= LONGEST:
        raise ValueError("Give a timeout between 1ms and 1d, such as 10s.")
    return value


Wait = Annotated[Duration, AfterValidator(_check_wait)]
HeaderName = Annotated[str, AfterValidator(rules.check_name)]
HeaderValue = Annotated[str, AfterValidator(rules.check_value)]


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value))


def _check_query_value(value: object) -> object:
    if _is_scalar(value) or (isinstance(value, list) and all(_is_scalar(item) for item in value)):
        return value
    raise ValueError("Give a text, a number, true or false, or a list of these.")


QueryValue = Annotated[
    Scalar | list[Scalar],
    BeforeValidator(_check_query_value),
    WithJsonSchema({"type": ["string", "number", "boolean", "array"]}),
]


class HttpConfig(TargetConfig):
    """One HTTP request. The job's payload is its body, in the form that `body_format` says.

    An attempt's result holds the request, the response and the timings.
    """

    kind: Literal["http"] = "http"
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"] = "GET"
    url: str = Field(description="An http or https URL without credentials or fragment; at most 2048 characters.")
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict, description="Sent with the request.")
    query: dict[str, QueryValue] = Field(default_factory=dict, description="Added to what the URL already asks for.")
    body_format: Literal["json", "form", "raw", "none"] = Field(
        default="json", description="How the payload becomes the body. `none` sends no body whatever the payload."
    )
    connect_timeout: Wait = Field(
        default=timedelta(seconds=10), description="For the name look-up, the connection and TLS together."
    )
    read_timeout: Wait | None = Field(
        default=None, description="Longest silence of the server; without it only the job's total timeout counts."
    )
    success_statuses: Statuses = DEFAULT_SUCCESS
    retry_statuses: Statuses | None = Field(
        default=None, description="Failures worth another try; null means 408, 425, 429 and 500-599."
    )
    follow_redirects: bool = Field(default=False, description="Follow up to 5 redirects, each checked anew.")
    verify_tls: bool = Field(default=True, description="Check the server's certificate. Leave it on.")

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        parse_http_url(value.strip())
        return value.strip()

    @field_validator("headers", mode="before")
    @classmethod
    def _count_headers(cls, value: object) -> object:
        if isinstance(value, dict) and len(value) > rules.MAX_HEADERS:
            raise ValueError(f"There are {len(value)} headers: {rules.MAX_HEADERS} is the most.")
        return value

    @field_validator("query", mode="before")
    @classmethod
    def _count_query(cls, value: object) -> object:
        if isinstance(value, dict):
            lists = sum(len(item) for item in value.values() if isinstance(item, list))
            if len(value) + lists > MAX_QUERY:
                raise ValueError(f"There are {len(value) + lists} names and values: {MAX_QUERY} is the most.")
        return value

    @field_validator("headers")
    @classmethod
    def _check_headers(cls, value: dict[str, str]) -> dict[str, str]:
        return rules.check_all(value)

    @field_validator("success_statuses")
    @classmethod
    def _check_success(cls, value: tuple[int | str, ...]) -> tuple[int | str, ...]:
        if not value:
            raise ValueError("Give one status at least: a request must be able to succeed.")
        return value

    @model_validator(mode="after")
    def _check_whole(self) -> HttpConfig:
        shared = overlap(self.success_statuses, self.retry_statuses or ())
        if shared is not None:
            raise ValueError(f"Status {shared} is in success_statuses and in retry_statuses: keep it in one of them.")
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
        """The URL with the query added."""
        return with_query(self.url, self.query)

    @property
    def retryable(self) -> tuple[int | str, ...]:
        """The statuses worth another try. A success is looked for first, so the default can't contradict it."""
        return DEFAULT_RETRY if self.retry_statuses is None else self.retry_statuses
