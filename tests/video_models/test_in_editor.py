"""The shipped workflows of video models in ComfyUI's editor, on the tiny ones, in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from frugal_motion.tools import editor
from frugal_motion.tools.server import Server

from ..browser.test_workflows import SET_WIDGETS, UNKNOWN_NODES, WATCH, WORKFLOWS
from .test_workflows import CHANGES, SHARED

OVERLAPS = """() => {
    const drawn = [...document.querySelectorAll('[data-node-id]')].map(box => box.getBoundingClientRect());
    const listed = app.graph.nodes.map(({pos, size}) => new DOMRect(pos[0], pos[1] - 30, size[0], size[1] + 30));
    const boxes = drawn.length ? drawn : listed;
    const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
    return boxes.flatMap((a, n) => boxes.slice(n + 1).filter(b => meet(a, b))).length;
}"""
SHOW_ALL = """() => {
    app.canvas.ds.scale = 0.25;
    app.canvas.ds.offset = [600, 300];
    app.canvas.setDirty(true, true);
}"""


@pytest.fixture(scope="module")
def browser(video_server: Server) -> Iterator[Browser]:
    with editor.chromium(video_server.url) as browser:
        yield browser


@pytest.fixture(params=[pytest.param(False, id="classic"), pytest.param(True, id="nodes2", marks=pytest.mark.slow)])
def page(request: pytest.FixtureRequest, video_server: Server, browser: Browser) -> Iterator[Page]:
    with editor.editor(video_server.url, nodes_2=request.param, browser=browser) as page:
        yield page


def test_all_open_whole_and_no_node_hides_another(page: Page) -> None:
    for name in CHANGES:
        editor.load(page, WORKFLOWS / f"{name}.json")
        assert page.evaluate(UNKNOWN_NODES) == []
        page.evaluate(SHOW_ALL)
        page.wait_for_timeout(2000)  # what is inside of nodes asks for its room
        assert page.evaluate(OVERLAPS) == 0, name


def test_runs_from_the_run_button(page: Page) -> None:
    editor.load(page, WORKFLOWS / "wan_vace_motion_edit.json")
    page.evaluate(SET_WIDGETS, [_by_title(SHARED | CHANGES["wan_vace_motion_edit"])])
    page.evaluate(WATCH)
    page.get_by_role("button", name="Run", exact=True).first.click()
    page.wait_for_function("() => window.ended", timeout=300_000)
    assert page.evaluate("() => window.ended.event") == "execution_success", page.evaluate("() => window.ended")


def _by_title(changes: dict[str, str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, value in changes.items():
        title, _, key = name.rpartition(".")
        found.setdefault(title, {})[key] = int(value) if value.isdigit() else value
    return found
