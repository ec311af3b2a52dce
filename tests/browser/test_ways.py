"""The ways of making frames between, compared on Interpolate Frames."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page

from frugal_motion.nodes.interchange.files import save_motion
from frugal_motion.nodes.keyframes.uniform import every_nth
from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.tools import editor
from frugal_motion.tools.server import Server
from frugal_motion.training.renderer import draw

from ..interpolation.scene import FINE, GRID, SIZE
from ..motion.synthetic import dance
from .graphs import on_canvas

FRAMES, CUT = 26, 13

MAKE = on_canvas(
    "way",
    """
    const clip = {frame_rate: 12, size: 'source'};
    const dense = make('FrugalLoadVideo', 'Dense', [-800, 40], {file: 'dense/', ...clip});
    const keys = make('FrugalLoadVideo', 'Keys', [-800, 500], {file: 'keys/', ...clip});
    const motion = make('FrugalLoadMotion', 'Motion', [-450, 40], {file: 'shots.safetensors', frame_rate: 12});
    const plan = make('FrugalPlanKeyframes', 'Plan', [-450, 500], {every: 4, method: 'even'});
    const rife = make('FrugalLoadInterpolator', 'RIFE', [-100, 500], {model_name: 'rife_v4.26.safetensors'});
    const node = make('FrugalInterpolate', 'Interpolate', [20, 40], {frame_rate: 13 + Math.random(), way});
    const save = make('FrugalSaveVideo', 'Save', [500, 40], {});
    wire(dense, plan, 'video');
    wire(keys, node, 'frames');
    wire(rife, node, 'interp_model');
    wire(plan, node, 'keyframes');
    wire(motion, node, 'motion');
    wire(node, save, 'video');
""",
)
SET_WAY = """(way) => {
    const node = app.graph.nodes.find(node => node.type === 'FrugalInterpolate');
    node.widgets.find(widget => widget.name === 'way').value = way;
}"""

MIDDLE_ROW = """(canvas) => {
    const {width, height} = canvas;
    const {data} = canvas.getContext('2d').getImageData(0, height / 2, width, 1);
    return Array.from({length: width}, (_, x) => Array.from(data.slice(4 * x, 4 * x + 4)));
}"""


@pytest.fixture(scope="module", autouse=True)
def _clips(server: Server) -> None:
    """Two shots of dancers, of which the motion has the first alone right; in ComfyUI's input folder."""
    first, second, other = (dance(2, GRID * FINE, 1, seed).keypoints[::FINE][:CUT] for seed in (1, 2, 9))
    plan = every_nth(FRAMES, GRID, 4, (CUT,))
    looks = [(people, 0, 3) for people in first] + [(people, 1, 1) for people in second]
    pictures = [draw(people, figure, backdrop, *SIZE)[0] for people, figure, backdrop in looks]
    for name, numbers in (("dense", range(FRAMES)), ("keys", plan.frames)):
        folder = server.base / "input" / name
        folder.mkdir()
        for place, number in enumerate(numbers):
            Image.fromarray(pictures[number]).save(folder / f"{place:04}.png")
    motion = Motion(np.concatenate((first, other)), GRID, *SIZE)
    save_motion(motion, server.base / "input" / "shots.safetensors")


@pytest.fixture
def graph(page: Page) -> Page:
    """The graph, after a run."""
    page.evaluate(MAKE, "best")
    editor.show_frames(page)
    assert not panel(page).is_visible(), "there is nothing to see yet"
    editor.run(page)
    panel(page).get_by_role("img").first.wait_for()
    return page


def panel(page: Page) -> Locator:
    return page.get_by_role("group", name="Ways compared")


def divider(page: Page) -> Locator:
    return page.get_by_role("slider", name="Divider between the two ways")


def wipe(page: Page) -> dict[str, float]:
    """Where the two pictures lie on the page."""
    box = panel(page).locator("img").first.bounding_box()
    assert box
    return dict(box)


def shown(page: Page) -> np.ndarray:
    """What the page shows there, at the size that the pictures have."""
    editor.show_frames(page)
    box = wipe(page)
    taken = Image.open(io.BytesIO(page.screenshot(clip=box))).convert("RGB")
    return np.asarray(taken.resize(SIZE, Image.Resampling.BILINEAR), float)


def pictures(page: Page) -> dict[str, np.ndarray]:
    """Those that the panel has, by what they are called."""
    found = {}
    for picture in panel(page).locator("img").all():
        answer = page.request.get(str(picture.evaluate("picture => picture.src")))
        found[str(picture.get_attribute("alt"))] = np.asarray(
            Image.open(io.BytesIO(answer.body())).convert("RGB"), float
        )
    return found


def sides(page: Page, at: float) -> tuple[np.ndarray, np.ndarray]:
    """How far what is shown is from either way's picture, left and right of a divider at 0..1."""
    seen, known = shown(page), pictures(page)
    x, margin = round(at * SIZE[0]), 8
    rows = np.s_[10:-60]  # the names lie below
    halves = np.s_[rows, 4 : x - margin], np.s_[rows, x + margin : -4]
    away = [[np.abs(seen - known[way])[half].mean() for half in halves] for way in ("net alone", "motion")]
    return np.array(away[0]), np.array(away[1])


def test_the_divider_stands_between_the_two_ways(graph: Page, tmp_path: Path) -> None:
    for at in (0.5, 0.25, 0.7):
        box = wipe(graph)
        y = box["y"] + box["height"] / 3
        graph.mouse.move(box["x"] + box["width"] / 2, y)
        graph.mouse.down()
        graph.mouse.move(box["x"] + at * box["width"], y, steps=4)
        graph.mouse.up()
        assert divider(graph).evaluate("slider => slider.valueAsNumber") == pytest.approx(100 * at, abs=1.5)
        alone, motion = sides(graph, at)
        assert alone[0] < 0.8 * motion[0] and motion[1] < 0.8 * alone[1], f"{alone} {motion}"
    graph.screenshot(path=tmp_path / "wipe.png")


def test_keys_move_the_divider_and_step_through_the_keyframes(graph: Page) -> None:
    slider = divider(graph)
    slider.focus()
    before = slider.evaluate("slider => slider.valueAsNumber")
    for _ in range(4):
        graph.keyboard.press("ArrowRight")
    assert slider.evaluate("slider => slider.valueAsNumber") == before + 2
    graph.keyboard.press("Home")
    alone, motion = sides(graph, 0.15)
    assert motion[1] < 0.8 * alone[1]
    assert slider.get_attribute("aria-valuetext") == "net alone 0 %, motion 100 %"
    graph.keyboard.press("End")
    alone, motion = sides(graph, 0.85)
    assert alone[0] < 0.8 * motion[0]

    words, strip = panel(graph).locator("output"), graph.get_by_role("slider", name="Keyframes that were compared")
    seen = [words.inner_text()]
    strip.focus()
    for _ in range(4):
        graph.keyboard.press("ArrowRight")
        seen.append(words.inner_text())
    frames = [int(text.split()[1]) for text in seen]
    assert frames == [4, 8, 17, 21, 21]
    assert panel(graph).get_by_role("button", name="Next keyframe").is_disabled()
    assert strip.get_attribute("aria-valuetext") == "4 / 4, 1.75 s: net alone"
    panel(graph).get_by_role("button", name="Previous keyframe").click()
    assert words.inner_text() == "Frame 17 · 1.42 s"


def test_the_strip_says_which_way_each_shot_was_made(graph: Page) -> None:
    legend = panel(graph).get_by_role("note")
    assert [note.get_attribute("data-taken") for note in legend.all()] == ["false", "true"]
    strip = graph.get_by_role("slider", name="Keyframes that were compared")
    picture = strip.evaluate(MIDDLE_ROW)
    half = len(picture) // 2
    for part, colour in ((picture[:half], (0x3B, 0x8F, 0xF0)), (picture[half:], (0x9A, 0x9A, 0x9A))):
        assert np.mean([np.abs(np.array(pixel[:3]) - colour).max() < 12 for pixel in part]) > 0.7
    box = strip.bounding_box()
    assert box
    graph.mouse.click(box["x"] + 0.67 * box["width"], box["y"] + box["height"] / 2)
    assert panel(graph).locator("output").inner_text() == "Frame 17 · 1.42 s"
    assert [note.get_attribute("data-taken") for note in legend.all()] == ["true", "false"]
    assert panel(graph).get_by_text("Shot 2/2").is_visible()


def test_the_keyframe_itself_can_be_seen(graph: Page, server: Server, tmp_path: Path) -> None:
    button = panel(graph).get_by_role("button", name="Keyframe", exact=True)
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    truth = np.asarray(Image.open(server.base / "input" / "dense" / "0004.png"), float)
    whole = away(graph, truth)
    graph.screenshot(path=tmp_path / "truth.png")
    button.click()
    assert whole < away(graph, truth) / 2


def away(page: Page, picture: np.ndarray) -> float:
    """How far what is shown is from a picture, where no names lie over it."""
    return float(np.abs(shown(page) - picture)[10:-60].mean())


def test_it_is_there_after_a_reload_and_gone_where_nothing_was_compared(graph: Page, tmp_path: Path) -> None:
    text = graph.evaluate("() => JSON.stringify(app.graph.serialize())")
    graph.reload()
    graph.wait_for_function(editor.READY)
    graph.evaluate(editor.LOAD, text)
    panel(graph).get_by_role("img", name="motion").wait_for()
    assert panel(graph).locator("output").inner_text() == "Frame 4 · 0.33 s"
    graph.evaluate(SET_WAY, "motion")
    editor.run(graph)
    panel(graph).wait_for(state="hidden")
    graph.screenshot(path=tmp_path / "forced.png")


def test_pictures_that_are_gone_are_a_sentence(graph: Page, server: Server) -> None:
    for file in (server.base / "temp" / "frugal-motion").iterdir():
        file.unlink()
    graph.context.new_cdp_session(graph).send("Network.clearBrowserCache")
    text = graph.evaluate("() => JSON.stringify(app.graph.serialize())")
    graph.reload()
    graph.wait_for_function(editor.READY)
    graph.evaluate(editor.LOAD, text)
    panel(graph).get_by_text("Run the graph again").wait_for()


def test_it_speaks_the_language_of_the_editor(server: Server, browser: Browser, tmp_path: Path) -> None:
    with editor.editor(server.url, language="zh", browser=browser) as page:
        page.evaluate(MAKE, "best")
        editor.run(page)
        page.get_by_role("group", name="方式对比").get_by_role("img").first.wait_for()
        page.get_by_role("slider", name="两种方式之间的分隔线").wait_for()
        page.get_by_text("镜头 1/2").wait_for()
        page.screenshot(path=tmp_path / "zh.png")
