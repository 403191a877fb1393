"""Decides which objects a caller may see and change. To add roles or tenants, change only this module.

`may` checks Django's permissions for a model. `limits` restricts the rows of a model. All functions that select or
check rows apply this restriction. Models of other apps are named by label (`schedules.job`), because this package does
not import them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from django.apps import apps
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q
from django.http import Http404

from access.system import SYSTEM_SCOPE_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser, Permission
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from rest_framework.request import Request

Row = TypeVar("Row", bound=Model)


class Action(StrEnum):
    VIEW = "view"
    ADD = "add"
    CHANGE = "change"
    DELETE = "delete"
    GRANT = "grant"  # give a permission to a user or group, or add a user to a group


@dataclass(frozen=True, slots=True)
class Caller:
    """The user or the process that wants to see or change objects.

    `user` is None for the work of beats, workers and commands, and for the steps of a pause set. `scope_id`: for a
    request with an API key, the scope of the key; for the steps of a pause set, the scope of the pause set; otherwise
    None.
    """

    user: AbstractBaseUser | AnonymousUser | None
    scope_id: int | None = None

    @property
    def is_superuser(self) -> bool:
        return bool(getattr(self.user, "is_superuser", False))

    @property
    def user_id(self) -> int:
        """The id of the user. If the caller has no user: 0, which is never the id of a user."""
        return (self.user.pk if self.user else None) or 0


ENGINE = Caller(None)


def caller_of(request: HttpRequest | Request) -> Caller:
    """Return the caller who sent a request, in a session or with an API key."""
    key = getattr(request, "auth", None)  # requests of the admin have no such attribute
    return Caller(request.user, scope_id=getattr(key, "scope_id", None))


def deferred_caller(scope_id: int) -> Caller:
    """Return the caller for later work in a scope, such as the steps of a pause set."""
    return Caller(None, scope_id=scope_id)


def may(caller: Caller, action: Action, what: Model | type[Model] | str) -> bool:
    """Return whether the caller may do `action` to `what`: a stored object, or the objects of a model in general."""
    model = apps.get_model(what) if isinstance(what, str) else what
    if caller.user is not None:
        permission = f"{model._meta.app_label}.{action}_{model._meta.model_name}"
        if not caller.user.has_perm(permission):  # type: ignore[union-attr]  # missing in the stubs' AbstractBaseUser
            return False
    return not (isinstance(model, Model) and model.pk is not None and is_hidden(caller, type(model), model.pk, action))


def may_read(caller: Caller, model: type[Model]) -> bool:
    """Return whether the caller may see objects of the model in general. Who may change an object sees it, too."""
    return may(caller, Action.VIEW, model) or may(caller, Action.CHANGE, model)


def limits(label: str, caller: Caller, action: Action) -> Q | None:
    """Return the condition for the rows of the model `label` on which the caller may do `action`; None: all rows.

    Today, jobs, chains, and runs with their events and logs have no condition. A condition on `scope_id` should be
    returned only for callers who do not see all scopes: most tables have no index on `scope_id`, so the condition makes
    their queries slower.
    """
    if caller == ENGINE or caller.is_superuser:
        return None
    rule = RULES.get(label)
    return rule(caller, action) if rule else None


def limit(rows: QuerySet[Row], caller: Caller, action: Action = Action.VIEW) -> QuerySet[Row]:
    """Return the rows to which the caller may do `action`; the same queryset if nothing limits the caller."""
    condition = _condition(rows.model._meta.label_lower, caller, action)
    return rows if condition is None else rows.filter(condition)


def visible(model: type[Row], caller: Caller) -> QuerySet[Row]:
    """Return the rows of a model that the caller may see."""
    return limit(model._default_manager.all(), caller)


def changeable(model: type[Row], caller: Caller) -> QuerySet[Row]:
    """Return the rows of a model that the caller may change."""
    return limit(model._default_manager.all(), caller, Action.CHANGE)


def hidden(model: type[Row], caller: Caller, keys: Collection[Any]) -> set[Any]:
    """Return the primary keys among `keys` whose rows the caller may not see, or that have no row.

    If nothing limits the caller, the set is empty, and there is no query.
    """
    if not keys or _condition(model._meta.label_lower, caller, Action.VIEW) is None:
        return set()
    return set(keys) - set(visible(model, caller).filter(pk__in=keys).values_list("pk", flat=True))


def is_hidden(caller: Caller, model: type[Model], key: Any, action: Action = Action.VIEW) -> bool:
    """Return whether a limit keeps the caller from doing `action` to the row with the primary key `key`.

    If nothing limits the caller, the result is False, and there is no query. Otherwise, the result is also True for a
    row that does not exist.
    """
    if _condition(model._meta.label_lower, caller, action) is None:
        return False
    return not limit(model._default_manager.filter(pk=key), caller, action).exists()


def require(caller: Caller, action: Action, model: type[Model], key: Any) -> None:
    """Raise Http404 if the caller may not see the row, PermissionDenied if the caller may see it but not do `action`.

    If nothing limits the caller, there is no query: the code that reads the row must check that the row exists.
    """
    if is_hidden(caller, model, key):
        raise Http404
    if action is not Action.VIEW and is_hidden(caller, model, key, action):
        raise PermissionDenied


def scope_for_new(caller: Caller) -> int:
    """Return the id of the scope for objects that the caller creates. A job's key is unique within the job's scope."""
    return SYSTEM_SCOPE_ID if caller.scope_id is None else caller.scope_id


# Models without a rule of their own: a row is visible if the caller may see the rows that these fields refer to. Rows
# that are read through a visible row (`run.events`, `run.attempts`) need no check of their own.
OWNERS: Mapping[str, Mapping[str, str]] = {
    "executions.logline": {"run_id": "executions.run"},
    "executions.runevent": {"run_id": "executions.run"},
    "executions.runspec": {"job_id": "schedules.job"},
    "schedules.chain": {"job_id": "schedules.job", "source_id": "schedules.job"},
    "schedules.stoppage": {"job_id": "schedules.job"},
}


def _condition(label: str, caller: Caller, action: Action) -> Q | None:
    conditions = [limits(label, caller, action)]
    for field, owner in OWNERS.get(label, {}).items():
        if (of_owner := limits(owner, caller, action)) is not None:
            owners = apps.get_model(owner)._default_manager.filter(of_owner)
            conditions.append(Q(**{f"{field}__in": owners.values("pk")}))
    found = [condition for condition in conditions if condition is not None]
    return Q(*found) if found else None


def _own_keys(caller: Caller, action: Action) -> Q | None:
    """Return the condition for the caller's own API keys. A list of all keys would reveal the names of all users."""
    return Q(user_id=caller.user_id)


def _users_in_reach(caller: Caller, action: Action) -> Q | None:
    """Return the condition for users who have only permissions that the caller has; None for `Action.VIEW`.

    A caller who may change a user can set that user's password, and can then sign in as that user.
    """
    if action is Action.VIEW:
        return None
    lacked = _lacked_by(caller)
    return ~Q(is_superuser=True) & ~Q(user_permissions__in=lacked) & ~Q(groups__permissions__in=lacked)


def _groups_in_reach(caller: Caller, action: Action) -> Q | None:
    return None if action is Action.VIEW else ~Q(permissions__in=_lacked_by(caller))


def _permissions_in_reach(caller: Caller, action: Action) -> Q | None:
    return ~Q(pk__in=_lacked_by(caller)) if action is Action.GRANT else None


def _lacked_by(caller: Caller) -> QuerySet[Permission]:
    """Return the permissions that the caller does not have."""
    permissions = apps.get_model("auth.permission")._default_manager
    held = permissions.filter(Q(user=caller.user_id) | Q(group__user=caller.user_id))
    lacked: QuerySet[Permission] = permissions.exclude(pk__in=held.values("pk"))
    return lacked


RULES: Mapping[str, Callable[[Caller, Action], Q | None]] = {
    "access.apikey": _own_keys,
    "auth.group": _groups_in_reach,
    "auth.permission": _permissions_in_reach,
    "auth.user": _users_in_reach,
}
