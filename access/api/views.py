"""The base of every view of the REST API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import IsAdminUser
from rest_framework.views import APIView

from access.api.parameters import Parameters
from access.models import ApiKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rest_framework.request import Request

MAX_ACTOR = 150  # characters that an event keeps


class ByAcceptHeader(DefaultContentNegotiation):
    """Never by `?format=`, which is an unknown parameter like any other."""

    def filter_renderers(self, renderers: Iterable[Any], format: str) -> list[Any]:
        return list(renderers)


class HasAdminPermission(IsAdminUser):
    """Staff, with the permission that the same thing takes in the admin: `required_permissions` of the view, by method."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not super().has_permission(request, view) or not isinstance(view, ApiView):
            return False
        needed = view.required_permissions.get("GET" if request.method == "HEAD" else request.method or "", ())
        return request.user.has_perms((needed,) if isinstance(needed, str) else needed)


class ApiView(APIView):
    """JSON in and out, by the classes that the settings name.

    A method that is not in `methods_with_parameters` refuses every query parameter.
    `required_permissions` says which of Django's permissions a method takes; one that is not in it takes none but being staff.
    `max_body_bytes` limits the body.
    """

    content_negotiation_class = ByAcceptHeader
    permission_classes = (HasAdminPermission,)
    http_method_names = ("get", "post", "put", "patch", "delete", "head")
    required_permissions: ClassVar[Mapping[str, str | tuple[str, ...]]] = {}
    methods_with_parameters: ClassVar[frozenset[str]] = frozenset()
    max_body_bytes: ClassVar[int] = 64 * 1024

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        method = "GET" if request.method == "HEAD" else request.method
        if method not in self.methods_with_parameters:
            Parameters.read(request)


def actor_of(request: Request) -> str:
    """Return who asks, as events and logs name them: the user, with the key if there is one."""
    name = request.user.get_username()
    if isinstance(request.auth, ApiKey):
        name = f"{name} (key {request.auth.name})"
    return name[:MAX_ACTOR]
