"""FeatureFlag: a switch. While a flag is off, schedules and chains do not start the jobs that name the flag."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models

from schedules.policies import FLAG_NAME_PATTERN, MAX_FLAG_NAME_LENGTH

MAX_FLAG_DESCRIPTION_LENGTH = 1000  # characters: pages show the whole description
HINT = (
    "A name may contain the letters A to Z and a to z, digits, dots, dashes and underscores, "
    "and must begin with a letter or a digit."
)
IS_NAME = RegexValidator(rf"^(?:{FLAG_NAME_PATTERN})\Z", HINT)


class FeatureFlag(models.Model):
    """A feature flag. Each pass of a beat reads the flags that it needs. A flag that does not exist counts as off."""

    name = models.CharField(max_length=MAX_FLAG_NAME_LENGTH, unique=True, validators=[IS_NAME])
    is_on = models.BooleanField("on", default=False)
    description = models.TextField(blank=True, max_length=MAX_FLAG_DESCRIPTION_LENGTH)
    changed_at = models.DateTimeField(editable=False)
    changed_by = models.CharField(max_length=150, blank=True, editable=False)

    class Meta:
        verbose_name = "feature flag"
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
