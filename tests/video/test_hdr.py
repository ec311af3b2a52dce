"""HDR against the numbers of the ITU's recommendations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from frugal_motion.nodes.video.decode import FileStream
from frugal_motion.nodes.video.hdr import PEAK, WHITE, compressed, hlg_light, pq_light, pq_signal, to_sdr

PQ, HLG = "smpte2084", "arib-std-b67"
CODES = {PQ: 16, HLG: 18}


@pytest.mark.parametrize(
    ("nits", "pq", "hlg"), [(26, 0.38, 0.38), (203, 0.58, 0.75), (1000, 0.75, 1.0)], ids=["grey card", "white", "peak"]
)
def test_signal_levels_are_those_of_bt_2408(nits: float, pq: float, hlg: float) -> None:
    """Its table 1, in whole per cent."""
    assert pq_signal(np.array(nits)) == pytest.approx(pq, abs=0.005)
    assert pq_light(pq_signal(np.array(nits))) == pytest.approx(nits)
    assert hlg_light(np.full(3, hlg - 0.005))[0] <= nits <= hlg_light(np.full(3, hlg + 0.005))[0] + 1e-6


def test_pq_at_its_ends() -> None:
    assert pq_light(np.array([0.0, 1.0])) == pytest.approx([0, 10000], abs=1e-6)


def test_what_is_dark_stays_and_highlights_are_compressed() -> None:
    light = np.geomspace(0.01, 10000, 500)
    made = compressed(light)
    assert made[light < 80] == pytest.approx(light[light < 80])
    assert (np.diff(made[light < PEAK]) > 0).all()
    assert (np.diff(np.log(made)) <= np.diff(np.log(light)) + 1e-9).all()
    assert made[light >= PEAK] == pytest.approx(WHITE)
    assert 0.75 < compressed(np.array(WHITE)) / WHITE < 0.85


def primaries(*xy: tuple[float, float]) -> np.ndarray:
    """RGB to XYZ, from the chromaticities of red, green, blue; white is D65."""
    columns = np.array([(x / y, 1, (1 - x - y) / y) for x, y in xy]).T
    white = np.array((0.3127 / 0.3290, 1, (1 - 0.3127 - 0.3290) / 0.3290))
    return columns * np.linalg.solve(columns, white)


BT709 = primaries((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
BT2020 = primaries((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))


def test_an_sdr_picture_put_into_hdr_comes_back() -> None:
    """Below the highlights, colours of BT.709 shown at reference white survive PQ in BT.2020."""
    sdr = np.random.default_rng(0).uniform(0.1, 0.68, (1000, 3))
    light = WHITE * sdr**2.4 @ (np.linalg.inv(BT2020) @ BT709).T
    assert to_sdr(pq_signal(light), PQ) == pytest.approx(sdr, abs=0.002)


@pytest.fixture
def ramp(tmp_path: Path) -> Callable[[str, np.ndarray], np.ndarray]:
    """Encode patches of grey as 10-bit H.265 with the tags of HDR; give what comes out, and the note."""

    def through(transfer: str, signal: np.ndarray) -> np.ndarray:
        luma = np.repeat(np.uint16(np.round(64 + 876 * signal)), 32)[None].repeat(64, axis=0)
        tags = f"log-level=none:colorprim=9:transfer={CODES[transfer]}:colormatrix=9"
        with av.open(str(tmp_path / "hdr.mp4"), "w") as output:
            video = output.add_stream("libx265", rate=25, options={"crf": "2", "x265-params": tags})
            video.width, video.height, video.pix_fmt = luma.shape[1], luma.shape[0], "yuv420p10le"
            chroma = np.full((32, luma.shape[1] // 2), 512, np.uint16)
            for index in range(3):
                frame = av.VideoFrame(luma.shape[1], 64, "yuv420p10le")  # PyAV before 17 makes none of an array
                for plane, samples in zip(frame.planes, (luma, chroma, chroma), strict=True):
                    padding = (plane.line_size - samples.nbytes // len(samples)) // 2
                    plane.update(np.pad(samples, ((0, 0), (0, padding))).tobytes())
                frame.pts = index
                output.mux(video.encode(frame))
            output.mux(video.encode(None))
        notes: dict[str, str] = {}
        stream = FileStream(tmp_path / "hdr.mp4", note=notes.__setitem__)
        assert stream.source.is_hdr
        patches = next(stream.chunks())[1, 32, 16::32].astype(int)
        assert list(notes) == ["hdr.mp4 HDR"]
        assert np.ptp(patches, axis=1).max() <= 2, "grey stays grey"
        return patches.mean(axis=1)

    return through


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_a_file_is_tone_mapped(ramp: Callable[[str, np.ndarray], np.ndarray], transfer: str) -> None:
    grey_card, white = (0.38, 0.58) if transfer == PQ else (0.38, 0.75)
    signal = np.array([0, 0.1, 0.2, 0.3, grey_card, 0.5, white, 0.65 if transfer == PQ else 0.85, 1.0])
    levels = ramp(transfer, signal)
    assert levels == pytest.approx(to_sdr(signal[:, None].repeat(3, 1), transfer)[:, 0] * 255, abs=2)
    assert (np.diff(levels) > 0).all()
    assert levels[0] == 0 and levels[-1] >= 254
    assert levels[4] / 255 == pytest.approx((26 / 203) ** (1 / 2.4), abs=0.015), "mid grey is where SDR has it"
    assert 0.88 < levels[6] / 255 < 0.93, "white is bright, with room for highlights"
