"""The style sheet as it is sent."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from crm.project.static_files import SHEET, StaticFiles

OURS = Path(__file__).parents[2] / "static/css"


def collected(root: Path) -> str:
    call_command("collectstatic", verbosity=0, interactive=False)
    return (root / StaticFiles().stored_name(SHEET)).read_text()


@pytest.fixture
def root(tmp_path: Path, settings: Any) -> Path:
    settings.STATIC_ROOT, settings.STATICFILES_DIRS = tmp_path / "collected", [OURS.parent]
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "crm.project.static_files.StaticFiles"}
    }
    return settings.STATIC_ROOT


@pytest.fixture
def own_sheet(tmp_path: Path, settings: Any) -> Path:
    """A folder of style sheets that is all there is."""
    settings.STATICFILES_DIRS = [tmp_path / "own"]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    folder = tmp_path / "own/css"
    (folder / "parts").mkdir(parents=True)
    (folder / "app.css").write_text(
        '@layer low, high;\n@import url("parts/one.css") layer(high);\n'
        '@import url("two.css") layer(low) print, (height < 30rem);\n'
    )
    (folder / "parts/one.css").write_text("a { color: red }\n")
    (folder / "two.css").write_text("b { color: blue }\n")
    return folder


def test_it_comes_in_one_piece_each_part_in_its_layer(root: Path) -> None:
    whole = collected(root)

    assert "@import" not in whole
    parts = re.findall(r'@import url\("([^"]+)"\) layer\((\w+)\)', (OURS / "app.css").read_text())
    assert len(parts) > 50
    for part, layer in parts:
        text = (OURS / part).read_text()
        assert part == "fonts.css" or f"@layer {layer} {{\n{text}}}" in whole
    fonts = re.findall(r'url\("(\.\./fonts/[^"]+)"\)', whole)
    assert len(fonts) == 2
    assert all((root / "css" / font).resolve().is_file() for font in fonts)


def test_a_second_time_nothing_is_in_it_twice(root: Path, own_sheet: Path) -> None:
    once = collected(root)
    assert once == (
        "@layer low, high;\n@layer high {\na { color: red }\n}\n"
        "@media print, (height < 30rem) { @layer low {\nb { color: blue }\n} }\n"
    )
    assert collected(root) == once

    (own_sheet / "parts/one.css").write_text("a { color: green }\n")
    assert collected(root) == once.replace("red", "green")


@pytest.mark.parametrize(
    ("name", "text"),
    [("parts/one.css", "a { background: url(../x.png) }"), ("app.css", '@import "two.css";')],
)
def test_what_would_mean_something_else_is_refused(root: Path, own_sheet: Path, name: str, text: str) -> None:
    (own_sheet / "x.png").write_text("")
    (own_sheet / name).write_text(text)
    with pytest.raises(ValueError, match="by its own place|not understood"):
        collected(root)
