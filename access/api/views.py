"""The base of every view of the REST API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rest_framework.authentication import SessionAuthentication
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.views import APIView

from access.api.authentication import ApiKeyAuthentication
from access.api.bodies import JsonParser
from access.api.parameters import Parameters
from access.models import ApiKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rest_framework.request import Request

MAX_ACTOR = 150  # characters that an event keeps


class ByAcceptHeader(DefaultContentNegotiation):
    """Never by `?format=`, which is an unknown parameter like any other."""

    def filter_renderers(self, renderers: Iterable[Any], format: str) -> list[Any]:
        return list(renderers)


class ApiView(APIView):
    """JSON in and out. A method that is not in `takes_parameters` refuses every query parameter."""

    authentication_classes = (ApiKeyAuthentication, SessionAuthentication)
    parser_classes = (JsonParser,)
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = ByAcceptHeader
    http_method_names = ("get", "post", "put", "patch", "delete", "head")
    takes_parameters: ClassVar[frozenset[str]] = frozenset()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        method = "GET" if request.method == "HEAD" else request.method
        if method not in self.takes_parameters:
            Parameters.read(request)


def actor_of(request: Request) -> str:
    """Return who asks, as events and logs name them: the user, with the key if there is one."""
    name = request.user.get_username()
    if isinstance(request.auth, ApiKey):
        name = f"{name} (key {request.auth.name})"
    return name[:MAX_ACTOR]
