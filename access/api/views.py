"""The base class of all views of the REST API."""

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

MAX_ACTOR_LENGTH = 150  # characters: the length of the events' column


class AcceptHeaderNegotiation(DefaultContentNegotiation):
    """Content negotiation by the Accept header only: `?format=` is refused like any other unknown parameter."""

    def filter_renderers(self, renderers: Iterable[Any], format: str) -> list[Any]:
        return list(renderers)


class HasAdminPermission(IsAdminUser):
    """Allows staff with the view's `required_permissions` for the method, which are the same as in the admin."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not super().has_permission(request, view) or not isinstance(view, ApiView):
            return False
        needed = view.required_permissions.get("GET" if request.method == "HEAD" else request.method or "", ())
        return request.user.has_perms((needed,) if isinstance(needed, str) else needed)


class ApiView(APIView):
    """Base class of the API's views.

    `required_permissions` maps a method to Django's permissions for it; other methods are open to all staff.
    A method that is not in `methods_with_parameters` refuses all query parameters.
    """

    content_negotiation_class = AcceptHeaderNegotiation
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
    """Return the user's name, with the API key's name if there is one, for events and logs."""
    name = request.user.get_username()
    if isinstance(request.auth, ApiKey):
        name = f"{name} (key {request.auth.name})"
    return name[:MAX_ACTOR_LENGTH]
