"""The editor inside Edit Motion: people taken by their joints, in both renderers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page

from frugal_motion.nodes.interchange.files import load_motion, save_motion
from frugal_motion.nodes.motion.editing.by_hand.apply import edited, posed
from frugal_motion.nodes.motion.editing.by_hand.edits import parse
from frugal_motion.nodes.motion.motion import BODY_JOINTS, Motion
from frugal_motion.tools import editor
from frugal_motion.tools.server import Server

from ..motion.synthetic import dance
from .graphs import on_canvas
from .test_in_node import OTHER_RATE, pixels
from .wire import Wire

WRIST = BODY_JOINTS.index("right_wrist")
BLUE, ORANGE = (0x3B, 0x8F, 0xF0), (0xF0, 0x8C, 0x1E)
MARGIN = 4

MAKE = on_canvas(
    "edits",
    """
    const load = make('FrugalLoadMotion', 'Load', [20, 40], {file: 'moved.safetensors', frame_rate: 1 + Math.random()});
    const edit = make('FrugalEditMotion', 'Edit', [340, 40], {edits});
    const save = make('FrugalSaveMotion', 'Save', [900, 40], {filename_prefix: 'edited'});
    wire(load, edit, 'motion');
    wire(edit, save, 'motion');
""",
)
VALUES = "() => app.graph.nodes.filter(n => n.type === 'FrugalEditMotion').map(n => n.widgets[0].value)"
IN_PROMPT = """async () => Object.values((await app.graphToPrompt()).output)
    .find(node => node.class_type === 'FrugalEditMotion').inputs.edits"""
SET = """(text) => {
    const {widgets: [edits]} = app.graph.nodes.find(node => node.type === 'FrugalEditMotion');
    edits.value = text;
    edits.callback?.(text);
}"""
COPY = """() => {
    const edit = app.graph.nodes.find(n => n.title === 'Edit');
    app.canvas.copyToClipboard([edit]);
    app.canvas.pasteFromClipboard();
}"""
INTO_SUBGRAPH = """() => {
    const inside = app.graph.nodes.filter(node => node.title === 'Edit');
    const {subgraph} = app.graph.convertToSubgraph(new Set(inside));
    app.canvas.setGraph(subgraph);
    app.canvas.ds.scale = 1;
    app.canvas.ds.offset = [40 - Math.min(...app.canvas.graph.nodes.map(node => node.pos[0])), 60];
    app.canvas.setDirty(true, true);
}"""
IS_NEWEST_SHOWN = """() => app.graph.nodes.find(node => node.title === 'Edit')
    .widgets.find(widget => widget.name === 'frugal_editor').element.isConnected"""
HIDDEN = """() => [...document.querySelectorAll('textarea')].filter(area => area.checkVisibility()).length"""


@pytest.fixture(scope="module")
def motion(server: Server) -> Motion:
    """Two people who dance for three seconds; in ComfyUI's input folder."""
    save_motion(dance(seconds=3, people=2), server.base / "input" / "moved.safetensors")
    return load_motion(server.base / "input" / "moved.safetensors")


@pytest.fixture
def graph(page: Page, motion: Motion) -> Page:
    """The graph, after a run."""
    page.evaluate(MAKE, "")
    editor.run(page)
    words(page).get_by_text("frame 0 of 75").wait_for()
    return page


def panel(page: Page) -> Locator:
    return page.get_by_role("group", name="Motion editor")


def words(page: Page) -> Locator:
    """What the timeline says."""
    return panel(page).get_by_role("group", name="Timeline").locator("output")


def stage(page: Page) -> Locator:
    return panel(page).get_by_role("img")


def value(page: Page) -> list[dict[str, Any]]:
    """The edits in the first node."""
    text = page.evaluate(VALUES)[0]
    return json.loads(text)["edits"] if text else []


def place(page: Page, motion: Motion, keypoints: np.ndarray, size: tuple[float, float] | None = None) -> np.ndarray:
    """Where keypoints are on the screen; on a canvas of a size, where they are there."""
    box = stage(page).bounding_box()
    assert box
    width, height = size or (box["width"], box["height"])
    scale = min((width - 2 * MARGIN) / motion.width, (height - 2 * MARGIN) / motion.height)
    middle = np.array((width, height)) / 2
    found = middle + (keypoints[..., :2] - 0.5) * (motion.width * scale, motion.height * scale)
    return np.asarray(found if size else found + (box["x"], box["y"]), float)


def drag(page: Page, start: np.ndarray, by: tuple[float, float], *keys: str) -> None:
    """With the mouse, in a few steps."""
    x, y = map(float, start)
    page.mouse.move(x, y)
    for key in keys:
        page.keyboard.down(key)
    page.mouse.down()
    for step in (0.3, 0.7, 1):
        page.mouse.move(x + by[0] * step, y + by[1] * step)
    editor.show_frames(page)
    page.mouse.up()
    for key in keys:
        page.keyboard.up(key)


def frame_size(page: Page, motion: Motion) -> np.ndarray:
    """Of the motion's frame on the screen."""
    corners = place(page, motion, np.array([[0.0, 0, 1], [1, 1, 1]]))
    return np.asarray(corners[1] - corners[0])


def choose(page: Page, person: int, joint: str) -> None:
    panel(page).get_by_label("Person", exact=True).select_option(str(person))
    panel(page).get_by_label("Joint", exact=True).select_option(joint)


def go(page: Page, frame: int) -> None:
    panel(page).focus()
    page.keyboard.press("Home")
    for _ in range(frame // 10):
        page.keyboard.press("Shift+ArrowRight")
    for _ in range(frame % 10):
        page.keyboard.press("ArrowRight")
    editor.show_frames(page)


def coloured(page: Page, at: np.ndarray, motion: Motion, colour: tuple[int, int, int]) -> float:
    """Distance in CSS pixels from where a keypoint should be to the nearest pixel of a person's colour."""
    picture = pixels(page, stage(page))
    wanted = 2 * place(page, motion, at, (picture.shape[1] / 2, picture.shape[0] / 2))
    y, x = np.nonzero((np.abs(picture[..., :3].astype(int) - colour).max(axis=2) < 25) & (picture[..., 3] > 100))
    return float(np.hypot(x - wanted[0], y - wanted[1]).min(initial=np.inf)) / 2


def saved(server: Server) -> Motion:
    """What the last run has saved."""
    return load_motion(max(server.base.glob("output/edited*.safetensors"), key=lambda path: path.stat().st_mtime_ns))


def test_a_wrist_is_dragged(graph: Page, server: Server, motion: Motion, tmp_path: Path) -> None:
    assert graph.evaluate(HIDDEN) == 0, "the input itself is behind the panel"
    assert graph.get_by_role("group", name="Motion player").count() == 1, "Load Motion's"
    go(graph, 20)
    wrist = motion.keypoints[20, 0, WRIST]
    drag(graph, place(graph, motion, wrist), (-14, -18))
    [edit] = value(graph)
    wanted = np.array((-14, -18)) / frame_size(graph, motion)
    assert (edit["do"], edit["frame"], edit["person"], edit["joint"]) == ("move", 20, 1, "right_wrist")
    assert edit["by"] == pytest.approx(wanted, abs=0.01)
    text = graph.evaluate(VALUES)[0]
    assert graph.evaluate(IN_PROMPT) == text
    applied = posed(motion, parse(text)).motion.keypoints
    for frame in (20, 22, 18):
        go(graph, frame)
        assert coloured(graph, applied[frame, 0, WRIST], motion, BLUE) <= 2
    graph.screenshot(path=tmp_path / "dragged.png")
    editor.run(graph)
    assert np.abs(saved(server).keypoints - edited(motion, parse(text)).motion.keypoints).max() < 1e-6
    assert (saved(server).keypoints[:16] == motion.keypoints[:16]).all()


def test_alt_stretches_and_shift_takes_the_whole_person(graph: Page, motion: Motion) -> None:
    elbow, wrist = motion.keypoints[0, 0, [WRIST - 1, WRIST]]
    drag(graph, place(graph, motion, elbow), (25, 0), "Alt")
    assert value(graph)[0] | {"by": 0} == {
        "do": "move", "frame": 0, "person": 1, "joint": "right_elbow", "by": 0, "stretch": True,
    }  # fmt: skip
    drag(graph, place(graph, motion, wrist), (10, 5), "Shift")
    assert value(graph)[1]["joint"] == "body"
    drag(graph, place(graph, motion, motion.keypoints[0, 1, [8, 11]].mean(axis=0)), (0, 8))
    assert (value(graph)[2]["joint"], value(graph)[2]["person"]) == ("pelvis", 2)
    graph.mouse.move(*place(graph, motion, motion.keypoints[0, 1, 0]))
    graph.mouse.down()
    graph.mouse.move(*(place(graph, motion, motion.keypoints[0, 1, 0]) + 20))
    graph.keyboard.press("Escape")
    graph.mouse.up()
    assert len(value(graph)) == 3, "a drag that was given up"


def test_ten_steps_are_undone_and_redone(graph: Page) -> None:
    choose(graph, 1, "right_wrist")
    texts = graph.evaluate(VALUES)
    for step in range(10):
        go(graph, 4 * step)
        graph.keyboard.press("l")
        texts += graph.evaluate(VALUES)
    assert len(set(texts)) == 11
    for key, expected in (("Control+z", texts[-2::-1]), ("Control+y", texts[1:])):
        for text in expected:
            graph.keyboard.press(key)
            graph.wait_for_function(f"(text) => ({VALUES})()[0] === text", arg=text)
    graph.wait_for_function(IS_NEWEST_SHOWN)
    panel(graph).get_by_role("button", name="Edits", exact=True).click()
    panel(graph).get_by_role("region", name="Edits").get_by_role("listitem").nth(9).wait_for()
    assert words(graph).inner_text().startswith("frame 36"), "the panel goes on where it was"
    assert panel(graph).get_by_label("Joint", exact=True).input_value() == "right_wrist"


def test_keys_do_all_that_a_pointer_does(graph: Page, motion: Motion, tmp_path: Path) -> None:
    choose(graph, 2, "left_elbow")
    go(graph, 12)
    for _ in range(3):
        graph.keyboard.press("Alt+Shift+ArrowUp")
    graph.wait_for_function(f"() => ({VALUES})()[0]")
    graph.wait_for_timeout(700)
    moves = value(graph)
    assert {(edit["do"], edit["frame"], edit["person"], edit["joint"]) for edit in moves} == {
        ("move", 12, 2, "left_elbow")
    }
    for key in ("h", "c"):
        graph.keyboard.press(key)
    go(graph, 30)
    graph.keyboard.press("v")
    graph.keyboard.press("i")
    for _ in range(5):
        graph.keyboard.press("ArrowRight")
    for key in ("o", "m", ",", "x", "r", "l", "s", "k"):
        graph.keyboard.press(key)
    span = {"from": 30, "to": 35}
    assert value(graph)[len(moves) :] == [
        {"do": "hide", "person": 2, "joint": "left_elbow", "from": 12, "to": 12},
        {"do": "pose", "frame": 30, "of": 12, "person": 2},
        {"do": "mirror", "person": 2, **span},
        {"do": "speed", **span, "factor": 0.5},
        {"do": "delete", **span},
        {"do": "repair", "person": 2, "joint": "left_elbow", **span},
        {"do": "hold", "frame": 35, "frames": 13},
        {"do": "swap", "person": 2, "with": 1, "from": 35},
        {"do": "keep", "person": 2},
    ]
    graph.keyboard.press("q")
    assert value(graph)[-1]["off"] is True
    graph.keyboard.press("Delete")
    assert value(graph)[-1]["do"] == "swap"
    graph.keyboard.press("w")
    graph.screenshot(path=tmp_path / "keys.png")
    graph.keyboard.press("t")
    panel(graph).get_by_text("Result: frame").wait_for()
    count = edited(motion, parse(graph.evaluate(VALUES)[0])).motion.frame_count
    panel(graph).get_by_text(f"of {count}").wait_for()
    graph.screenshot(path=tmp_path / "result.png")


def test_the_menu_has_all_of_it(graph: Page, tmp_path: Path) -> None:
    choose(graph, 1, "nose")
    panel(graph).get_by_role("button", name="Edit", exact=True).click()
    menu = graph.get_by_role("menu")
    assert menu.get_by_role("menuitem", name="Repair the span").is_disabled()
    graph.screenshot(path=tmp_path / "menu.png")
    menu.get_by_role("menuitem", name="Hide or show the joint").click()
    assert value(graph) == [{"do": "hide", "person": 1, "joint": "nose", "from": 0, "to": 0}]
    panel(graph).get_by_role("button", name="Edit", exact=True).click()
    menu.get_by_role("menuitem", name="Remove all edits").click()
    assert value(graph) == []


def test_a_copy_a_subgraph_and_a_reload(graph: Page, motion: Motion, tmp_path: Path) -> None:
    choose(graph, 1, "right_wrist")
    graph.keyboard.press("Tab")
    panel(graph).focus()
    graph.keyboard.press("l")
    text = graph.evaluate(VALUES)[0]
    graph.evaluate(COPY)
    assert graph.evaluate(VALUES) == [text, text]
    panel(graph).nth(1).get_by_text("Its 1 edits are kept").wait_for()
    graph.evaluate("() => app.graph.remove(app.graph.nodes.find(n => n.title === 'Edit' && !n.inputs[0].link))")

    kept = graph.evaluate("() => JSON.stringify(app.graph.serialize())")
    graph.reload()
    graph.wait_for_function(editor.READY)
    graph.evaluate(editor.LOAD, kept)
    assert graph.evaluate(VALUES) == [text]
    words(graph).get_by_text("of 75").wait_for()

    graph.evaluate(INTO_SUBGRAPH)
    assert graph.evaluate(IN_PROMPT) == text
    graph.evaluate(OTHER_RATE)
    editor.run(graph)
    words(graph).get_by_text("of 75").wait_for()
    go(graph, 9)
    graph.keyboard.press("l")
    inside = graph.evaluate(IN_PROMPT)
    assert [edit["frame"] for edit in json.loads(inside)["edits"]] == [0, 9]
    graph.keyboard.press("Control+z")
    graph.wait_for_function(f"async (text) => await ({IN_PROMPT})() === text", arg=text)
    graph.screenshot(path=tmp_path / "subgraph.png")


def test_what_cannot_be_edited_is_said_and_kept(graph: Page) -> None:
    for text, why in (
        ('{"version": 2, "edits": []}', "newer version"),
        ("{", "not valid JSON"),
        ('{"version": 1, "edits": [{"do": "hold", "frame": 3}]}', "frames"),
    ):
        graph.evaluate(SET, text)
        panel(graph).get_by_text(why).wait_for()
        go(graph, 3)
        graph.keyboard.press("l")
        assert graph.evaluate(VALUES) == [text]
    text = json.dumps({"version": 1, "edits": [{"do": "hold", "frame": 900, "frames": 3}, {"do": "drop", "person": 7}]})
    graph.evaluate(SET, text)
    panel(graph).get_by_role("button", name="Edits", exact=True).click()
    panel(graph).get_by_role("listitem").filter(has_text="skipped").nth(1).wait_for()
    go(graph, 3)
    graph.keyboard.press("l")
    assert len(value(graph)) == 3, "what is skipped is kept"


def test_edits_of_a_script_wait_for_a_run(page: Page, motion: Motion) -> None:
    page.evaluate(MAKE, json.dumps({"version": 1, "edits": [{"do": "hold", "frame": 3, "frames": 9}]}))
    panel(page).get_by_text("Run the graph once").wait_for()
    panel(page).get_by_text("Its 1 edits are kept").wait_for()


def test_a_server_that_is_away_for_a_while(wire: Wire, browser: Browser, motion: Motion, tmp_path: Path) -> None:
    with editor.editor(wire.url, browser=browser) as page:
        page.evaluate(MAKE, "")
        editor.run(page)
        words(page).get_by_text("frame 0 of 75").wait_for()
        wire.cut()
        drag(page, place(page, motion, motion.keypoints[0, 0, WRIST]), (-14, -18))
        [edit] = value(page)
        panel(page).get_by_text("The server does not answer").wait_for()
        applied = posed(motion, parse(page.evaluate(VALUES)[0])).motion.keypoints
        assert coloured(page, applied[0, 0, WRIST], motion, BLUE) <= 2, "it is shown all the same"
        page.screenshot(path=tmp_path / "away.png")
        wire.mend()
        panel(page).get_by_text("The server does not answer").wait_for(state="hidden")
        assert value(page) == [edit]
        assert coloured(page, applied[0, 0, WRIST], motion, BLUE) <= 2


@pytest.fixture
def wire(server: Server) -> Any:
    with Wire(server.url) as wire:
        yield wire


def test_trouble_is_gone_to_and_repaired(page: Page, server: Server, motion: Motion, tmp_path: Path) -> None:
    spoilt = motion.keypoints.copy()
    spoilt[30:33, 0, WRIST, :2] += (0.3, -0.1)
    save_motion(motion.with_keypoints(spoilt), server.base / "input" / "spoilt.safetensors")
    page.evaluate(MAKE.replace("moved.safetensors", "spoilt.safetensors"), "")
    editor.run(page)
    words(page).get_by_text("frame 0 of 75").wait_for()
    page.get_by_role("slider", name="Timeline").focus()
    page.keyboard.press("PageDown")
    panel(page).focus()
    page.keyboard.press("r")
    [repair] = value(page)
    assert (repair["do"], repair["person"], repair["joint"]) == ("repair", 1, "right_wrist")
    assert repair["from"] <= 30 <= 32 <= repair["to"]
    assert panel(page).get_by_label("Joint", exact=True).input_value() == "right_wrist"
    page.keyboard.press("Home")
    go(page, 31)
    mended = posed(motion.with_keypoints(spoilt), parse(page.evaluate(VALUES)[0])).motion.keypoints
    page.wait_for_timeout(1000)
    assert coloured(page, mended[31, 0, WRIST], motion, BLUE) <= 2
    assert np.abs(mended[31, 0, WRIST] - motion.keypoints[31, 0, WRIST]).max() < 0.05
    page.screenshot(path=tmp_path / "repaired.png")


def test_edits_from_another_node_are_locked(graph: Page) -> None:
    graph.evaluate("""() => {
        const text = LiteGraph.createNode('PrimitiveStringMultiline');
        app.graph.add(text);
        const edit = app.graph.nodes.find(node => node.type === 'FrugalEditMotion');
        text.connect(0, edit, edit.inputs.findIndex(input => input.name === 'edits'));
    }""")
    panel(graph).get_by_text("The edits come from another node").wait_for()
    before = graph.evaluate(VALUES)
    panel(graph).focus()
    graph.keyboard.press("l")
    assert graph.evaluate(VALUES) == before


def test_another_workflow_and_back(graph: Page, motion: Motion) -> None:
    go(graph, 7)
    graph.keyboard.press("l")
    text = graph.evaluate(VALUES)[0]
    graph.evaluate("() => { window.first = app.extensionManager.workflow.activeWorkflow; }")
    graph.evaluate("() => app.extensionManager.command.execute('Comfy.NewBlankWorkflow')")
    graph.evaluate(MAKE, "")
    assert graph.evaluate(VALUES) == [""], "a workflow of its own"
    panel(graph).get_by_text("Run the graph once").wait_for()
    graph.evaluate("async () => await app.loadGraphData(first.activeState, true, true, first)")
    assert graph.evaluate(VALUES) == [text]
    words(graph).get_by_text("of 75").wait_for()


@pytest.mark.parametrize("page", [False], ids=["classic"], indirect=True)
def test_two_tabs_edit_apart(graph: Page, server: Server) -> None:
    text = graph.evaluate("() => JSON.stringify(app.graph.serialize())")
    other = graph.context.new_page()
    other.goto(server.url, wait_until="domcontentloaded")
    other.wait_for_function(editor.READY)
    other.evaluate(editor.LOAD, text)
    other.evaluate(OTHER_RATE)
    editor.run(other)
    words(other).get_by_text("frame 0 of 75").wait_for()
    for page, frame in ((graph, 3), (other, 5)):
        page.bring_to_front()
        go(page, frame)
        page.keyboard.press("l")
    assert [value(page)[0]["frame"] for page in (graph, other)] == [3, 5]


def test_it_plays_what_came_in_and_what_comes_out(graph: Page) -> None:
    panel(graph).focus()
    for key in ("l", "l", "t"):
        graph.keyboard.press(key)
    panel(graph).get_by_text("Result: frame 0 of 101").wait_for()
    graph.keyboard.press(" ")
    panel(graph).get_by_role("button", name="Pause").wait_for()
    graph.wait_for_timeout(600)
    graph.keyboard.press(" ")
    panel(graph).get_by_role("button", name="Play").wait_for()
    assert panel(graph).get_by_text("Result: frame 0 of 101").count() == 0
    graph.keyboard.press("t")
    graph.keyboard.press("Home")
    graph.keyboard.press(" ")
    graph.wait_for_timeout(600)
    graph.keyboard.press(" ")
    assert not words(graph).inner_text().startswith("frame 0 ")
