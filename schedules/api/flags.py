"""Views of feature flags: list, read, switch, create and delete them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.urls import reverse
from pydantic import AfterValidator, Field
from rest_framework.response import Response

from access.api.bodies import read_body
from access.api.exceptions import InvalidInput
from access.api.paging import paginate
from access.api.parameters import Instant, PageParameters
from access.api.schema import PageShape, Shape, operation
from access.api.views import ApiView, actor_of
from access.visibility import Action, caller_of, may, visible
from schedules import flags, models
from schedules.models.flag import HINT
from schedules.policies import FLAG_NAME_PATTERN, MAX_FLAG_NAME_LENGTH
from values import clock
from values.json_values import storable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rest_framework.request import Request

    from access.api.views import Needs

FLAG: dict[str, Any] = {
    "name": "new-billing",
    "is_on": True,
    "description": "Send invoices with the new system.",
    "n_jobs": 2,
    "changed_at": "2026-11-20T12:00:00Z",
    "changed_by": "ann",
}


class FeatureFlag(Shape):
    """A switch for jobs.

    While a flag is off, jobs that name the flag in `policies.feature_flag` do not start on schedule or after other
    jobs.
    """

    name: str
    is_on: bool
    description: str
    n_jobs: int = Field(description="Number of jobs that name the flag. Jobs that you may not see are not counted.")
    changed_at: datetime = Field(description="When the flag was last saved, even without a change.")
    changed_by: str | None = Field(description="Who last saved the flag.")


class FeatureFlagPage(PageShape):
    results: list[FeatureFlag]


class FeatureFlagSetting(Shape):
    """The new state and description of a flag. The members that a `GET` shows may be sent back."""

    is_on: Annotated[bool, Field(strict=True)] = Field(
        description="Whether jobs that name this flag may start on schedule and after other jobs."
    )
    description: (
        Annotated[str, Field(max_length=models.MAX_FLAG_DESCRIPTION_LENGTH), AfterValidator(storable)] | None
    ) = Field(None, description="What the flag controls. Null: keep the present description.")
    name: Any = Field(None, description="If given, it must be the name in the URL.")
    # A copy may be old: every value that a GET can have shown is accepted.
    n_jobs: Annotated[int, Field(strict=True, ge=0)] | None = Field(
        None, description="Read-only: the number may be that of an old copy."
    )
    changed_at: Instant | None = Field(
        None, description="Read-only: the instant may be that of an old copy, but not in the future."
    )
    changed_by: str | None = Field(None, description="Read-only: the name may be that of an old copy.")


class FeatureFlagListView(ApiView):
    needs: ClassVar[Needs] = {"GET": [(Action.VIEW, models.FeatureFlag)]}
    methods_with_parameters: ClassVar[frozenset[str]] = frozenset({"GET"})

    @operation(
        "list_feature_flags",
        parameters=PageParameters,
        responses={200: (FeatureFlagPage, {"next": None, "previous": None, "results": [FLAG]})},
    )
    def get(self, request: Request) -> Response:
        """List feature flags, sorted by name."""
        caller = caller_of(request)
        page = paginate(request, visible(models.FeatureFlag, caller), PageParameters.read(request), ["name"])
        n_jobs = flags.count_jobs_naming([row.name for row in page.rows], caller)
        results = [_shape_of(row, n_jobs) for row in page.rows]
        return Response(FeatureFlagPage(next=page.next, previous=page.previous, results=results).json_body())


class FeatureFlagView(ApiView):
    needs: ClassVar[Needs] = {
        "GET": [(Action.VIEW, models.FeatureFlag)],
        "PUT": [(Action.CHANGE, models.FeatureFlag)],
        "DELETE": [(Action.DELETE, models.FeatureFlag)],
    }

    @operation("get_feature_flag", responses={200: (FeatureFlag, FLAG)}, errors=[404])
    def get(self, request: Request, name: str) -> Response:
        """Return a feature flag."""
        rows = visible(models.FeatureFlag, caller_of(request)).filter(name=name)
        row = rows.first() if _is_name(name) else None
        if row is None:
            raise Http404
        return Response(_shape_of(row, flags.count_jobs_naming([name], caller_of(request))).json_body())

    @operation(
        "set_feature_flag",
        body=(FeatureFlagSetting, {"Switch on": {"is_on": True, "description": "Send invoices with the new system."}}),
        responses={200: (FeatureFlag, FLAG), 201: (FeatureFlag, {**FLAG, "n_jobs": 0})},
        errors=[404],
        location_status=201,
    )
    def put(self, request: Request, name: str) -> Response:
        """Switch a feature flag on or off. The next pass of a beat uses the new state.

        If there is no flag with this name, the request creates it (201).
        """
        now = clock.now()
        setting = read_body(request, FeatureFlagSetting)
        if not _is_name(name):
            raise InvalidInput({"name": [f"{HINT} It may have up to {MAX_FLAG_NAME_LENGTH} characters."]})
        if setting.name not in (None, name):
            raise InvalidInput({"name": ["A flag cannot be renamed: send the name in the URL, or leave it out."]})
        if setting.changed_at and setting.changed_at > now:
            raise InvalidInput({"changed_at": ["changed_at is read-only, and can't be in the future: leave it out."]})
        caller = caller_of(request)
        if not may(caller, Action.ADD, models.FeatureFlag) and not flags.exists(name, caller):
            raise PermissionDenied("There is no flag with this name, and you do not have permission to create one.")
        row, is_new = flags.put(
            name, now, is_on=setting.is_on, description=setting.description, actor=actor_of(request), caller=caller
        )
        headers = {"Location": reverse("feature-flag", args=[name])} if is_new else {}
        body = _shape_of(row, flags.count_jobs_naming([name], caller_of(request))).json_body()
        return Response(body, status=201 if is_new else 200, headers=headers)

    @operation("delete_feature_flag", responses={204: (None, None)}, errors=[404, 409])
    def delete(self, request: Request, name: str) -> Response:
        """Delete a feature flag. A flag that a job uses cannot be deleted (409)."""
        if not _is_name(name) or not flags.delete(name, actor=actor_of(request), caller=caller_of(request)):
            raise Http404
        return Response(status=204)


def _is_name(name: str) -> bool:
    return len(name) <= MAX_FLAG_NAME_LENGTH and re.fullmatch(FLAG_NAME_PATTERN, name) is not None


def _shape_of(row: models.FeatureFlag, n_jobs: Mapping[str, int]) -> FeatureFlag:
    return FeatureFlag(
        name=row.name,
        is_on=row.is_on,
        description=row.description,
        n_jobs=n_jobs.get(row.name, 0),
        changed_at=row.changed_at,
        changed_by=row.changed_by or None,
    )
