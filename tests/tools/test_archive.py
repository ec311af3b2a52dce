"""What the registry's archive holds: all that its own pages point to, and what it says of itself."""

from __future__ import annotations

import re
import sys
from urllib.parse import unquote, urlsplit

import pytest
from pathspec import GitIgnoreSpec

from ..conftest import ROOT
from .pages import anchors, known_files, links

if sys.version_info >= (3, 11):
    import tomllib


def archive() -> set[str]:
    """What comfy-cli packs: the files that git knows (or would, once added), but for those of ``.comfyignore``."""
    left_out = GitIgnoreSpec.from_lines((ROOT / ".comfyignore").read_text(encoding="utf-8").splitlines())
    return {name for name in known_files() if not left_out.match_file(name)}


ARCHIVE = archive()
PAGES = sorted(name for name in ARCHIVE if name.endswith(".md"))


def test_the_archive_has_what_is_installed_and_nothing_for_developers() -> None:
    assert {"__init__.py", "install.py", "requirements.txt", "CHANGELOG.md", "workflows/run.py"} <= ARCHIVE
    assert "docs/install.md" in ARCHIVE
    assert not [name for name in ARCHIVE if name.startswith(("tests/", "tools/", "training/", "bench/"))]
    assert "CONTRIBUTING.md" not in ARCHIVE


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_what_the_archive_holds(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for link in links(text):
        target = urlsplit(link)
        if target.scheme or target.netloc:
            continue
        path = unquote(target.path)
        if not path:
            assert target.fragment in anchors(text), link
            continue
        file = (ROOT / page).parent.joinpath(path).resolve().relative_to(ROOT).as_posix()
        assert file in ARCHIVE or any(name.startswith(f"{file}/") for name in ARCHIVE), link


def test_the_links_of_a_page_are_found() -> None:
    text = '[a](b.md) ![c](d.webp) `[e](f)` <img src="g.png">\n\n    [h](i)\n[j\nk](l.md#m)'
    assert links(text) == ["b.md", "d.webp", "l.md#m", "g.png"]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="no tomllib")
def test_the_registry_is_told_where_things_are_and_what_changed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {"Repository", "Documentation", "Bug Tracker"} <= project["urls"].keys()
    assert "Operating System :: OS Independent" in project["classifiers"]
    changes = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert changes[0] == project["version"]
