"""The help pages, as the editor shows them."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser

from frugal_motion.tools import editor
from frugal_motion.tools.server import Server

ONE_NODE = """() => {
    app.graph.clear();
    const node = LiteGraph.createNode('FrugalPlanKeyframes');
    app.graph.add(node);
    Object.assign(node, {pos: [500, 300]});
    Object.assign(app.canvas.ds, {scale: 1, offset: [0, 0]});
    app.canvas.selectNode(node);
    app.canvas.setDirty(true, true);
}"""


def test_a_page_is_shown_with_its_picture(server: Server, browser: Browser, tmp_path: Path) -> None:
    with editor.editor(server.url, browser=browser) as page:
        page.evaluate(ONE_NODE)
        page.get_by_test_id("info-button").click()
        picture = page.get_by_alt_text("Plan Keyframes, after a run")
        picture.wait_for()
        page.wait_for_function("(picture) => picture.naturalWidth > 100", arg=picture.element_handle())
        assert page.get_by_text("Chooses which frames of the clip are sampled.").first.is_visible()
        page.screenshot(path=tmp_path / "help.png")
