"""The editor of a real server, with either of its renderers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from frugal_motion.tools import editor
from frugal_motion.tools.server import Server


@pytest.fixture(params=[False, True], ids=["classic", "nodes2"])
def page(request: pytest.FixtureRequest, server: Server) -> Iterator[Page]:
    errors: list[str] = []
    with editor.editor(server.url, nodes_2=request.param) as page:
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
    assert not [error for error in errors if "frugal" in error.lower()]
