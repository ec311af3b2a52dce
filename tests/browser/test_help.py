"""The help pages, as the editor shows them."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, Locator, Page

from frugal_motion.tools import editor
from frugal_motion.tools.server import Server

ONE_NODE = """(type) => {
    app.graph.clear();
    const node = LiteGraph.createNode(type);
    app.graph.add(node);
    Object.assign(node, {pos: [500, 300]});
    Object.assign(app.canvas.ds, {scale: 1, offset: [0, 0]});
    app.canvas.selectNode(node);
    app.canvas.setDirty(true, true);
}"""


def shown(page: Page, node_id: str, name: str) -> Locator:
    """The picture on the page of a node, once it is there."""
    page.evaluate(ONE_NODE, node_id)
    page.get_by_test_id("info-button").click()
    picture = page.get_by_alt_text(name)
    picture.wait_for()
    page.wait_for_function("(picture) => picture.naturalWidth > 100", arg=picture.element_handle())
    return picture


def test_a_page_is_shown_with_its_picture(server: Server, browser: Browser, tmp_path: Path) -> None:
    with editor.editor(server.url, browser=browser) as page:
        shown(page, "FrugalPlanKeyframes", "Plan Keyframes, after a run")
        assert page.get_by_text("Chooses which frames of the clip are sampled.").first.is_visible()
        page.screenshot(path=tmp_path / "help.png")


def test_a_moving_picture_moves(server: Server, browser: Browser, tmp_path: Path) -> None:
    with editor.editor(server.url, browser=browser) as page:
        picture = shown(page, "FrugalEditMotion", "Edit Motion: a wrong arm is put right")
        seen = set()
        for moment in range(10):
            seen.add(picture.screenshot(path=tmp_path / f"help{moment}.png"))
            page.wait_for_timeout(500)
        assert len(seen) > 3
