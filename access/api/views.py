"""The base class of all views of the REST API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeAlias

from rest_framework.exceptions import MethodNotAllowed
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import IsAdminUser
from rest_framework.views import APIView

from access.api.authentication import log_refusal
from access.api.bodies import MergePatchParser, refuse_body
from access.api.parameters import Parameters
from access.models import ApiKey
from access.visibility import Action, caller_of, may, require

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from django.db.models import Model
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase
    from rest_framework.parsers import BaseParser
    from rest_framework.request import Request

Need: TypeAlias = tuple[Action, "type[Model]"]
Needs: TypeAlias = "Mapping[str, Sequence[Need]]"
Subjects: TypeAlias = "Mapping[str, type[Model]]"
METHODS_WITHOUT_BODY = ("GET", "DELETE")  # every operation with another method reads its body
MAX_ACTOR_LENGTH = 150  # characters: the length of the column `actor` of events


class AcceptHeaderNegotiation(DefaultContentNegotiation):
    """Content negotiation by the Accept header only: `?format=` is refused like any other unknown parameter."""

    def filter_renderers(self, renderers: Iterable[Any], format: str) -> list[Any]:
        return list(renderers)


class HasAdminPermission(IsAdminUser):
    """Allows only staff with the permissions in the view's `needs` for the HTTP method of the request."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not super().has_permission(request, view) or not isinstance(view, ApiView):
            return False
        return all(may(caller_of(request), *need) for need in view.needs_of(request))


class ApiView(APIView):
    """Base class of the API's views.

    `needs` maps a method to the permissions that the caller must have: pairs of an action and a model.
    `subjects` maps the name of each id in the view's URL to the object's model. The view does not run if the caller may
    not see the object (404), or may not do the actions in `needs` to the object (403). A method that is not in
    `methods_with_parameters` refuses all query parameters. GET and DELETE refuse a body.
    """

    content_negotiation_class = AcceptHeaderNegotiation
    permission_classes = (HasAdminPermission,)
    http_method_names = ("get", "post", "put", "patch", "delete", "head")
    needs: ClassVar[Needs]
    subjects: ClassVar[Subjects] = {}
    methods_with_parameters: ClassVar[frozenset[str]] = frozenset()
    max_body_bytes: ClassVar[int] = 64 * 1024

    def get_parsers(self) -> list[BaseParser]:
        """Return the parsers of a request's body: JSON and, for a PATCH, a JSON merge patch."""
        is_patch = self.request is not None and self.request.method == "PATCH"
        return [*super().get_parsers(), *([MergePatchParser()] if is_patch else [])]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Handle the request, and then forget its body.

        The request and the response refer to each other through the view, so only the garbage collector would free the
        values of the body, and it may run much later.
        """
        response = super().dispatch(request, *args, **kwargs)
        for name in ("_data", "_full_data"):
            setattr(self.request, name, None)
        return response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if _method_of(request) not in self.allowed_methods:
            raise MethodNotAllowed(_method_of(request))
        actions = {action for action, _ in self.needs_of(request)} or {Action.VIEW}
        for name, model in self.subjects.items():
            for action in actions:
                require(caller_of(request), action, model, kwargs[name])
        if _method_of(request) not in self.methods_with_parameters:
            Parameters.read(request)
        if _method_of(request) in METHODS_WITHOUT_BODY:
            refuse_body(request)

    def permission_denied(self, request: Request, message: str | None = None, code: str | None = None) -> NoReturn:
        """Raise NotAuthenticated or PermissionDenied, as Django REST framework does, and log a refused key."""
        if not request.successful_authenticator:
            log_refusal(request)
        super().permission_denied(request, message, code)

    def needs_of(self, request: Request) -> Sequence[Need]:
        """Return the permissions that the request's method needs; none if the view does not have the method."""
        return self.needs.get(_method_of(request), ())


def _method_of(request: Request) -> str:
    return "GET" if request.method == "HEAD" else request.method or ""


def actor_of(request: Request) -> str:
    """Return the user's name for events and logs. If the request used an API key, add the name of the key."""
    name = request.user.get_username()
    if isinstance(request.auth, ApiKey):
        name = f"{name} (key {request.auth.name})"
    return name[:MAX_ACTOR_LENGTH]
