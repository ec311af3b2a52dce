"""The template with a motion edited by hand, as somebody new to it plays it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page

from frugal_motion.nodes.motion.motion import BODY_JOINTS, Motion
from frugal_motion.nodes.motion.player_file import unpacked
from frugal_motion.nodes.video.decode import FileStream
from frugal_motion.tools import editor
from frugal_motion.tools.server import Server

from .test_edit_motion import drag, frame_size, panel, place, value, words
from .test_workflows import SET_WIDGETS, SMALL, WATCH, WORKFLOWS

WRIST = BODY_JOINTS.index("left_wrist")
MODELS = {title: values for title, values in SMALL.items() if title != "Load Video"} | {
    "Draw Pose": {"width": 128, "height": 224}  # what is sampled is as large
}
ON = {"Redraw": {"switch": True}}
CENTRE = """(title) => {
    app.canvas.centerOnNode(app.graph.nodes.find(node => node.title === title));
    app.canvas.setDirty(true, true);
}"""
CHOOSE = """(title) => {
    app.canvas.deselectAll();
    app.canvas.select(app.graph.nodes.find(node => node.title === title));
}"""


RUN_CHOSEN = "() => app.extensionManager.command.execute('Comfy.QueueSelectedOutputNodes')"


def run(page: Page, server: Server) -> dict[str, Any]:
    """Press the button; what the nodes have shown, by their titles."""
    return ended(page, server, page.get_by_role("button", name="Run", exact=True).first.click)


def ended(page: Page, server: Server, start: Callable[[], object]) -> dict[str, Any]:
    """The same for a run that is started otherwise."""
    page.evaluate("() => { window.ended = null; }")
    start()
    page.wait_for_function("() => window.ended", timeout=300_000)
    told = page.evaluate("() => window.ended")
    assert told["event"] == "execution_success", told
    titles = page.evaluate("() => app.graph.nodes.map(node => [String(node.id), node.title])")
    outputs = server.get(f"/history/{told['prompt_id']}")[told["prompt_id"]]["outputs"]
    return {title: outputs[number] for number, title in titles if number in outputs}


def motions(server: Server, shown: dict[str, Any]) -> tuple[Motion, Motion]:
    """What Edit Motion was given, and what it has made."""
    [told] = shown["Edit Motion"]["frugal_edit"]
    before, after = (
        unpacked((server.base / "temp" / told[name]["subfolder"] / told[name]["filename"]).read_bytes())
        for name in ("motion", "result")
    )
    return before, after


def video(server: Server, shown: dict[str, Any]) -> FileStream:
    [file] = shown["Save Video"]["images"]
    return FileStream(server.base / "output" / file["subfolder"] / file["filename"])


def click_trouble(page: Page, told: str) -> None:
    """Move along the marks until one tells of that trouble, and click there."""
    box = panel(page).get_by_role("group", name="Timeline").locator("canvas").bounding_box()
    scale = page.evaluate("() => app.canvas.ds.scale")
    assert box
    for x in np.linspace(box["x"], box["x"] + box["width"], 60):
        page.mouse.move(float(x), box["y"] + 34 * scale)
        editor.show_frames(page)
        if told in words(page).inner_text():
            return page.mouse.click(float(x), box["y"] + 34 * scale)
    raise AssertionError(f"no mark tells of {told}")


def compared(page: Page) -> Locator:
    page.evaluate(CENTRE, "Compare")
    return page.get_by_role("group", name="Compare", exact=True)


def test_a_mistake_is_found_and_mended_and_a_pose_held(page: Page, server: Server, tmp_path: Path) -> None:
    editor.load(page, WORKFLOWS / "motion_edit_by_hand.json")
    page.evaluate(SET_WIDGETS, [MODELS])
    page.evaluate(WATCH)
    first = run(page, server)
    assert "Sampler" not in first
    words(page).get_by_text("frame 0 of 20").wait_for()
    before, unedited = motions(server, first)
    assert (before.keypoints == unedited.keypoints).all()

    page.evaluate(CENTRE, "Edit Motion")
    click_trouble(page, "left wrist · jumps")
    words(page).get_by_text("frame 9 of 20").wait_for()
    assert panel(page).get_by_label("Joint", exact=True).input_value() == "left_wrist"
    panel(page).get_by_role("button", name="Replace").click()
    wanted = np.array((-0.075, 0.045))
    x, y = wanted * frame_size(page, before)
    drag(page, place(page, before, before.keypoints[9, 0, WRIST]), (float(x), float(y)))
    words(page).get_by_text("left wrist · frame 9 · frames of fade: 2 in, 1 out").wait_for()
    for key in ("ArrowRight", "ArrowRight", "l"):
        page.keyboard.press(key)
    words(page).get_by_text("Hold 6 · frame 11").wait_for()
    moved, held = value(page)
    assert (moved["do"], moved["frame"], moved["joint"]) == ("move", 9, "left_wrist")
    assert held == {"do": "hold", "frame": 11, "frames": 6}
    page.screenshot(path=tmp_path / "edited.png")

    second = run(page, server)
    _, after = motions(server, second)
    assert after.frame_count == 20 + 6
    assert after.keypoints[9, 0, WRIST, :2] - before.keypoints[9, 0, WRIST, :2] == pytest.approx(wanted, abs=0.01)
    assert (after.keypoints[:8] == before.keypoints[:8]).all() and (after.keypoints[18:] == before.keypoints[12:]).all()
    skeleton = video(server, second)
    assert (skeleton.info.frame_count, skeleton.info.frame_rate) == (26, 12)
    compared(page).get_by_text("0 / 25").wait_for()
    page.screenshot(path=tmp_path / "compared.png")

    page.evaluate(SET_WIDGETS, [ON])
    third = run(page, server)
    assert "Sampler" in third
    redrawn = video(server, third)
    assert (redrawn.info.frame_count, redrawn.info.frame_rate) == (round(26 / 12 * 25), 25)
    page.evaluate(CENTRE, "Save Video")
    page.screenshot(path=tmp_path / "redrawn.png")


def test_the_motion_alone_runs_and_is_shown_again_after_a_reload(page: Page, server: Server) -> None:
    """No model is there but that for poses; the second time all is in ComfyUI's cache."""
    for _ in range(2):
        editor.load(page, WORKFLOWS / "motion_edit_by_hand.json")
        page.evaluate(SET_WIDGETS, [{"Load Video": {"duration": 1.5}}])
        page.evaluate(WATCH)
        page.evaluate(CHOOSE, "Edit Motion")
        shown = ended(page, server, lambda: page.evaluate(RUN_CHOSEN))
        assert set(shown) <= {"Load Video", "Extract Pose", "Smooth Motion", "Edit Motion"}
        words(page).get_by_text("frame 0 of 18").wait_for()
        page.reload()
        page.wait_for_function(editor.READY)
