"""The models `Scope` and `ApiKey`. A scope owns objects. Services authenticate with API keys."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from access.system import SYSTEM_SCOPE_ID

if TYPE_CHECKING:
    from django.contrib.auth.models import User

LAST_USED_PRECISION = timedelta(minutes=1)  # a write per request would make requests wait for each other's row lock


MAX_USER_NAME_LENGTH = 150  # characters: as in Django's user
MAX_NETWORK_LENGTH = 43  # characters of an IPv6 network


class Scope(models.Model):
    """The owner of objects: the system, a tenant, or an organization of a tenant."""

    class Kind(models.TextChoices):
        SYSTEM = "system"
        TENANT = "tenant"
        ORGANIZATION = "organization"

    kind = models.CharField(max_length=12, choices=Kind)
    tenant = models.CharField(max_length=100, blank=True)
    organization = models.CharField(max_length=100, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "tenant", "organization"], name="scope_once"),
            models.CheckConstraint(
                name="scope_names_what_its_kind_needs",
                condition=(
                    Q(kind="system", tenant="", organization="")
                    | (Q(kind="tenant", organization="") & ~Q(tenant=""))
                    | (Q(kind="organization") & ~Q(tenant="") & ~Q(organization=""))
                ),
            ),
        ]

    def __str__(self) -> str:
        return "/".join(filter(None, [self.kind, self.tenant, self.organization]))


class ApiKey(models.Model):
    """An API key of a user. Only its prefix and a digest are stored; the key itself is shown once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys")
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, default=SYSTEM_SCOPE_ID)
    name = models.CharField(max_length=100, help_text="What uses the key, for example “billing service”.")
    prefix = models.CharField(max_length=12, unique=True, editable=False)
    digest = models.BinaryField(max_length=32, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: the key does not expire.")
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "API key"
        verbose_name_plural = "API keys"

    def __str__(self) -> str:
        return f"{self.name} (ms_{self.prefix}_…)"

    @classmethod
    def issue(cls, *, user: User, name: str, expires_at: datetime | None = None) -> tuple[ApiKey, str]:
        """Create a key for the user; return its row and the plain key, which is not stored."""
        prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        key = cls.objects.create(user=user, name=name, prefix=prefix, digest=_digest(secret), expires_at=expires_at)
        return key, f"ms_{prefix}_{secret}"

    @classmethod
    def find(cls, key: str, now: datetime) -> ApiKey | None:
        """Return the row of a key. None if the key is unknown, revoked or expired at `now`, or its user is inactive."""
        mark, _, rest = key.partition("_")
        prefix, _, secret = rest.partition("_")
        if mark != "ms" or not prefix.isascii() or not secret.isascii():
            return None
        row = cls.objects.select_related("user").filter(prefix=prefix, revoked_at=None, user__is_active=True).first()
        # compare_digest takes the same time wherever the digests differ, so the time reveals nothing about the digest.
        if row is None or not hmac.compare_digest(_digest(secret), bytes(row.digest)):
            return None
        return None if row.expires_at and row.expires_at <= now else row

    def note_use(self, now: datetime) -> None:
        """Store `now` as the time of the last use, at most once a minute."""
        # The condition is repeated in SQL, so that only one of several requests at the same time writes.
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - LAST_USED_PRECISION)
        if self.last_used_at is None or self.last_used_at < now - LAST_USED_PRECISION:
            type(self).objects.filter(stale, pk=self.pk).update(last_used_at=now)


class SignInCount(models.Model):
    """Counts the failed sign-ins of a user name, of a network, or of a user name from a network."""

    user_name = models.CharField(max_length=MAX_USER_NAME_LENGTH, blank=True, help_text="Empty: any user.")
    network = models.CharField(max_length=MAX_NETWORK_LENGTH, blank=True, help_text="Empty: any network.")
    n_failures = models.PositiveIntegerField(default=0)
    failed_at = models.DateTimeField(db_index=True, help_text="When the last attempt began that may fail.")
    failed_before_at = models.DateTimeField(null=True, help_text="`failed_at` before that attempt.")
    succeeded_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [models.UniqueConstraint(fields=["user_name", "network"], name="sign_in_count_once")]


def _digest(secret: str) -> bytes:
    # The secret has 256 random bits, so that it cannot be guessed: a slow password hash would add no security.
    return hashlib.sha256(secret.encode()).digest()
