"""The editor of a real server, with either of its renderers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from frugal_motion.tools import editor
from frugal_motion.tools.server import Server


@pytest.fixture(scope="module")
def browser(server: Server) -> Iterator[Browser]:
    """One for all tests of a file; no longer, as other tests cannot use asyncio while Playwright does."""
    with editor.chromium(server.url) as browser:
        yield browser


@pytest.fixture(params=[pytest.param(False, id="classic"), pytest.param(True, id="nodes2", marks=pytest.mark.slow)])
def page(request: pytest.FixtureRequest, server: Server, browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """A page that keeps a picture of how the test has left it, and in which nothing of ours may fail unnoticed."""
    errors: list[str] = []
    with editor.editor(server.url, nodes_2=request.param, browser=browser) as page:
        page.on("pageerror", lambda error: errors.append(error.stack or str(error)))  # the stack names the files
        yield page
        page.screenshot(path=tmp_path / "end.png")
    assert not [error for error in errors if "frugal" in error.lower()]
