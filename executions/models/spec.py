"""The model `RunSpec`: one frozen version of a job's name, target, payload and policies. Runs refer to a version.

A change of one of these members creates another version.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.fields.json import KT
from django.db.models.functions import Upper

from executions.policies.run_policies import RunPolicies, read_policies
from executions.targets.registry import TARGETS, read_target
from values.json_values import is_kept_by_jsonb
from values.readable import CannotRead, value_or_none

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from uuid import UUID

    from django.db.models import QuerySet

    from executions.targets.base import Target, TargetConfig
    from values.readable import Unreadable


ORDERED = ("target", "payload")  # columns whose objects keep the order of their members


def as_given(name: str) -> str:
    """Return the name of the column that holds the text of an ordered column."""
    return f"{name}_as_given"


# The large columns of a definition, as seen from a run or a job: lists of runs do not read them.
DEFINITIONS = tuple(f"spec__{column}" for name in ORDERED for column in (name, as_given(name)))
PRESENT = Q(superseded_at__isnull=True)


class RunSpec(models.Model):
    """One version of a job's name, target, payload and policies.

    A change of one of these members creates a new version. In an existing version, only `superseded_at` is updated.
    """

    job_id = models.UUIDField(editable=False)
    job_name = models.CharField(max_length=255)
    version = models.PositiveIntegerField(help_text="Version of the job's definition, from 1.")
    target_kind = models.CharField(max_length=20)
    target = models.JSONField()
    payload = models.JSONField(null=True)
    policies = models.JSONField()
    # jsonb changes the order of members, but receivers sign and hash bodies. `from_db` reads these texts.
    target_as_given = models.TextField(null=True, help_text="`target` as JSON; empty: jsonb returns it as given.")
    payload_as_given = models.TextField(null=True, help_text="`payload` as JSON; empty: jsonb returns it as given.")
    created_at = models.DateTimeField()
    superseded_at = models.DateTimeField(
        null=True, help_text="When a newer version replaced this version, or the job was deleted."
    )

    class Meta:
        verbose_name = "frozen definition"
        constraints: ClassVar = [models.UniqueConstraint(fields=["job_id", "version"], name="spec_once_per_version")]
        indexes: ClassVar = [
            # history.queries.PRUNE_SPECS
            models.Index(F("superseded_at"), name="spec_superseded", condition=Q(superseded_at__isnull=False)),
            # lists of jobs, filtered and ordered by their present definition
            models.Index(F("target_kind"), F("job_id").desc(), name="spec_kind", condition=PRESENT),
            models.Index(F("job_name"), F("job_id"), name="spec_name", condition=PRESENT),
            # lists of jobs by their feature flag
            models.Index(KT("policies__feature_flag"), name="spec_flag", condition=PRESENT),
            # `access.search`; on UPPER, because that is what Django's icontains compares
            GinIndex(OpClass(Upper("job_name"), name="gin_trgm_ops"), name="spec_part_of_name"),
        ]

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection[Any], **kwargs: Any) -> Self:
        spec = super().from_db(db, field_names, values, **kwargs)
        for name in ORDERED:
            given = spec.__dict__.get(as_given(name))
            if given is not None:
                setattr(spec, name, json.loads(given))
        return spec

    def refresh_from_db(
        self, using: str | None = None, fields: Iterable[str] | None = None, from_queryset: QuerySet[Self] | None = None
    ) -> None:
        if fields is not None:
            fields = {*fields, *(as_given(name) for name in ORDERED if name in fields)}
        super().refresh_from_db(using, fields, from_queryset)

    def __str__(self) -> str:
        return f"{self.job_name}, version {self.version}"

    @property
    def readable_policies(self) -> RunPolicies | Unreadable:
        return read_policies(json.dumps(self.policies))

    @property
    def readable_target(self) -> TargetConfig | Unreadable:
        return read_target(self.target)

    @property
    def timeout(self) -> timedelta | None:
        """Maximum duration of one attempt: the job's timeout, or else the default timeout of the target kind.

        None if this version of Mainspring cannot read the policies or does not know the kind.
        """
        policies = value_or_none(self.readable_policies)
        return timeout_of(self.target_kind, policies) if policies and self.target_kind in TARGETS else None


def timeout_of(target_kind: str, policies: RunPolicies) -> timedelta:
    """Return the maximum duration of one attempt. Raises CannotRead, with the reason, for an unknown kind."""
    target: Target | None = TARGETS.get(target_kind)
    if target is None:
        raise CannotRead(str(read_target({"kind": target_kind})))
    return policies.timeout or target.default_timeout


def freeze_first(values: Sequence[dict[str, Any]], now: datetime) -> list[RunSpec]:
    """Store and return version 1 of each definition. `values`: each definition's columns, without version and times."""
    return RunSpec.objects.bulk_create(RunSpec(**each, **_texts(each), version=1, created_at=now) for each in values)


def freeze(values: dict[str, Any], now: datetime, *, after: RunSpec) -> RunSpec:
    """Store and return the next version of a job's definition. Mark `after`, the latest version, as superseded."""
    supersede(after.job_id, now)
    return RunSpec.objects.create(**values, **_texts(values), version=after.version + 1, created_at=now)


def supersede(job_id: UUID, now: datetime) -> None:
    """Mark the present version of a job's definition as superseded.

    Retention deletes a superseded version when the retention period has passed and no run refers to the version.
    """
    RunSpec.objects.filter(job_id=job_id, superseded_at=None).update(superseded_at=now)


def _texts(values: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the texts of the ordered columns; None for a value that jsonb keeps as it is."""
    # The order of the target's own members means nothing: each kind has its fixed members.
    kept = {
        "target": all(map(is_kept_by_jsonb, values["target"].values())),
        "payload": is_kept_by_jsonb(values["payload"]),
    }
    return {as_given(name): None if kept[name] else json.dumps(values[name], ensure_ascii=False) for name in ORDERED}
