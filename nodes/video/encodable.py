"""RGB frames to pictures in the pixel format of a codec."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from typing import TypeAlias

import av
import av.filter
import numpy as np

from .codecs import Codec
from .stream import Frames

Encodable: TypeAlias = tuple[list[av.VideoFrame], int]
"""A chunk's frames in the pixel format of a codec, and how many it had: some may be left out."""


def encodable(chunks: Iterator[Frames], codec: Codec, step: int) -> Iterator[Callable[[], Encodable]]:
    """For every chunk, work that makes it encodable."""
    graph: av.filter.Graph | None = None
    done = 0
    for chunk in chunks:
        kept = chunk[-done % step :: step]
        if graph is None and not codec.is_rgb:
            graph = _conversion(codec, *(side + padding(side, codec) for side in (chunk.shape[2], chunk.shape[1])))
        yield partial(_converted, kept, range(done, done + len(chunk)), codec, graph)
        done += len(chunk)


def _converted(frames: Frames, read: range, codec: Codec, graph: av.filter.Graph | None) -> Encodable:
    right, below = padding(frames.shape[2], codec), padding(frames.shape[1], codec)
    if right or below:
        frames = np.pad(frames, ((0, 0), (0, below), (0, right), (0, 0)), mode="edge")
    pictures = [av.VideoFrame.from_numpy_buffer(frame, format="rgb24") for frame in np.ascontiguousarray(frames)]
    if graph:
        pictures = [_through(graph, picture, number) for picture, number in zip(pictures, read, strict=False)]
    return pictures, len(read)


def _through(graph: av.filter.Graph, picture: av.VideoFrame, number: int) -> av.VideoFrame:
    picture.pts = number
    graph.vpush(picture)
    return graph.vpull()


def padding(side: int, codec: Codec) -> int:
    """Pixels by which a side is made longer: chroma of half the size needs even ones."""
    return 0 if codec.is_rgb or codec.is_palette else side % 2


def _conversion(codec: Codec, width: int, height: int) -> av.filter.Graph:
    return _to_palette(width, height) if codec.is_palette else _to_yuv(width, height, codec.pixel_format)


def _to_yuv(width: int, height: int, pixel_format: str) -> av.filter.Graph:
    graph = av.filter.Graph()
    source = graph.add_buffer(width=width, height=height, format="rgb24", time_base=Fraction(1, 1))  # type: ignore[arg-type]
    flags = "bicubic+accurate_rnd+full_chroma_inp"
    scale = graph.add("scale", in_range="pc", out_range="tv", out_color_matrix="bt709", flags=flags)
    graph.link_nodes(source, scale, graph.add("format", pixel_format), graph.add("buffersink")).configure()
    return graph


def _to_palette(width: int, height: int) -> av.filter.Graph:
    """Every frame with the 256 colours that suit it."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=width, height=height, format="rgb24", time_base=Fraction(1, 1))  # type: ignore[arg-type]
    split, palette = graph.add("split"), graph.add("palettegen", "stats_mode=single")
    use, sink = graph.add("paletteuse", "new=1:dither=sierra2_4a"), graph.add("buffersink")
    source.link_to(split)
    split.link_to(use, 0, 0)
    split.link_to(palette, 1, 0)
    palette.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    return graph
