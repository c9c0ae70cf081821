"""Rules of the house that a reader of one file would not notice being broken."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
APPS = ("config", "tms", "providers", "badges", "achievements", "rosters")
FORBIDDEN_NAMES = {
    "common",
    "constants",
    "helpers",
    "misc",
    "selectors",
    "services",
    "signals",
    "utils",
}

# What people and programs speak to. Commands are the system's own and act without a user.
INTERFACES = ("*/admin.py", "*/admin_*.py", "*/admin/*.py", "*/api.py", "*/api_*.py", "*/api/*.py", "*/back_office.py", "*/pages.py", "*/panels.py", "*/views.py", "rosters/*.py")  # fmt: skip
MANAGERS = {"objects", "_default_manager", "_base_manager"}
SCOPED_OTHERWISE = {
    ("tms/api/external.py", "get_queryset"): "what is reachable, or was made available",
    ("tms/back_office.py", "_keep_present_choices"): "what a row points to stays a choice for it",
    ("tms/back_office.py", "get_field_queryset"): "goes on with for_user two lines below",
    ("tms/back_office.py", "reaches"): "asks whether one row is among the scoped ones",
    ("achievements/admin.py", "get_field_queryset"): "what is reachable, or was made available",
    ("achievements/admin.py", "get_queryset"): "counts inside the scoped rows, by OuterRef",
    ("rosters/roster.py", "roster_among"): "those who are on the scoped roster",
    ("rosters/issued_badge_filters.py", "_of_class"): "of classes that were chosen among the scoped ones",
    ("rosters/issued_badge_filters.py", "_of_course"): "of courses that were chosen among the scoped ones",
}


def sources(*patterns: str) -> list[Path]:
    found = {path for app in APPS for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts}
    return sorted(path for path in found if not patterns or any(path.match(pattern) for pattern in patterns))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions_and_nodes(tree: ast.AST, function: str = "") -> Iterator[tuple[str, ast.AST, ast.AST]]:
    """(the function around it, its parent, the node) for every node of a module."""
    for node in ast.iter_child_nodes(tree):
        yield function, tree, node
        inner = node.name if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else function
        yield from functions_and_nodes(node, inner)


def unscoped(path: Path) -> Iterator[tuple[str, str]]:
    """(file, function) of every use of a manager that does not go on with for_user."""
    for function, parent, node in functions_and_nodes(tree_of(path)):
        if not (isinstance(node, ast.Attribute) and node.attr in MANAGERS):
            continue
        if not (isinstance(parent, ast.Attribute) and parent.attr == "for_user"):
            yield name_of(path), function


def test_interfaces_start_from_the_rows_that_their_user_reaches() -> None:
    found = {place for path in sources(*INTERFACES) for place in unscoped(path)}

    assert found - set(SCOPED_OTHERWISE) == set()
    assert set(SCOPED_OTHERWISE) - found == set()  # no permission outlives its use


def test_interfaces_look_up_no_model_directly() -> None:
    direct = [
        f"{name_of(path)}:{node.lineno}"
        for path in sources(*INTERFACES)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"get_object_or_404", "get_list_or_404"}
        and isinstance(node.args[0], ast.Name)
        and node.args[0].id[0].isupper()
    ]

    assert direct == []


def test_no_module_is_a_bag() -> None:
    names = [
        name_of(path) for path in sources() if {path.stem, *path.relative_to(ROOT).parts} & FORBIDDEN_NAMES
    ]

    assert names == []


def writes_status(tree: ast.Module) -> Iterator[int]:
    """Lines that assign a status, or update rows to one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "status" and isinstance(node.ctx, ast.Store):
            yield node.lineno
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            names = {keyword.arg for keyword in node.keywords}
            listed = {item.value for item in ast.walk(node) if isinstance(item, ast.Constant)}
            if node.func.attr == "update" and "status" in names:
                yield node.lineno
            if node.func.attr in {"bulk_update", "save"} and "status" in listed:
                yield node.lineno


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("row.status = 'issued'", [1]),
        ("row.status: str = 'issued'", [1]),
        ("rows.update(status='issued', due_at=now)", [1]),
        ("rows.bulk_update(many, ['status'])", [1]),
        ("row.save(update_fields=['status'])", [1]),
        ("setting = row.status\nrows.filter(status='issued')\nrow.refresh_from_db()", []),
    ],
)
def test_writing_a_status_is_recognized(text: str, lines: list[int]) -> None:
    assert list(writes_status(ast.parse(text))) == lines


def test_only_lifecycle_writes_the_status_of_an_issued_badge() -> None:
    written = [
        f"{name_of(path)}:{line}"
        for path in sources()
        if path != ROOT / "badges" / "lifecycle.py" and "IssuedBadge" in path.read_text(encoding="utf-8")
        for line in writes_status(tree_of(path))
    ]

    assert written == []
