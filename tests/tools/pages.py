"""The repository's pages in Markdown, as GitHub shows them: where links lead, and the anchors of headings."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

from ..conftest import ROOT

_MARKDOWN = MarkdownIt("commonmark").enable("table")


def known_files() -> set[str]:
    """Paths of the files that git knows, or would, once added."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return {name for name in listed.split("\0") if name and (ROOT / name).exists()}


def links(text: str) -> list[str]:
    """Targets of links and pictures, but for those in code: those of Markdown, then those of HTML."""
    tokens = list(_tokens(text))
    targets = [str(token.attrGet("href") or token.attrGet("src") or "") for token in tokens]
    html = "".join(token.content for token in tokens if token.type in ("html_inline", "html_block"))
    return [target for target in targets if target] + re.findall(r"(?:src|href)=\"([^\"]+)\"", html)


def in_code(text: str) -> list[str]:
    """What stands between backticks."""
    return [token.content for token in _tokens(text) if token.type == "code_inline"]


def anchors(text: str) -> set[str]:
    """What stands behind ``#`` for each of the headings."""
    seen: Counter[str] = Counter()
    found = set()
    for title in _titles(text):
        name = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        found.add(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return found


def _titles(text: str) -> Iterator[str]:
    """The headings without their markup."""
    tokens = _MARKDOWN.parse(text)
    for opening, heading in pairwise(tokens):
        if opening.type == "heading_open":
            parts = heading.children or []
            yield "".join(part.content for part in parts if part.type in ("text", "code_inline"))


def _tokens(text: str) -> Iterator[Token]:
    for token in _MARKDOWN.parse(text):
        yield token
        yield from token.children or []
