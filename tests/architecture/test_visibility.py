"""What a caller may see and change is decided by `access.visibility` alone: no page, list or look-up goes past it."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib import admin

from access.admin.theming import ModelAdmin
from access.visibility import Action
from tests.api_views import api_views
from tests.architecture.source_files import ROOT, SOURCE, nodes_of, relative

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.urls import URLPattern

    from access.api.views import ApiView

MODULE = "access/visibility.py"
# The engine acts for nobody. What people ask of these modules names an object that the caller has found before.
ENGINE = {
    "access/apps.py": "creates the system scope",
    "access/models.py": "authenticates a request: there is no caller yet",
    "executions/history/waits.py": "explains why runs that the caller has found are held",
    "executions/models/": "stores definitions",
    "executions/runs.py": "the engine's side of runs",
    "executions/worker/": "the worker",
    "scheduler_project/management/commands/first_run.py": "creates the first user",
    "schedules/backfills/": "steps of a backfill, whose job the caller has found",
    "schedules/flags.py": "flags as the clock reads them; what callers ask goes through the module",
    "schedules/jobs/chains.py": "the chains of a job that the caller has found",
    "schedules/jobs/definitions.py": "writes a job that the caller has found, under its lock",
    "schedules/jobs/followups.py": "the engine's follow-ups",
    "schedules/ledger/": "the watchdog, and the ledger of a job that the caller has found",
    "schedules/models/": "spans of schedules",
    "schedules/passes/": "the passes of the beat",
    "schedules/pauses/": "steps of a pause set, limited by the scope of whoever created it",
    "schedules/zone_data/": "the version in force, and the change of all jobs to it",
}
# Questions of callers in these modules must go through the module too: see
# `test_a_question_with_a_caller_passes_the_caller_on`.
MANAGERS = {"objects", "_default_manager", "_base_manager"}
SHORTCUTS = {"get_object_or_404", "get_list_or_404"}
PERMISSION_CALLS = {"has_perm", "has_perms", "has_module_perms", "get_all_permissions"}


def is_engine(path: Path) -> bool:
    return any(relative(path) == name or (name.endswith("/") and relative(path).startswith(name)) for name in ENGINE)


def test_rows_are_read_through_the_module() -> None:
    past_it = [
        f"{relative(path)}: {ast.unparse(node)}"
        for path in SOURCE
        if not is_engine(path) and relative(path) != MODULE
        for node in nodes_of(path)
        if reads_past_the_module(path, node)
    ]
    assert not past_it, "these read rows that the caller may not see"


def reads_past_the_module(path: Path, node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute) and node.attr in MANAGERS:
        return relative(path) != "access/admin/keys.py" or ast.unparse(node.value) != "User"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SHORTCUTS:
        return not ast.unparse(node.args[0]).startswith("visible(")
    return False


@pytest.mark.parametrize("name", sorted(ENGINE))
def test_every_exempt_module_still_exists(name: str) -> None:
    assert (ROOT / name).exists()


def test_nothing_but_the_module_asks_for_a_permission() -> None:
    asking = {
        relative(path)
        for path in SOURCE
        for node in nodes_of(path)
        if isinstance(node, ast.Attribute) and node.attr in PERMISSION_CALLS
    }
    assert asking == {MODULE}


def test_the_system_scope_is_named_by_access_alone() -> None:
    naming = [relative(path) for path in SOURCE if "SYSTEM_SCOPE_ID" in path.read_text()]
    assert naming and all(name.startswith("access/") for name in naming)


def interface(path: Path) -> bool:
    return bool({"api", "admin"} & set(path.relative_to(ROOT).parts[1:-1]))


def test_a_question_with_a_caller_passes_the_caller_on() -> None:
    """A function with a parameter `caller` may have a default for the engine; an API view or a page must not use it."""
    without = [line for path in SOURCE if interface(path) for line in calls_without_caller(path)]
    assert not without


def calls_without_caller(path: Path) -> Iterator[str]:
    module = importlib.import_module(relative(path).removesuffix(".py").replace("/", ".").removesuffix(".__init__"))
    for node in nodes_of(path):
        if not isinstance(node, ast.Call):
            continue
        function = resolve(vars(module), node.func)
        if not inspect.isfunction(function) or "caller" not in inspect.signature(function).parameters:
            continue
        place = list(inspect.signature(function).parameters).index("caller")
        is_given = len(node.args) > place or any(keyword.arg == "caller" for keyword in node.keywords)
        if not is_given:
            yield f"{relative(path)}:{node.lineno} calls {function.__name__}"


def resolve(names: dict[str, Any], node: ast.AST) -> Any:
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute) and (owner := resolve(names, node.value)) is not None:
        return getattr(owner, node.attr, None)
    return None


@pytest.mark.parametrize(("address", "view"), list(api_views()), ids=lambda each: getattr(each, "__name__", ""))
def test_every_view_of_the_api_declares_what_it_needs(address: URLPattern, view: type[ApiView]) -> None:
    methods = {name.upper() for name in view.http_method_names if hasattr(view, name)} - {"HEAD", "OPTIONS"}
    assert set(view.needs) == methods
    assert all(action in Action for needs in view.needs.values() for action, _ in needs)
    ids = {name for name in address.pattern.converters if name.endswith("_id")}
    assert set(view.subjects) == ids, "an id in the address names an object that the caller must be allowed to see"


@pytest.mark.parametrize("model", list(admin.site._registry), ids=lambda model: model.__name__)
def test_every_admin_lists_what_the_caller_may_see(model: Any) -> None:
    page = admin.site._registry[model]
    assert isinstance(page, ModelAdmin)
    order = type(page).__mro__
    for name in ("get_queryset", "has_view_permission", "has_change_permission", "has_delete_permission"):
        definers = [each for each in order if name in vars(each)]
        # Those before the base call it by `super()`, or refuse everybody.
        for each in definers[: definers.index(ModelAdmin)]:
            source = inspect.getsource(vars(each)[name])
            assert f"super().{name}(" in source or "return False" in source, each
