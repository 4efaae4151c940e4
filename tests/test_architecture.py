"""What the layout promises: arrows of imports, budgets, a stated policy for every URL."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from crm.surfaces import surfaces

ROOT = Path(__file__).resolve().parents[1]
APPS = ("crm", "mailboxes", "intelligence")
FORBIDDEN = {"crm": {"mailboxes", "intelligence", "tests"}, "mailboxes": {"intelligence", "tests"}}
MOST_FILE_LINES, MOST_FUNCTION_LINES, MOST_TEMPLATE_LINES = 400, 50, 90


def python_files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


def imported(path: Path) -> set[str]:
    """The first part of everything a module imports, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def test_imports_go_one_way() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for app, forbidden in FORBIDDEN.items()
        for path in python_files(app)
        if path.parts[-2] != "project"
        for name in imported(path) & forbidden
    ]

    assert wrong == []


def test_files_and_functions_stay_within_budget() -> None:
    long_files, long_functions = [], []
    for path in python_files(*APPS, "tests"):
        text = path.read_text()
        if text.count("\n") > MOST_FILE_LINES:
            long_files.append(f"{path.relative_to(ROOT)}: {text.count(chr(10))}")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                lines = node.end_lineno - node.lineno + 1
                if lines > MOST_FUNCTION_LINES:
                    long_functions.append(f"{path.relative_to(ROOT)}:{node.name}: {lines}")

    assert (long_files, long_functions) == ([], [])


def test_no_module_is_a_drawer() -> None:
    drawers = {"utils", "util", "helpers", "common", "services", "misc"}

    assert [path for path in python_files(*APPS, "tests") if path.stem in drawers] == []


def test_every_url_states_its_policy_and_tag() -> None:
    found = surfaces()

    assert len(found) > 40
    assert [one.route for one in found if not (one.policy and one.tag)] == []
    assert {one.tag for one in found} == {"public", "no-mail", "mail"}


@pytest.mark.parametrize("path", sorted((ROOT / "templates").rglob("*.html")), ids=lambda path: path.name)
def test_templates_say_what_they_expect_and_stay_short(path: Path) -> None:
    text = path.read_text()

    assert text.startswith(("{#", "{% comment %}", "<!doctype"))
    assert text.count("\n") <= MOST_TEMPLATE_LINES or path.name == "_icons.html"


@pytest.mark.parametrize("path", sorted((ROOT / "templates").rglob("*.html")), ids=lambda path: path.name)
def test_what_templates_expect_is_there(path: Path) -> None:
    first = path.read_text().partition("#}")[0]
    named = re.findall(rf"\b((?:{'|'.join(APPS)})(?:\.[a-z_]+)+)\.([A-Z]\w+)", first)

    assert [name for module, name in named if not hasattr(import_module(module), name)] == []


def test_raw_colours_live_in_tokens_alone() -> None:
    raw = re.compile(r"#[0-9a-f]{3,8}\b|\b(?:rgb|hsl|oklch)a?\(", re.IGNORECASE)
    # Avatars and marks take their hue from data: the design makes these two their own colours.
    allowed = {"tokens.css", "avatar.css"}
    wrong = [
        path.name
        for path in (ROOT / "static" / "css").rglob("*.css")
        if path.name not in allowed
        and raw.search(re.sub(r"/\*.*?\*/|url\([^)]*\)", "", path.read_text(), flags=re.S))
    ]

    assert wrong == []


def test_nothing_is_marked_safe_by_hand() -> None:
    wrong = [path for path in python_files(*APPS) if "mark_safe" in path.read_text()]
    wrong += [
        path
        for path in (ROOT / "templates").rglob("*.html")
        if re.search(r"\|safe\b|autoescape off", path.read_text())
    ]

    assert wrong == []
