"""What Save Video promises of H.264: a browser plays it, with its sound, whatever sound came in."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from frugal_motion.nodes.video.decode import FileStream
from frugal_motion.nodes.video.encode import save
from frugal_motion.tools.system import find_chromium
from tests.ffmpeg import X264, codecs_of, ffmpeg, source


@pytest.mark.parametrize(("codec", "suffix"), [("flac", "mkv"), ("libopus", "webm"), ("aac", "ts"), ("ac3", "mp4")])
def test_a_browser_plays_pictures_and_sound(browser: Browser, tmp_path: Path, codec: str, suffix: str) -> None:
    pictures = ("-c:v", "libvpx", "-b:v", "1M") if suffix == "webm" else X264
    made = (*source("testsrc2", s="128x96", r=25, d=3), *source("sine", d=3), *pictures, "-c:a", codec)
    ffmpeg(*made, path := tmp_path / f"in.{suffix}")
    save(FileStream(path), saved := tmp_path / "out.mp4")
    assert codecs_of(saved) == ["h264", "aac"]
    options = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
    with browser.browser_type.launch(executable_path=find_chromium(), args=options) as player:
        page = player.new_page()
        page.goto(saved.as_uri())
        page.evaluate("document.querySelector('video').play()")
        page.wait_for_function("document.querySelector('video').currentTime > 1", timeout=120_000)
        played = page.evaluate("""() => {
            const video = document.querySelector('video');
            const decoded = [video.webkitAudioDecodedByteCount, video.webkitVideoDecodedByteCount];
            return [video.videoWidth, video.error, ...decoded];
        }""")
    assert played[:2] == [128, None]
    assert min(played[2:]) > 1000
