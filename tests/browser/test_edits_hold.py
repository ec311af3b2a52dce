"""What is edited by hand on Edit Motion's panel is what is shown, kept and run, whatever happens around it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

from frugal_motion.nodes.interchange.files import load_motion, save_motion
from frugal_motion.nodes.motion.editing.by_hand.apply import edited, posed
from frugal_motion.nodes.motion.editing.by_hand.edits import parse
from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.nodes.motion.player_file import unpacked
from frugal_motion.tools import editor
from frugal_motion.tools.server import Server

from ..motion.synthetic import dance
from .test_edit_motion import (
    BLUE,
    IN_PROMPT,
    IS_NEWEST_SHOWN,
    MAKE,
    ORANGE,
    SET,
    VALUES,
    WRIST,
    choose,
    coloured,
    drag,
    go,
    panel,
    place,
    saved,
    value,
    words,
)
from .test_in_node import OTHER_RATE

KEYS, SPANS, MARGIN = 55, 77, 10
"""Pixels of the timeline: the middle of its keys and of its first row of spans, and the room beside the frames."""

SENT = """() => Object.values(app.nodeOutputs).find(output => output.frugal_edit).frugal_edit[0]"""
COPY_WIRED = """() => {
    app.canvas.copyToClipboard(app.graph.nodes.filter(node => ['Edit', 'Save'].includes(node.title)));
    app.canvas.pasteFromClipboard({connectInputs: true});
    app.graph.nodes.filter(node => node.title === 'Edit').at(-1).pos = [900, 200];
}"""
LOAD_FILE = """(file) => {
    const load = app.graph.nodes.find(node => node.title === 'Load');
    load.widgets.find(widget => widget.name === 'file').value = file;
}"""
HANDLE = """(canvas, part) => {
    const {x, y, width, height} = canvas.getBoundingClientRect();
    const says = (cursor) => ([clientX, clientY]) => {
        canvas.dispatchEvent(new PointerEvent('pointermove', {clientX, clientY}));
        return canvas.style.cursor === cursor;
    };
    const across = x + 10 + part * (width - 20);
    const [, down] = Array.from({length: height / 3}, (_, at) => [across, y + 3 * at]).find(says('move'));
    const around = Array.from({length: 21}, (_, at) => Math.PI * (at / 20 - 0.5));
    return around.map(angle => [across + 28 * Math.cos(angle), down + 28 * Math.sin(angle)]).find(says('ns-resize'));
}"""
"""Where the slope of the chosen key, at a part of the clip, can be pulled on its right: the pointer tells."""
FROM_TEXT = """(value) => {
    const text = LiteGraph.createNode('PrimitiveStringMultiline');
    app.graph.add(text);
    text.pos = [20, 400];
    text.widgets[0].value = value;
    const edit = app.graph.nodes.find(node => node.type === 'FrugalEditMotion');
    text.connect(0, edit, edit.inputs.findIndex(input => input.name === 'edits'));
}"""


@pytest.fixture(scope="module")
def motion(server: Server) -> Motion:
    """Two people who dance for three seconds; in ComfyUI's input folder, with others beside."""
    folder = server.base / "input"
    two = dance(seconds=3, people=2)
    save_motion(two, folder / "moved.safetensors")
    for name, part in (("short", two.keypoints[:10, :1]), ("still", two.keypoints[:1]), ("none", two.keypoints[:0])):
        save_motion(two.with_keypoints(part), folder / f"{name}.safetensors")
    save_motion(two.with_keypoints(_with_hands(two.keypoints)), folder / "hands.safetensors")
    return load_motion(folder / "moved.safetensors")


@pytest.fixture
def graph(page: Page, motion: Motion) -> Page:
    """The graph, after a run."""
    page.evaluate(MAKE, "")
    editor.run(page)
    words(page).get_by_text("frame 0 of 75").wait_for()
    return page


def _with_hands(keypoints: np.ndarray) -> np.ndarray:
    """Fingers spread out from the wrists."""
    joint = np.arange(21)
    angle, reach = (joint - 1) // 4 * 0.6, np.where(joint, (joint - 1) % 4 + 1, 0) * 0.02
    fingers = np.stack((reach * np.cos(angle), reach * np.sin(angle), np.zeros(21)), axis=1)
    hands = [keypoints[:, :, [wrist]] + fingers * (side, 1, 1) for side, wrist in ((1, 7), (-1, 4))]
    return np.concatenate((keypoints, *hands), axis=2).astype(np.float32)


def pull(page: Page, y: float, start: float, end: float, count: int = 75) -> None:
    """Drag on the timeline, from frame to frame."""
    box = page.get_by_role("slider", name="Timeline").bounding_box()
    assert box
    per_frame = (box["width"] - 2 * MARGIN) / (count - 1)
    drag(page, np.array((box["x"] + MARGIN + start * per_frame, box["y"] + y)), ((end - start) * per_frame, 0))


def is_shown(page: Page, motion: Motion, text: str, *frames: int) -> None:
    """The first person's right wrist is where edits have it."""
    applied = posed(motion, parse(text)).motion.keypoints
    for frame in frames:
        go(page, frame)
        assert coloured(page, applied[frame, 0, WRIST], motion, BLUE) <= 2, frame


def comes_to_be_shown(page: Page, motion: Motion, at: np.ndarray) -> None:
    """The first person's right wrist, in a while."""
    for _ in range(50):
        if coloured(page, at, motion, BLUE) <= 2:
            return
        page.wait_for_timeout(200)
    pytest.fail(f"the wrist is not shown at {at}")


def test_keys_and_fades_are_pulled_and_ten_gestures_undone(
    graph: Page, server: Server, motion: Motion, tmp_path: Path
) -> None:
    texts = [""]

    def did(**fields: Any) -> None:
        [edit] = [edit for edit in value(graph) if fields.items() <= edit.items()]
        texts.append(graph.evaluate(VALUES)[0])
        assert texts[-1] != texts[-2], edit

    go(graph, 20)
    drag(graph, place(graph, motion, motion.keypoints[20, 0, WRIST]), (-30, -30))
    did(do="move", frame=20)
    pull(graph, KEYS, 24, 34)
    did(frame=20, after=14)
    pull(graph, KEYS, 20, 30)
    did(frame=30, after=14)
    moved = posed(motion, parse(texts[-1])).motion.keypoints[:, 0, WRIST]
    away = np.abs(moved - motion.keypoints[:, 0, WRIST]).max(axis=1)
    assert away[[30, 34]].min() > 0.02
    assert away[[26, 44]].max() == 0
    is_shown(graph, motion, texts[-1], 20, 26, 28, 30, 34, 44, 46)
    graph.screenshot(path=tmp_path / "pulled.png")

    panel(graph).focus()
    graph.keyboard.press("l")
    did(do="hold", frame=46)
    pull(graph, SPANS, 59.5, 66.5)
    did(do="hold", frames=20)
    graph.keyboard.press("Escape")
    go(graph, 5)
    for key in ("i", "ArrowRight", "o", "x"):
        graph.keyboard.press(key)
    did(do="delete", to=6)
    graph.keyboard.press("Delete")
    texts.append(graph.evaluate(VALUES)[0])
    choose(graph, 2, "nose")
    panel(graph).focus()
    graph.keyboard.press("h")
    did(do="hide", joint="nose")
    pull(graph, KEYS, 30, 33)  # of nobody: it is the other person's
    assert graph.evaluate(VALUES)[0] == texts[-1]
    go(graph, 60)
    drag(graph, place(graph, motion, motion.keypoints[60, 0, WRIST]), (15, 0))
    did(do="move", frame=60)
    graph.keyboard.press("m")  # of the marked frames
    did(do="mirror", to=6)
    assert len(texts) == 11
    assert texts[7] == texts[5], "what Delete took away"

    for key, expected, frames in (("z", texts[-2::-1], (30, 60)), ("y", texts[1:], (30, 34, 60))):
        for text in expected:
            graph.keyboard.press(f"Control+{key}")
            graph.wait_for_function(f"(text) => ({VALUES})()[0] === text", arg=text)
        graph.wait_for_function(IS_NEWEST_SHOWN)
        is_shown(graph, motion, expected[-1], *frames)

    with graph.expect_request("**/prompt") as posted:
        editor.run(graph)
    nodes = json.loads(posted.value.post_data or "")["prompt"].values()
    [inputs] = [node["inputs"] for node in nodes if node["class_type"] == "FrugalEditMotion"]
    assert inputs["edits"] == texts[-1] == graph.evaluate(VALUES)[0]
    wanted = edited(motion, parse(texts[-1])).motion
    assert np.abs(saved(server).keypoints - wanted.keypoints).max() < 1e-6
    file = graph.evaluate(SENT)["result"]
    result = unpacked((server.base / "temp" / file["subfolder"] / file["filename"]).read_bytes())
    panel(graph).get_by_role("button", name="Result", exact=True).click()
    panel(graph).get_by_text(f"of {wanted.frame_count}.").wait_for()
    panel(graph).focus()
    graph.keyboard.press("Home")
    for frame in (0, 10, 20, 30):
        assert coloured(graph, result.keypoints[frame, 0, WRIST], result, BLUE) <= 2, frame
        assert np.abs((result.keypoints - wanted.keypoints)[frame, ..., :2]).max() < 1e-4
        graph.keyboard.press("Shift+ArrowRight")


def test_a_copy_is_edited_apart_and_both_come_back(graph: Page, motion: Motion, tmp_path: Path) -> None:
    drag(graph, place(graph, motion, motion.keypoints[0, 0, WRIST]), (-30, -30))
    first = graph.evaluate(VALUES)[0]
    graph.evaluate(COPY_WIRED)
    assert graph.evaluate(VALUES) == [first, first]
    graph.evaluate(OTHER_RATE)
    editor.run(graph)
    copy = panel(graph).nth(1)
    copy.get_by_text("of 75").wait_for()
    copy.focus()
    for key in ("End", "l"):
        graph.keyboard.press(key)
    texts = graph.evaluate(VALUES)
    assert texts[0] == first
    assert [edit["do"] for edit in json.loads(texts[1])["edits"]] == ["move", "hold"]
    graph.screenshot(path=tmp_path / "copied.png")

    kept = graph.evaluate("() => JSON.stringify(app.graph.serialize())")
    graph.reload()
    graph.wait_for_function(editor.READY)
    with graph.expect_request(lambda request: '"troubles"' in (request.post_data or "")):
        graph.evaluate(editor.LOAD, kept)  # where to look is asked for anew
    assert graph.evaluate(VALUES) == texts
    copy.get_by_text("of 75").wait_for()
    graph.evaluate("() => app.graph.remove(app.graph.nodes.filter(node => node.title === 'Edit').at(-1))")
    words(graph).get_by_text("of 75").wait_for()
    is_shown(graph, motion, first, 0, 2, 6)


def test_edits_outlive_the_clip_that_they_are_for(graph: Page, server: Server, motion: Motion, tmp_path: Path) -> None:
    choose(graph, 2, "left_wrist")
    go(graph, 60)
    graph.keyboard.press("h")
    graph.keyboard.press("l")
    text = graph.evaluate(VALUES)[0]
    panel(graph).get_by_role("button", name="Edits", exact=True).click()
    skipped = panel(graph).get_by_role("listitem").filter(has_text="skipped")
    for file, count, people in (("short", 10, 1), ("still", 1, 2)):
        graph.evaluate(LOAD_FILE, f"{file}.safetensors")
        editor.run(graph)
        timeline = graph.get_by_role("slider", name="Timeline")
        graph.wait_for_function(
            "([line, last]) => line.ariaValueMax === last", arg=[timeline.element_handle(), str(count - 1)]
        )
        skipped.nth(1).wait_for()
        assert graph.evaluate(VALUES)[0] == text == graph.evaluate(IN_PROMPT)
        assert panel(graph).get_by_label("Person", exact=True).locator("option").count() == people + 1
        part = load_motion(server.base / "input" / f"{file}.safetensors")
        assert (saved(server).keypoints == part.keypoints).all()
        panel(graph).focus()
        for key in ("Home", "h", "Alt+ArrowUp", "End", "t", "t"):
            graph.keyboard.press(key)
        assert graph.evaluate(VALUES)[0] == text, "nobody is chosen any more"
        graph.screenshot(path=tmp_path / f"{file}.png")
    drag(graph, place(graph, motion, motion.keypoints[0, 0, WRIST]), (-20, -20))
    assert [edit["do"] for edit in value(graph)] == ["hide", "hold", "move"]
    is_shown(graph, load_motion(server.base / "input" / "still.safetensors"), graph.evaluate(VALUES)[0], 0)
    graph.evaluate(LOAD_FILE, "none.safetensors")
    editor.run(graph)
    panel(graph).get_by_text("This motion has no frames.").wait_for()
    panel(graph).focus()
    for key in ("l", "Home"):
        graph.keyboard.press(key)
    assert len(value(graph)) == 3
    graph.screenshot(path=tmp_path / "none.png")
    graph.evaluate(LOAD_FILE, "moved.safetensors")
    editor.run(graph)
    skipped.first.wait_for(state="detached")


def test_edits_of_another_node_are_shown_as_they_ran(graph: Page, motion: Motion, tmp_path: Path) -> None:
    drag(graph, place(graph, motion, motion.keypoints[0, 0, WRIST]), (-30, -30))
    moved = edited(motion, parse(text := graph.evaluate(VALUES)[0])).motion.keypoints
    graph.evaluate(SET, "")
    graph.evaluate(FROM_TEXT, text)
    panel(graph).get_by_text("what the last run made of them").wait_for()
    comes_to_be_shown(graph, motion, motion.keypoints[0, 0, WRIST])  # a run without edits
    editor.run(graph)
    comes_to_be_shown(graph, motion, moved[0, 0, WRIST])
    graph.screenshot(path=tmp_path / "wired.png")
    for other in ('{"version": 2, "edits": []}', "{"):
        graph.evaluate(SET, other)
        assert graph.evaluate(VALUES) == [other], "kept, also while another node says more"


def test_people_hands_and_curves(page: Page, server: Server, motion: Motion, tmp_path: Path) -> None:
    with_hands = load_motion(server.base / "input" / "hands.safetensors")
    page.evaluate(MAKE.replace("moved", "hands"), "")
    editor.run(page)
    words(page).get_by_text("frame 0 of 75").wait_for()
    panel(page).focus()
    page.keyboard.press("e")  # larger: hands are too small to be told apart in the node
    tip = with_hands.keypoints[0, 0, 18 + 8]
    drag(page, place(page, with_hands, tip), (0, 15))
    [finger] = value(page)
    assert (finger["person"], finger["joint"]) == (1, "left_hand_8")
    applied = posed(with_hands, parse(page.evaluate(VALUES)[0])).motion.keypoints
    assert coloured(page, applied[0, 0, 26], with_hands, BLUE) <= 2
    page.screenshot(path=tmp_path / "hand.png")
    page.keyboard.press("e")

    page.evaluate(SET, "")
    choose(page, 1, "right_wrist")
    go(page, 30)
    page.keyboard.press("Alt+Shift+ArrowUp")
    page.wait_for_function(f"() => ({VALUES})()[0]")
    panel(page).get_by_role("button", name="Curves", exact=True).click()
    curves = page.get_by_role("slider", name="Curves")
    curves.focus()
    page.keyboard.press("ArrowDown")
    drag(page, np.array(curves.evaluate(HANDLE, 30 / 74)), (0, -10))
    [key] = value(page)
    assert key["slope"][0] > 0.0005, "steeper across the frame"
    page.screenshot(path=tmp_path / "curves.png")
    applied = posed(with_hands, parse(page.evaluate(VALUES)[0])).motion.keypoints
    for frame in (28, 32):
        go(page, frame)
        assert coloured(page, applied[frame, 0, WRIST], with_hands, BLUE) <= 2

    page.evaluate(SET, "")
    panel(page).focus()
    page.keyboard.press("Home")
    page.keyboard.press("s")
    assert value(page)[0]["do"] == "swap"
    page.wait_for_timeout(500)
    assert coloured(page, motion.keypoints[0, 1, WRIST], motion, BLUE) <= 2, "the other one is the first now"
    assert coloured(page, motion.keypoints[0, 0, WRIST], motion, ORANGE) <= 2
    page.keyboard.press("k")
    page.keyboard.press("t")
    panel(page).get_by_text("Result: frame 0 of 75").wait_for()
    assert coloured(page, motion.keypoints[0, 1, WRIST], motion, BLUE) <= 2
    assert coloured(page, motion.keypoints[0, 0, WRIST], motion, ORANGE) == np.inf
    page.keyboard.press("t")
    page.keyboard.press("k")
    page.keyboard.press("d")
    editor.run(page)
    assert saved(server).keypoints[:, 0] == pytest.approx(with_hands.keypoints[:, 0])
