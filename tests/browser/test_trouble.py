"""What can go wrong around a graph."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from frugal_motion.nodes.interchange.files import save_motion
from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.tools import editor
from frugal_motion.tools.server import Server

from ..motion.synthetic import dance
from .test_in_node import EDITS, IN_PROMPT, MAKE, motion, player  # noqa: F401
from .test_panel import opened
from .wire import Wire

EITHER_WAY = pytest.mark.parametrize("page", [False], ids=["classic"], indirect=True)
"""What does not depend on the renderer."""

COUNT_DRAWING = """() => {
    window.drawn = 0;
    for (const name of ['stroke', 'fill', 'drawImage']) {
        const before = CanvasRenderingContext2D.prototype[name];
        CanvasRenderingContext2D.prototype[name] = function (...given) {
            if (this.canvas.closest?.('.frugal-panel')) window.drawn++;
            return before.apply(this, given);
        };
    }
}"""
REMOVE_WHILE_IT_RUNS = """async () => {
    const ended = new Promise(done => {
        for (const event of ['execution_success', 'execution_error'])
            app.api.addEventListener(event, () => done(event), {once: true});
    });
    app.api.addEventListener('execution_start', () => {
        for (const title of ['Smooth', 'Plan']) app.graph.remove(app.graph.nodes.find(node => node.title === title));
    }, {once: true});
    await app.queuePrompt(0);
    return ended;
}"""


@EITHER_WAY
def test_a_motion_without_frames_is_said(page: Page, server: Server) -> None:
    save_motion(
        Motion(np.zeros((0, 1, 18, 3), np.float32), Fraction(12), 64, 64), server.base / "input/none.safetensors"
    )
    page.evaluate(MAKE, "none.safetensors")
    with pytest.raises(Exception, match="found a clip of 0 frames; allowed: 1 frame or more"):
        editor.run(page)
    player(page, 0).get_by_text("This motion has no frames.").wait_for()
    assert player(page, 0).get_by_role("slider").count() == 0, "nothing to play"


@pytest.mark.slow
@EITHER_WAY
def test_long_motions_are_no_more_work_to_draw(page: Page, server: Server) -> None:
    once = dance(seconds=8)
    keypoints = np.tile(once.keypoints, (20_000 // once.frame_count, 1, 1, 1))
    save_motion(once.with_keypoints(keypoints), server.base / "input" / "long.safetensors")
    page.evaluate(MAKE, "long.safetensors")
    editor.run(page)
    shown = player(page, 1)
    shown.locator("output").get_by_text("/ 19999").wait_for()
    page.evaluate(COUNT_DRAWING)

    def drawn(key: str) -> int:
        page.evaluate("() => { window.drawn = 0; }")
        page.keyboard.press(key)
        editor.show_frames(page)
        return page.evaluate("() => window.drawn")

    shown.focus()
    page.wait_for_timeout(500)  # newer editors open a panel beside, and all is drawn anew
    assert 35 <= drawn("End") <= 200, "two skeletons, drawn once or a few times"
    assert shown.locator("output").inner_text().startswith("19998 / 19999"), "every second frame is kept"
    strip = page.get_by_role("slider", name="Keyframes")
    strip.focus()
    page.wait_for_timeout(500)
    assert 100 <= drawn("End") <= 2500
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    assert page.evaluate(IN_PROMPT) in ("+19998", "-19998")


def test_nodes_removed_while_they_run(page: Page, motion: Motion) -> None:  # noqa: F811
    page.evaluate(MAKE, "dance.safetensors")
    assert page.evaluate(REMOVE_WHILE_IT_RUNS) == "execution_success"
    player(page, 0).locator("output").get_by_text("0 / 74").wait_for()
    assert page.evaluate(EDITS) == []
    page.keyboard.press("Control+z")
    page.wait_for_timeout(500)


@EITHER_WAY
def test_two_tabs(page: Page, server: Server, motion: Motion, tmp_path: Path) -> None:  # noqa: F811
    page.evaluate(MAKE, "dance.safetensors")
    text = page.evaluate("() => JSON.stringify(app.graph.serialize())")
    other = page.context.new_page()
    other.goto(server.url, wait_until="domcontentloaded")
    other.wait_for_function(editor.READY)
    other.evaluate(editor.LOAD, text)
    opened(other)
    editor.run(page)
    page.get_by_role("group", name="Keyframe strip").get_by_text("of 75 frames").wait_for()
    other.get_by_role("region", name="Last runs").get_by_text("Plan").first.wait_for()
    assert other.get_by_text("Run the graph to see the plan").is_visible(), "whose run it was sees it"
    editor.run(other)
    other.get_by_text("had this plan in its cache").wait_for()
    other.screenshot(path=tmp_path / "second_tab.png")


@pytest.fixture
def wire(server: Server) -> Iterator[Wire]:
    with Wire(server.url) as wire:
        yield wire


def test_a_server_that_goes_away_and_comes_back(
    wire: Wire,
    browser: Browser,
    motion: Motion,  # noqa: F811
    tmp_path: Path,
) -> None:
    errors: list[str] = []
    with editor.editor(wire.url, browser=browser) as page:
        page.on("pageerror", lambda error: errors.append(error.stack or str(error)))
        page.evaluate(MAKE, "dance.safetensors")
        editor.run(page)
        opened(page)
        strip = page.get_by_role("slider", name="Keyframes")
        strip.focus()
        wire.cut()
        page.get_by_text("The server does not answer").wait_for()
        for key in ("ArrowRight", "ArrowRight", "Enter"):
            page.keyboard.press(key)
        edits = page.evaluate(EDITS)
        assert edits in (["+2"], ["-2"]), "what is in the browser can be worked with"
        page.screenshot(path=tmp_path / "away.png")
        wire.mend()
        page.get_by_text("The server does not answer").wait_for(state="hidden")
        page.wait_for_function("() => app.api.socket?.readyState === WebSocket.OPEN")
        editor.run(page)
        page.get_by_role("group", name="Keyframe strip").get_by_text("of 75 frames").wait_for()
        assert page.evaluate(EDITS) == edits
        page.screenshot(path=tmp_path / "back.png")
    assert not [error for error in errors if "frugal" in error.lower()]
