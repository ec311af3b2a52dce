"""The beats of a sound above the slider of To the Beat's player."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from frugal_motion.nodes.interchange.files import save_motion
from frugal_motion.tools import editor
from frugal_motion.tools.server import Server

from ..motion.dancing import RATE, beats, clicks, distance
from ..motion.synthetic import dance
from .graphs import on_canvas

SECONDS = 6
MAKE = on_canvas(
    "file",
    """
    const load = make('FrugalLoadMotion', 'Load', [20, 40], {file, frame_rate: 1 + Math.random()}); // not cached
    const sound = make('LoadAudio', 'Sound', [20, 460], {audio: 'beats.wav'});
    const beat = make('FrugalToTheBeat', 'Beat', [340, 40], {});
    const show = make('PreviewAny', 'Show', [760, 40], {});
    wire(load, beat, 'motion');
    wire(sound, beat, 'audio');
    wire(beat, show, 'source');
""",
)
MARKS = """(player) => {
    const slider = player.querySelector('input[type=range]').getBoundingClientRect();
    const [zoom, thumb] = [slider.height / 16, 16];
    return Array.from(player.querySelectorAll('.frugal-beats i'), mark => {
        const {left, width, bottom} = mark.getBoundingClientRect();
        const along = (left + width / 2 - slider.left) / zoom - thumb / 2;
        return [along / (slider.width / zoom - thumb), bottom - slider.top];
    });
}"""


@pytest.fixture(scope="module", autouse=True)
def inputs(server: Server) -> None:
    """A dance, and clicks of twice a second."""
    folder: Path = server.base / "input"
    save_motion(dance(seconds=SECONDS), folder / "steps.safetensors")
    with wave.open(str(folder / "beats.wav"), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((clicks(beats(120, SECONDS), SECONDS).samples[0] * 30_000).astype("<i2").tobytes())


def test_ticks_are_where_the_thumb_is_at_a_beat(page: Page) -> None:
    page.evaluate(MAKE, "steps.safetensors")
    editor.run(page)
    players = page.get_by_role("group", name="Motion player")
    marks = players.nth(1).get_by_role("img", name="Beats of the sound")
    expect(marks).to_be_visible()
    expect(players.nth(0).locator(".frugal-beats")).to_be_hidden()
    places, bottoms = np.array(players.nth(1).evaluate(MARKS)).T
    last = SECONDS - 1 / 25
    assert len(places) >= len(beats(120, SECONDS)) - 2
    assert np.abs(distance(places * last, beats(120, SECONDS))).max() < 0.06, "a pixel is 0.05 s"
    assert (bottoms <= 8).all(), "they do not hide the thumb"
