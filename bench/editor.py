"""Edit Motion in a real Chromium: a frame of a drag, and how long until a motion of 20 000 frames is seen."""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from playwright.sync_api import Page

from bench._compare import result
from bench._synthetic import synthetic_motions
from nodes.interchange.files import save_motion
from nodes.motion.motion import BODY_JOINTS, Motion
from tools.editor import chromium, editor, run
from tools.server import running

ROOT = Path(__file__).resolve().parent.parent
COMMAND = "make bench ONLY=editor"
RATE = Fraction(25)
CROWD, LONG = "crowd.safetensors", "long.safetensors"
CLIPS = {CROWD: (300, 4), LONG: (20_000, 2)}
"""Frames and people of each; all have hands."""

EDITS = 500
MOVES = 180  # of the pointer in a drag: about one for each frame that the browser draws
MARGIN = 4  # CSS pixels around the frame on the stage
GRABBED = BODY_JOINTS.index("right_wrist")
OTHERS = ("left_wrist", "left_ankle", "right_ankle", "nose", "left_elbow")  # to edit: they do not move what is grabbed
TRACED = ["devtools.timeline", "disabled-by-default-devtools.timeline"]

MAKE = """([file, edits]) => {
    app.graph.clear();
    const make = (type, at, values) => {
        const node = LiteGraph.createNode(type);
        node.pos = [20 + 340 * at, 40];
        app.graph.add(node);
        for (const [name, value] of Object.entries(values)) node.widgets.find(w => w.name === name).value = value;
        return node;
    };
    const load = make('FrugalLoadMotion', 0, {file, frame_rate: 25 + 1e-3 * Math.random()}); // no cache has it
    const edit = make('FrugalEditMotion', 1, {edits});
    const preview = make('PreviewAny', 3, {});
    load.connect(0, edit, 0);
    edit.connect(1, preview, 0);
    app.canvas.ds.scale = 1;
    app.canvas.ds.offset = [40, 60];
    app.canvas.setDirty(true, true);
    window.told = new Promise(done => app.api.addEventListener('executed', function heard({detail}) {
        if (!detail.output?.frugal_edit) return;
        app.api.removeEventListener('executed', heard);
        done(performance.now());
    }));
}"""
SEEN = """async () => {
    const told = await window.told;
    const isDrawn = () => {
        const stage = document.querySelector('.frugal-stage canvas');
        if (!stage?.clientWidth || !stage.width) return false;
        return stage.getContext('2d').getImageData(0, 0, stage.width, stage.height).data.some(value => value > 200);
    };
    while (!isDrawn()) await new Promise(requestAnimationFrame);
    return (performance.now() - told) / 1000;
}"""
VALUE = "() => app.graph.nodes.find(node => node.type === 'FrugalEditMotion').widgets[0].value"


@dataclass(frozen=True)
class Drag:
    """Of the frames that the browser draws during a drag, in milliseconds.

    Attributes:
        work: the median time in which its main thread is busy.
        apart: the median time from one to the next; never less than the screen's 16.7.
    """

    work: float
    apart: float


def measure() -> dict[str, dict[str, object]]:
    """A frame of a drag at 300 frames of 4 people with 500 edits, beside the same with none, and seconds to open.

    Each is the worse of both renderers; 500 edits are compared with none in the same renderer.
    """
    work, ratios, opened = [], [], []
    for nodes_2, page in _pages():
        drags = {}
        for edits in (0, EDITS):
            _open(page, CROWD, _scattered(edits))
            drags[edits] = _dragged(page)
            print(f"editor, Nodes 2.0 {nodes_2}, {edits} edits: {drags[edits]}", file=sys.stderr)
        work.append(drags[EDITS].work)
        ratios.append(drags[EDITS].work / drags[0].work)
        opened.append(_open(page, LONG, ""))
        print(f"editor, Nodes 2.0 {nodes_2}, 20 000 frames: {opened[-1]:.2f} s", file=sys.stderr)
    return {
        "editor.drag_frame": result(max(work), "ms", 16, COMMAND, better="lower"),
        "editor.drag_frame_vs_no_edits": result(max(ratios), "x", 1.5, COMMAND, better="lower"),
        "editor.open_20000_frames": result(max(opened), "s", 3, COMMAND, better="lower"),
    }


def _pages() -> Iterator[tuple[bool, Page]]:
    """The editor with each of its renderers."""
    comfyui = Path(os.environ.get("COMFYUI_PATH") or ROOT / ".comfyui").resolve()
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        (base / "input").mkdir()
        for name, (frames, people) in CLIPS.items():
            save_motion(_crowd(frames, people), base / "input" / name)
        with running(comfyui, base) as server, chromium(server.url) as browser:
            for nodes_2 in (False, True):
                with editor(server.url, nodes_2=nodes_2, browser=browser) as page:
                    yield nodes_2, page


def _crowd(frames: int, people: int) -> Motion:
    """People who dance, with hands."""
    dance = synthetic_motions().dance(frames / RATE, RATE, people)
    bodies = dance.keypoints
    wrists = bodies[:, :, [BODY_JOINTS.index("left_wrist"), GRABBED], None]
    spread = np.random.default_rng(0).uniform(-0.02, 0.02, (2, 21, 3)) * (1, 1, 0)
    hands = (wrists + spread).reshape(frames, people, 42, 3)
    return Motion(np.concatenate((bodies, hands), axis=2).astype(np.float32), RATE, dance.width, dance.height)


def _scattered(count: int) -> str:
    """Keys of many joints everywhere in the crowd."""
    chance = random.Random(0)
    frames, people = CLIPS[CROWD]
    keys = [
        {
            "do": "move",
            "frame": chance.randrange(frames),
            "person": chance.randint(1, people),
            "joint": chance.choice(OTHERS),
            "by": [round(chance.uniform(-0.05, 0.05), 4) for _ in range(2)],
        }
        for _ in range(count)
    ]
    return json.dumps({"version": 1, "edits": keys}) if keys else ""


def _open(page: Page, clip: str, edits: str) -> float:
    """Run a graph; seconds from what the server tells of the motion until people are seen."""
    page.evaluate(MAKE, [clip, edits])
    run(page)
    return float(page.evaluate(SEEN))


def _dragged(page: Page) -> Drag:
    """Drag the first person's wrist around, as fast as the browser takes it."""
    x, y = _grip(page)
    browser = page.context.browser
    assert browser
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 20, y)  # what is prepared once does not count
    browser.start_tracing(page=page, categories=TRACED)
    for move in range(MOVES):
        turn = 2 * np.pi * move / 60
        page.mouse.move(x + 20 * np.cos(turn), y + 20 * np.sin(turn))
    trace = json.loads(browser.stop_tracing())
    page.mouse.up()
    assert '"right_wrist"' in page.evaluate(VALUE), "nothing was dragged"
    return _told(trace["traceEvents"])


def _grip(page: Page) -> tuple[float, float]:
    """Where the first person's wrist is on the screen."""
    box = page.locator(".frugal-stage canvas").bounding_box()
    assert box
    motion = _crowd(*CLIPS[CROWD])
    scale = min((box["width"] - 2 * MARGIN) / motion.width, (box["height"] - 2 * MARGIN) / motion.height)
    across, down = motion.keypoints[0, 0, GRABBED, :2] - 0.5
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    return float(middle[0] + across * motion.width * scale), float(middle[1] + down * motion.height * scale)


def _told(events: list[dict[str, Any]]) -> Drag:
    """What a trace tells of the thread that draws the page."""
    drawn = [event for event in events if event["name"] == "FireAnimationFrame"]
    (thread, _), *_ = Counter((event["pid"], event["tid"]) for event in drawn).most_common(1)
    of_page = [event for event in events if (event["pid"], event["tid"]) == thread]
    tasks = [(event["ts"], event["dur"]) for event in of_page if event["name"] == "RunTask" and "dur" in event]
    begins = np.array(sorted(begun for begun, _ in tasks))
    within = np.searchsorted(
        begins, [event["ts"] for event in drawn if (event["pid"], event["tid"]) == thread], side="right"
    )
    starts = np.unique(begins[within - 1])  # of the tasks in which frames are drawn
    busy = np.zeros(len(starts) + 1)
    for begun, lasted in tasks:
        busy[np.searchsorted(starts, begun, side="right")] += lasted
    return Drag(work=float(median(busy[1:-1])) / 1000, apart=float(median(np.diff(starts))) / 1000)
