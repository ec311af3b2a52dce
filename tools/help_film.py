"""The moving picture on the help page of Edit Motion: an arm that is wrong is put right by hand, in the real editor."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import FloatRect, Locator, Page
from safetensors.numpy import load_file

Point = tuple[float, float]
Keypoint = np.ndarray[Any, np.dtype[np.float32]]
"""x and y, in parts of the video."""
Node = tuple[str, dict[str, Any]]

NODE = "FrugalEditMotion"
RATE = 12
FRAME, FADE, USUAL_FADE = 12, 2, 4
WRIST = 4
"""The right one, of the motion's joints."""
WRONG = (
    f'{{"version":1,"edits":[{{"do":"move","frame":{FRAME},"person":1,"joint":"right_wrist","by":[-0.255,0.105],'
    f'"before":{FADE},"after":{FADE}}}]}}'
)
CLIP = {"file": "one_person.mp4", "size": "512", "frame_rate": float(RATE)}
GRAPH: dict[str, Node] = {
    "load": ("FrugalLoadVideo", CLIP),
    "pose": ("FrugalExtractPose", {"video": ["load", 0]}),
    "smooth": ("FrugalSmoothMotion", {"motion": ["pose", 0]}),
    "keep right": ("FrugalSaveMotion", {"motion": ["smooth", 0], "filename_prefix": "right"}),
    "wrong": (NODE, {"motion": ["smooth", 0], "edits": WRONG}),
    "keep wrong": ("FrugalSaveMotion", {"motion": ["wrong", 0], "filename_prefix": "wrong"}),
    "edit": (NODE, {"motion": ["wrong", 0], "video": ["load", 0]}),
    "end": ("PreviewAny", {"source": ["edit", 0]}),
}
"""An Edit Motion before the one that is seen makes the arm wrong, so where it belongs is known."""
PLACE = list(GRAPH).index("edit")
PLAYS_FROM = 5
SIZE = (330, 520)
"""Of the node: narrow, as the help panel shows pictures 250 pixels wide."""

STEP = 100
"""Milliseconds that a picture stands while the pointer moves."""
SETTLED = 800
"""Milliseconds after which the server has answered, and what it said is shown."""
CAPTION = 32
FONT = 17
PAPER, INK, RING = "#202020", "#f2f2f2", "#ffd60a"
ARROW = ((0, 0), (0, 23), (5.5, 18), (9.5, 26.5), (13.5, 24.7), (9.6, 16.4), (17, 16))
QUALITY = 65

# As in web/js/editing: viewport.js, timeline_scale.js, timeline_lanes.js
STAGE_MARGIN, TIMELINE_MARGIN = 4, 10
TROUBLES, KEYS = 27 + 14 / 2, 27 + 14 + 28 / 2
"""Middles of the timeline's lanes."""
WHEEL = 1.0015
NEARER = 2.0
LOOK_AT = np.array((0.45, 0.41))
"""Middle of what is seen of the video, in parts of it."""


class Film:
    """Pictures of a part of the page, with a pointer where the mouse is.

    Args:
        page: in which it plays.
        clip: what is seen of it.
    """

    def __init__(self, page: Page, clip: FloatRect) -> None:
        self.page = page
        self.clip = clip
        self.caption = ""
        self.pictures: list[Image.Image] = []
        self.times: list[int] = []
        self._font = ImageFont.load_default(FONT)
        self._at: Point = (clip["x"] + 0.75 * clip["width"], clip["y"] + 0.3 * clip["height"])
        self._pressed = False
        page.mouse.move(*self._at)

    def shoot(self, milliseconds: int) -> None:
        """One more picture, which stands for so long."""
        shot = Image.open(io.BytesIO(self.page.screenshot(clip=self.clip))).convert("RGB")
        picture = Image.new("RGB", (shot.width, shot.height + CAPTION), PAPER)
        picture.paste(shot)
        draw = ImageDraw.Draw(picture)
        draw.text((shot.width / 2, shot.height + CAPTION / 2), self.caption, INK, self._font, anchor="mm")
        self._draw_pointer(draw)
        self.pictures.append(picture)
        self.times.append(milliseconds)

    def _draw_pointer(self, draw: ImageDraw.ImageDraw) -> None:
        """An arrow; a ring around its tip while the button is down."""
        x, y = self._at[0] - self.clip["x"], self._at[1] - self.clip["y"]
        if self._pressed:
            draw.ellipse((x - 14, y - 14, x + 14, y + 14), outline=RING, width=3)
        draw.polygon([(x + dx, y + dy) for dx, dy in ARROW], "white", "black", 2)

    def move(self, to: Point, milliseconds: int = 300) -> None:
        """The pointer goes there, slowly at both ends."""
        start, steps = self._at, milliseconds // STEP
        for step in range(1, steps + 1):
            part = (1 - math.cos(math.pi * step / steps)) / 2
            self._at = (start[0] + (to[0] - start[0]) * part, start[1] + (to[1] - start[1]) * part)
            self.page.mouse.move(*self._at)
            self.page.wait_for_timeout(STEP)
            self.shoot(STEP)

    def drag(self, start: Point, end: Point, wait: int) -> None:
        """Go to the one point and pull what is there to the other; then wait."""
        self.move(start)
        self._press()
        self.move(end, 500)
        self._release(wait)

    def click(self, at: Point, wait: int) -> None:
        """Go there and click; then wait."""
        self.move(at)
        self._press()
        self._release(wait)

    def _press(self) -> None:
        self._pressed = True
        self.page.mouse.down()
        self.page.wait_for_timeout(STEP)
        self.shoot(STEP)

    def _release(self, wait: int) -> None:
        self._pressed = False
        self.page.mouse.up()
        self.page.wait_for_timeout(SETTLED)
        self.shoot(wait)

    def press_key(self, key: str, wait: int) -> None:
        """A key for what has the focus."""
        self.page.keyboard.press(key)
        self.page.wait_for_timeout(SETTLED)
        self.shoot(wait)

    def webp(self) -> bytes:
        """All of it, in a loop."""
        file = io.BytesIO()
        first, *others = self.pictures
        first.save(
            file, "WEBP", save_all=True, append_images=others, duration=self.times, loop=0,
            quality=QUALITY, method=4, minimize_size=True,
        )  # fmt: skip
        return file.getvalue()


def play(page: Page, clip: FloatRect, saved: Path) -> Film:
    """Put the arm right, and look at what comes out.

    Args:
        page: with ``GRAPH`` on its canvas, after a run.
        clip: where the node is; the canvas is not zoomed.
        saved: folder of what the graph has saved.
    """
    right, wrong = (load_file(next(saved.glob(f"{name}*")))["keypoints"] for name in ("right", "wrong"))
    panel = page.get_by_role("group", name="Motion editor").last
    pose = _nearer(page, panel)
    times = _along(panel, len(right))
    film = Film(page, clip)

    film.caption = "A mark says where to look: click it"
    film.shoot(600)
    film.click(times(FRAME, TROUBLES), 600)
    film.caption = "Drag the wrist to where it belongs"
    film.drag(pose(wrong[FRAME, 0, WRIST, :2]), pose(right[FRAME, 0, WRIST, :2]), 500)
    film.caption = "Pull the ends of the change (Alt: both)"
    page.keyboard.down("Alt")
    film.drag(times(FRAME + USUAL_FADE, KEYS), times(FRAME + FADE, KEYS), 500)
    page.keyboard.up("Alt")
    film.caption = "L: hold the pose for half a second"
    panel.focus()
    film.press_key("l", 900)
    film.caption = "Result: what comes out"
    film.click(_middle(panel.get_by_role("button", name="Result", exact=True)), 100)
    panel.focus()
    page.keyboard.press("Home")
    for frame in range(len(right) + RATE // 2):
        page.wait_for_timeout(STEP)
        if frame >= PLAYS_FROM:
            film.shoot(1000 // RATE)
        page.keyboard.press("ArrowRight")
    film.shoot(500)
    return film


def _nearer(page: Page, panel: Locator) -> Callable[[Keypoint], Point]:
    """Zoom to the person; gives where on the screen a point of the video is then."""
    screen = _box(panel.get_by_role("img"))
    corner, size = np.array((screen["x"], screen["y"])), np.array((screen["width"], screen["height"]))
    video = np.array((288, 512))
    shown = video * ((size - 2 * STAGE_MARGIN) / video).min()
    middle = corner + size / 2
    fixed = middle + (LOOK_AT - 0.5) * shown * NEARER / (NEARER - 1)
    page.mouse.move(*map(float, fixed))
    page.keyboard.down("Control")
    page.mouse.wheel(0, -math.log(NEARER) / math.log(WHEEL))
    page.keyboard.up("Control")
    page.wait_for_timeout(SETTLED)

    def place(point: Keypoint) -> Point:
        x, y = fixed + NEARER * (middle + (point - 0.5) * shown - fixed)
        return float(x), float(y)

    return place


def _along(panel: Locator, count: int) -> Callable[[int, float], Point]:
    """Gives where on the screen a frame is on the timeline, at a height of it."""
    box = _box(panel.get_by_role("slider", name="Timeline"))
    step = (box["width"] - 2 * TIMELINE_MARGIN) / (count - 1)
    return lambda frame, height: (box["x"] + TIMELINE_MARGIN + step * frame, box["y"] + height)


def _middle(part: Locator) -> Point:
    box = _box(part)
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def _box(part: Locator) -> FloatRect:
    box = part.bounding_box()
    assert box
    return box
