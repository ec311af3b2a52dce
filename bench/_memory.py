"""Memory that a clip of so many seconds takes to finish: ``python bench/_memory.py 10`` prints MB."""

from __future__ import annotations

import resource
import sys
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402
import numpy as np  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from spandrel import ModelLoader  # noqa: E402

from nodes.accelerator import Accelerator  # noqa: E402
from nodes.interpolation.interpolator import NetInterpolator  # noqa: E402
from nodes.interpolation.rife import load_rife  # noqa: E402
from nodes.interpolation.stream import InterpolatedStream  # noqa: E402
from nodes.keyframes.keyframes import Keyframes  # noqa: E402
from nodes.upscaling.stream import UpscaledStream  # noqa: E402
from nodes.upscaling.upscaler import Upscaler  # noqa: E402
from nodes.video.encode import save  # noqa: E402
from nodes.video.stream import CHUNK, Frames, FrameStream, VideoInfo  # noqa: E402

MODELS = ROOT / ".assets/models"
SIDE = 64


class Generated(FrameStream):
    """A dot that goes round."""

    def __init__(self, seconds: int) -> None:
        self.info = VideoInfo(SIDE, SIDE, Fraction(12), 12 * seconds)

    def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
        for first in range(0, self.info.frame_count, size):
            numbers = range(first, min(first + size, self.info.frame_count))
            yield np.stack([self._frame(number) for number in numbers])

    def _frame(self, number: int) -> Frames:
        picture = np.zeros((SIDE, SIDE, 3), np.uint8)
        centre = SIDE / 2 + SIDE / 4 * np.array((np.cos(number / 7), np.sin(number / 7)))
        return np.asarray(cv2.circle(picture, tuple(map(int, centre)), 6, (200, 120, 40), -1, cv2.LINE_AA))


def main() -> None:
    """Interpolate to 25 fps, upscale, save; print the most memory that the process ever had."""
    source = Generated(int(sys.argv[1]))
    rife = load_rife(load_file(MODELS / "frame_interpolation/rife_v4.26.safetensors"), "rife")
    model = ModelLoader().load_from_file(str(MODELS / "upscale_models/realesr-animevideov3.safetensors")).eval()
    large = UpscaledStream(source, Upscaler(model, Accelerator(), (2 * SIDE, 2 * SIDE)))
    plan = Keyframes.all_frames(source.info.frame_count, Fraction(12))
    stream = InterpolatedStream(large, plan, Fraction(25), NetInterpolator(rife, Accelerator()))
    with tempfile.TemporaryDirectory() as folder:
        save(stream, Path(folder) / "out.mp4")
    unit = 1 if sys.platform == "darwin" else 1024
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6)


if __name__ == "__main__":
    main()
