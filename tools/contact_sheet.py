"""Pictures of a run: source, skeletons, keyframes and result side by side, as a sheet and as an animation.

Runs in the development environment: ``python -m tools.contact_sheet --help``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from nodes.video.decode import FileStream
from nodes.video.decode_settings import DecodeSettings

Picture = npt.NDArray[np.uint8]

CELL = 256
"""Height of a picture on the sheet."""
GAP = 6
LABEL = 22


def sheet(rows: Sequence[tuple[str, Sequence[Picture]]]) -> Picture:
    """Rows of pictures of one height, each under its title: RGB."""
    lines = [_line(title, [_fitted(picture, CELL) for picture in pictures]) for title, pictures in rows]
    width = max(line.shape[1] for line in lines)
    return np.concatenate([_padded(line, width) for line in lines])


def _line(title: str, pictures: Sequence[Picture]) -> Picture:
    gap = np.full((CELL, GAP, 3), 255, np.uint8)
    cells = np.concatenate([part for picture in pictures for part in (picture, gap)], axis=1)
    label = np.full((LABEL, cells.shape[1], 3), 255, np.uint8)
    cv2.putText(label, title, (4, LABEL - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (40, 40, 40), 1, cv2.LINE_AA)
    return np.concatenate((label, cells))


def _padded(line: Picture, width: int) -> Picture:
    return np.pad(line, ((0, 0), (0, width - line.shape[1]), (0, 0)), constant_values=255)


def _fitted(picture: Picture, height: int) -> Picture:
    """Scaled to a height; small pictures with sharp pixels, for they are to be judged."""
    width = round(picture.shape[1] * height / picture.shape[0])
    method = cv2.INTER_AREA if height < picture.shape[0] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, height), interpolation=method), np.uint8)


def animate(path: Path, streams: Sequence[FileStream], height: int = 360) -> None:
    """An endless WebP of videos side by side, at the last one's frame rate."""
    clips = [np.concatenate(list(stream.chunks())) for stream in streams]
    frames = [
        Image.fromarray(np.concatenate([_fitted(clip[min(index, len(clip) - 1)], height) for clip in clips], axis=1))
        for index in range(len(clips[-1]))
    ]
    duration = round(1000 / streams[-1].info.frame_rate)
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=duration, loop=0, quality=70, method=6)


def _read(paths: Sequence[Path]) -> list[Picture]:
    return [np.asarray(Image.open(path).convert("RGB")) for path in paths]


def _frames_at(stream: FileStream, times: Sequence[Fraction]) -> list[Picture]:
    last = stream.info.frame_count - 1
    return list(stream.frames_at([min(round(time * stream.info.frame_rate), last) for time in times]))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--result", type=Path, required=True)
    parser.add_argument("--skeletons", type=Path, nargs="+", required=True, help="pictures of the keyframes' poses")
    parser.add_argument("--keyframes", type=Path, nargs="+", required=True, help="the sampled pictures")
    parser.add_argument("--frame-rate", type=Fraction, required=True, help="of the grid that keyframes are planned on")
    parser.add_argument("--frames", type=int, nargs="+", required=True, help="the keyframes on that grid")
    parser.add_argument("--output", type=Path, required=True, metavar="PNG")
    parser.add_argument("--animation", type=Path, metavar="WEBP")
    options = parser.parse_args()
    grid = FileStream(options.source, DecodeSettings(frame_rate=options.frame_rate))
    times = [frame / options.frame_rate for frame in options.frames]
    result = FileStream(options.result)
    rows = (
        ("source", _frames_at(grid, times)),
        ("skeletons: found, smoothed, drawn", _read(options.skeletons)),
        ("keyframes: the only frames that were sampled", _read(options.keyframes)),
        ("result: upscaled, interpolated", _frames_at(result, times)),
    )
    Image.fromarray(sheet(rows)).save(options.output, optimize=True)
    if options.animation:
        source = FileStream(options.source, DecodeSettings(frame_rate=result.info.frame_rate))
        animate(options.animation, (source, result))


if __name__ == "__main__":
    main()
