"""The view that lists the commands of this installation."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rest_framework.response import Response

from access.api.schema import operation
from access.api.views import ApiView
from executions.api import examples
from executions.api.shapes import Command, CommandList
from executions.targets.command.registry import commands

if TYPE_CHECKING:
    from rest_framework.request import Request

    from access.api.views import Needs


class CommandListView(ApiView):
    needs: ClassVar[Needs] = {"GET": []}  # commands are code of this installation and belong to no scope

    @operation("list_commands", responses={200: (CommandList, examples.COMMANDS)})
    def get(self, request: Request) -> Response:
        """List the commands that a job with a `command` target may call, each with the JSON schema of its payload."""
        found = sorted(commands().values(), key=lambda command: command.name)
        shown = [Command(name=one.name, description=one.description, parameters=one.schema) for one in found]
        return Response(CommandList(results=shown).json_body())
