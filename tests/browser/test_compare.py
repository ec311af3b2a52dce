"""Two videos or motions in step, on Compare."""

from __future__ import annotations

import io
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page

from frugal_motion.nodes.interchange.files import save_motion
from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.tools import editor
from frugal_motion.tools.server import Server

from ..ffmpeg import ffmpeg
from ..motion.synthetic import dance
from .graphs import on_canvas

FRAMES, RATE = 24, 25
DARKEST, STEP = 40, 8
"""Frame ``n`` is so bright: ``DARKEST + STEP * n``; A is yellow, B cyan."""

MAKE = on_canvas(
    "given",
    """
    const node = make('FrugalCompare', 'Compare', [460, 40], {});
    const load = (input, place, file) => {
        const clip = {file, frame_rate: 0, size: 'source', start: 1e-6 * Math.random()};
        wire(make('FrugalLoadVideo', input, [20, 40 + 420 * place], clip), node, input);
    };
    const people = (input, place, file) => {
        const motion = {file, frame_rate: 25 + 1e-4 * Math.random()};
        wire(make('FrugalLoadMotion', input, [-340, 40 + 300 * place], motion), node, input);
    };
    if (given.a) load('video_a', 0, given.a);
    if (given.b) load('video_b', 1, given.b);
    if (given.ma) people('motion_a', 0, given.ma);
    if (given.mb) people('motion_b', 1, given.mb);
""",
)
MIDDLE = """(canvas) => {
    const {width, height} = canvas;
    return Array.from(canvas.getContext('2d').getImageData(width / 2, height / 2, 1, 1).data).slice(0, 3);
}"""
OTHER_START = """() => {
    const load = app.graph.nodes.find(node => node.title === 'video_a');
    load.widgets.find(widget => widget.name === 'start').value = 1e-6 * Math.random();
}"""
SEEK = "(slider, frame) => { slider.value = frame; slider.dispatchEvent(new Event('input')); }"


@pytest.fixture(scope="module", autouse=True)
def _clips(server: Server) -> None:
    """In ComfyUI's input folder: clips that tell the number of each frame by their colour, and people who dance."""
    folder = server.base / "input"
    levels = np.arange(DARKEST, DARKEST + STEP * FRAMES, STEP, dtype=np.uint8)
    for name, channels, rate, shown, size in (
        ("a", [0, 1], RATE, levels, (180, 320)),
        ("b", [1, 2], RATE, levels, (90, 160)),
        ("slow", [1, 2], Fraction(RATE, 2), levels[:6], (160, 160)),
    ):
        frames = np.zeros((len(shown), *size, 3), np.uint8)
        frames[..., channels] = shown[:, None, None, None]
        frames.tofile(folder / "raw.rgb")
        raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{size[1]}x{size[0]}", "-r", rate)
        ffmpeg(*raw, "-i", folder / "raw.rgb", "-c:v", "libx264rgb", "-qp", 0, folder / f"{name}.mp4")
    (folder / "raw.rgb").unlink()
    moving = dance(seconds=1, people=1)
    save_motion(moving, folder / "dance.safetensors")
    away = moving.keypoints.copy()
    away[..., 0] += 0.2 * (away[..., 2] > 0)
    save_motion(moving.with_keypoints(away), folder / "away.safetensors")
    save_motion(Motion(np.zeros((0, 1, 18, 3), np.float32), Fraction(25), 320, 180), folder / "empty.safetensors")


def compared(page: Page, **given: str) -> Locator:
    """The panel after a run."""
    page.evaluate(MAKE, given)
    editor.run(page)
    editor.show_frames(page)
    return panel(page)


def panel(page: Page) -> Locator:
    return page.get_by_role("group", name="Compare")


def divider(shown: Locator) -> Locator:
    return shown.get_by_role("slider", name="Divider between A and B")


def drawn(shown: Locator) -> list[int]:
    """The frames that either canvas shows, by their colours."""
    middles = [canvas.evaluate(MIDDLE) for canvas in shown.locator("canvas").all()]
    return [round((green - DARKEST) / STEP) for _, green, _ in middles]


def assert_drawn(shown: Locator, frames: list[int]) -> None:
    """Pictures may come a moment later than the numbers."""
    for _ in range(100):
        if drawn(shown) == frames:
            return
        shown.page.wait_for_timeout(20)
    assert drawn(shown) == frames


def told(shown: Locator) -> list[int]:
    """The moment, and the frames of A and B that the panel tells of."""
    names = [name.inner_text() for name in shown.locator(".frugal-name").all()]
    numbers = [re.sub(r"^[AB] ", "", name) for name in names]
    return [int(shown.locator("output").inner_text().split()[0]), *map(int, numbers)]


def at(shown: Locator, moment: int) -> None:
    """Wait until the panel shows a moment."""
    shown.page.wait_for_function(
        "([output, text]) => output.textContent.startsWith(text)",
        arg=[shown.locator("output").element_handle(), f"{moment} / "],
    )


def seen(page: Page, shown: Locator) -> np.ndarray:
    """What the page shows where the pictures are, ``(height, width, 3)``."""
    editor.show_frames(page)
    box = shown.locator(".frugal-wipe").bounding_box()
    assert box
    return np.asarray(Image.open(io.BytesIO(page.screenshot(clip=dict(box)))).convert("RGB"), int)  # type: ignore[arg-type]


def of_a(picture: np.ndarray) -> np.ndarray:
    """Of each column: 1 where it has A's colour, 0 where it has B's."""
    middle = picture[len(picture) // 4 : len(picture) // 3].mean(axis=0)
    return (middle[:, 0] > middle[:, 2]).astype(float)


def test_a_is_left_of_the_divider_and_b_right(page: Page, tmp_path: Path) -> None:
    shown = compared(page, a="a.mp4", b="b.mp4")
    at(shown, 0)
    for place in (0.5, 0.25, 0.7):
        box: Any = shown.locator(".frugal-wipe").bounding_box()
        y = box["y"] + box["height"] / 3
        page.mouse.move(box["x"] + box["width"] / 2, y)
        page.mouse.down()
        page.mouse.move(box["x"] + place * box["width"], y, steps=4)
        page.mouse.up()
        yellow = of_a(seen(page, shown))
        assert yellow.mean() == pytest.approx(place, abs=0.02) and (np.diff(yellow) <= 0).all()
    page.screenshot(path=tmp_path / "wipe.png")
    divider(shown).focus()
    for key, place in (("Home", 0), ("End", 1)):
        page.keyboard.press(key)
        assert of_a(seen(page, shown)).mean() == pytest.approx(place, abs=0.02)
    page.keyboard.press("ArrowLeft")
    assert divider(shown).get_attribute("aria-valuetext") == "A 100 %, B 1 %"
    assert told(shown)[0] == 0, "the divider's keys do not step"


def test_both_step_together(page: Page) -> None:
    shown = compared(page, a="a.mp4", b="b.mp4")
    at(shown, 0)
    shown.focus()
    for moment in range(1, FRAMES):
        page.keyboard.press("ArrowRight")
        at(shown, moment)
        assert told(shown) == [moment] * 3
        assert_drawn(shown, [moment] * 2)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    at(shown, FRAMES - 3)
    assert_drawn(shown, [FRAMES - 3] * 2)
    page.keyboard.press("Home")
    at(shown, 0)
    slider = shown.get_by_role("slider", name="Frame")
    for moment in (5, 17, 3, 11):
        slider.evaluate(SEEK, moment)  # faster than the film gets there
    at(shown, 11)
    assert_drawn(shown, [11] * 2)
    assert slider.get_attribute("aria-valuetext") == "A 11, B 11, 0.44 s"
    shown.get_by_role("button", name="Next frame").click()
    at(shown, 12)
    shown.get_by_role("button", name="Previous frame").click()
    at(shown, 11)


@pytest.mark.parametrize("tells", [True, False], ids=["tells_pictures", "tells_only_time"])
def test_it_plays_in_step_and_stops_on_what_it_shows(page: Page, tells: bool) -> None:
    if not tells:
        page.evaluate("() => delete HTMLVideoElement.prototype.requestVideoFrameCallback")  # Firefox before 132
    shown = compared(page, a="a.mp4", b="b.mp4")
    at(shown, 0)
    shown.get_by_role("combobox", name="Speed").select_option("0.25")
    shown.focus()
    page.keyboard.press(" ")
    page.wait_for_function(
        "(output) => parseInt(output.textContent) >= 4", arg=shown.locator("output").element_handle()
    )
    shown.focus()
    page.keyboard.press(" ")
    shown.get_by_role("button", name="Play").wait_for()
    page.wait_for_function("() => true")
    moment, *numbers = told(shown)
    page.wait_for_timeout(200)
    assert told(shown) == [moment] * 3
    assert_drawn(shown, numbers)
    shown.get_by_role("button", name="Loop").click()
    shown.get_by_role("combobox", name="Speed").select_option("2")
    shown.get_by_role("button", name="Play").click()
    at(shown, FRAMES - 1)
    shown.get_by_role("button", name="Play").wait_for()
    assert_drawn(shown, [FRAMES - 1] * 2)


def test_flip_side_by_side_and_difference(page: Page, tmp_path: Path) -> None:
    shown = compared(page, a="a.mp4", b="b.mp4")
    at(shown, 0)
    shown.get_by_role("slider", name="Frame").evaluate(SEEK, 20)
    at(shown, 20)
    view = shown.get_by_role("combobox", name="View")
    view.select_option("Flip")
    assert of_a(seen(page, shown)).all()
    shown.focus()
    page.keyboard.press("x")
    assert not of_a(seen(page, shown)).any()
    flip = shown.get_by_role("button", name="B", exact=True)
    assert flip.get_attribute("aria-pressed") == "true"
    flip.click()
    assert of_a(seen(page, shown)).all()
    shown.locator(".frugal-wipe").hover()
    page.mouse.down()
    assert not of_a(seen(page, shown)).any(), "held"
    page.mouse.up()
    assert of_a(seen(page, shown)).all()

    view.select_option("Side by side")
    yellow = of_a(seen(page, shown))
    assert yellow.mean() == pytest.approx(0.5, abs=0.02) and (np.diff(yellow) <= 0).all()
    page.screenshot(path=tmp_path / "side.png")
    view.select_option("Difference")
    both = seen(page, shown)
    level = DARKEST + STEP * 20
    assert np.abs(both[20:60, 20:-20] - (level, 0, level)).max() < 16
    page.screenshot(path=tmp_path / "difference.png")


def test_other_rates_lengths_and_shapes_are_matched_and_told(page: Page, tmp_path: Path) -> None:
    shown = compared(page, a="a.mp4", b="slow.mp4")
    at(shown, 0)
    slider = shown.get_by_role("slider", name="Frame")
    for moment, slow in ((1, 0), (2, 1), (9, 4), (10, 5), (23, 5)):
        slider.evaluate(SEEK, moment)
        at(shown, moment)
        assert told(shown) == [moment, moment, slow]
        assert_drawn(shown, [moment, slow])
    notes = shown.locator(".frugal-notes").inner_text()
    assert notes == (
        "25 and 12.5 frames per second, matched by time. B is shorter: its last frame stays. "
        "B is fitted to the shape of A."
    )
    shown.get_by_role("combobox", name="View").select_option("Side by side")
    picture = seen(page, shown)
    _, half, _ = np.array_split(np.arange(picture.shape[1]), 3)
    assert half.size and not picture[20:40, picture.shape[1] // 2 + 8].any(), "black beside the square"
    page.screenshot(path=tmp_path / "matched.png")


def test_skeletons_alone_and_over_a_video(page: Page, tmp_path: Path) -> None:
    shown = compared(page, ma="dance.safetensors", mb="away.safetensors")
    at(shown, 0)
    shown.get_by_role("combobox", name="View").select_option("Side by side")
    page.screenshot(path=tmp_path / "motions.png")
    where = [_columns(seen(page, shown), half) for half in (0, 1)]
    assert where[1] - where[0] == pytest.approx(0.2, abs=0.02)
    shown.focus()
    page.keyboard.press("End")
    at(shown, 24)
    page.keyboard.press("Home")
    page.keyboard.press(" ")
    page.wait_for_function(
        "(output) => parseInt(output.textContent) >= 5", arg=shown.locator("output").element_handle()
    )
    page.keyboard.press(" ")

    shown = compared(page, a="a.mp4", ma="dance.safetensors", b="b.mp4")
    at(shown, 0)
    page.screenshot(path=tmp_path / "over.png")
    blue = [(seen_on(canvas)[..., 2] > seen_on(canvas)[..., 1] + 50).mean() for canvas in shown.locator("canvas").all()]
    assert blue[0] > 0.005 and blue[1] == 0, "the skeleton is on A alone"


def _columns(picture: np.ndarray, half: int) -> float:
    """Where people are in one half of a picture, as a share of its width."""
    across = picture.shape[1] // 2
    bright = picture[:-30, half * across : (half + 1) * across].max(axis=2) > 90
    return float(np.nonzero(bright)[1].mean() / across)


def seen_on(canvas: Locator) -> np.ndarray:
    """RGBA of what a canvas shows."""
    data = canvas.evaluate(
        """(canvas) => Array.from(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data)"""
    )
    return np.array(data).reshape(-1, 4)


@pytest.mark.parametrize(
    ("given", "words"),
    [({}, "Wire two videos or two motions."), ({"ma": "empty.safetensors"}, "Wire two videos or two motions.")],
)
def test_nothing_to_compare_is_a_sentence(page: Page, given: dict[str, str], words: str) -> None:
    shown = compared(page, **given)
    shown.get_by_text(words).wait_for()


def test_one_side_alone_plays(page: Page, tmp_path: Path) -> None:
    shown = compared(page, b="b.mp4")
    at(shown, 0)
    assert not of_a(seen(page, shown)).any()
    assert shown.locator(".frugal-notes").inner_text() == "Only B is wired."
    assert not divider(shown).is_visible() and not shown.get_by_role("combobox", name="View").is_visible()
    shown.focus()
    page.keyboard.press("ArrowRight")
    at(shown, 1)
    page.screenshot(path=tmp_path / "alone.png")


def test_it_is_there_after_a_reload_and_says_what_is_gone(page: Page, server: Server) -> None:
    shown = compared(page, a="a.mp4", b="b.mp4")
    at(shown, 0)
    text = page.evaluate("() => JSON.stringify(app.graph.serialize())")
    for gone in (False, True):
        if gone:
            for file in (server.base / "temp" / "frugal-motion").iterdir():
                file.unlink()
            page.context.new_cdp_session(page).send("Network.clearBrowserCache")
        page.reload()
        page.wait_for_function(editor.READY)
        page.evaluate(editor.LOAD, text)
        if not gone:
            at(panel(page), 0)
            assert_drawn(panel(page), [0, 0])
    panel(page).get_by_text("Run the graph again").wait_for()
    page.evaluate(OTHER_START)
    editor.run(page)
    at(panel(page), 0)
    assert drawn(panel(page)) == [0, 0], "the same film, made again"
