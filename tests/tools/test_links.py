"""Links between the pages of the repository, and from anywhere to a file of it, lead to something."""

from __future__ import annotations

import posixpath
import re
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

import pytest

from ..conftest import ROOT
from .pages import anchors, in_code, known_files, links

FILES = known_files()
FOLDERS = {str(folder) for name in FILES for folder in PurePosixPath(name).parents}
PAGES = sorted(name for name in FILES if name.endswith(".md"))
TEXTS = sorted(name for name in FILES if name.endswith((".md", ".py", ".js", ".json", ".toml")))
OURS = re.compile(r"^https://github\.com/frugal-motion/frugal-motion/(?:blob|tree|raw)/main/")
"""How a page names a file of ours that is not installed with it."""


OUR_PATH = re.compile(rf"(?:{'|'.join(sorted(name for name in FOLDERS if re.fullmatch('[a-z]+', name)))})/[\w./-]+")
"""Of a file or folder, as text names it: ``nodes/economy/prices.json``."""


def broken(page: str, text: str) -> list[str]:
    """Links of a page that lead to no file or heading of the repository; the web is not asked."""
    return [link for link in links(text) if not _leads_somewhere(page, text, link)]


def _leads_somewhere(page: str, text: str, link: str) -> bool:
    ours = OURS.match(link)
    target = urlsplit(link[ours.end() :] if ours else link)
    if target.scheme or target.netloc:
        return True
    path = unquote(target.path)
    name = posixpath.normpath(posixpath.join("" if ours else posixpath.dirname(page), path)) if path else page
    if not target.fragment:
        return name in FILES | FOLDERS
    if name == page:
        return target.fragment in anchors(text)
    return name in PAGES and target.fragment in anchors((ROOT / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_and_headings(page: str) -> None:
    assert broken(page, (ROOT / page).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", PAGES)
def test_paths_in_the_text_are_there(page: str) -> None:
    named = [path for path in in_code((ROOT / page).read_text(encoding="utf-8")) if OUR_PATH.fullmatch(path)]
    assert [path for path in named if path.rstrip("/") not in FILES | FOLDERS] == []


def test_whole_urls_of_our_files_lead_to_files() -> None:
    found = {
        (name, unquote(url))
        for name in TEXTS
        for url in re.findall(rf"{OURS.pattern[1:]}([\w./%-]+\w)", (ROOT / name).read_text(encoding="utf-8"))
    }
    assert {name for name, _ in found} >= {"README.md", "pyproject.toml", "nodes/models/catalogue.json"}
    assert [(name, url) for name, url in sorted(found) if url not in FILES | FOLDERS] == []


def test_broken_links_are_found() -> None:
    ours = "https://github.com/frugal-motion/frugal-motion/blob/main"
    wrong = [
        "nothing.md",
        "Costs.md",
        "../nothing/costs.md",
        "/docs/costs.md",
        "#nothing",
        "costs.md#nothing",
        "../LICENSE#nothing",
        f"{ours}/nothing.md",
        f"{ours}/docs/costs.md#nothing",
    ]
    right = [
        "costs.md",
        "#here-we-are",
        "costs.md#dollars",
        "../README.md",
        "../web/docs",
        f"{ours}/docs/costs.md#dollars",
        "https://example.org/nothing.md",
    ]
    text = "# Here we are\n\n" + " ".join(f"[a]({link})" for link in wrong + right)
    assert broken("docs/page.md", text) == wrong


def test_anchors_are_those_that_github_documents() -> None:
    """Its own example, under *Section links* in "Basic writing and formatting syntax"."""
    text = """
# Example headings
## Sample Section
## This'll be a _Helpful_ Section About the Greek Letter Θ!
## This heading is not unique in the file
TEXT 1
## This heading is not unique in the file
"""
    assert anchors(text) == {
        "example-headings",
        "sample-section",
        "thisll-be-a-helpful-section-about-the-greek-letter-θ",
        "this-heading-is-not-unique-in-the-file",
        "this-heading-is-not-unique-in-the-file-1",
    }


def test_a_comment_in_code_is_no_heading() -> None:
    assert anchors("# `make demo`\n\n```sh\n# set up\n```\n\n    # run\n") == {"make-demo"}
