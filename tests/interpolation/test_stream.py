"""Streams at another rate: what is asked of the net, what is kept, what is held."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from frugal_motion.nodes.accelerator import Accelerator
from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.interpolation.interpolator import Between, NetInterpolator, flow_scale
from frugal_motion.nodes.interpolation.stream import InterpolatedStream
from frugal_motion.nodes.keyframes.keyframes import Keyframes
from frugal_motion.nodes.video.stream import CHUNK, ArrayStream, Frames, FrameStream, Waveform


@dataclass
class Blend:
    """Blends, and notes what it was asked."""

    prepared: list[int] = field(default_factory=list)
    asked: list[tuple[int, int, Fraction]] = field(default_factory=list)

    def prepare(self, frame: np.ndarray) -> np.ndarray:
        self.prepared.append(int(frame[0, 0, 0]))
        return frame

    def make(self, wanted: Sequence[Between[np.ndarray]]) -> Frames:
        self.asked += [(int(one.left[0, 0, 0]), int(one.right[0, 0, 0]), one.weight) for one in wanted]
        mixed = [one.left + (one.right.astype(float) - one.left) * float(one.weight) for one in wanted]
        return np.stack(mixed).round().astype(np.uint8)

    def flops_per_pixel(self) -> float:
        return 1.0


def ramp(count: int, step: int = 10) -> Frames:
    """Frame ``k`` is grey ``k * step``."""
    return np.broadcast_to((np.arange(count) * step).astype(np.uint8)[:, None, None, None], (count, 4, 6, 3)).copy()


def greys(stream: FrameStream, size: int = CHUNK) -> list[int]:
    return [int(frame[0, 0, 0]) for chunk in stream.chunks(size) for frame in chunk]


def interpolated(frames: Frames, plan: Keyframes, rate: int, blend: Blend | None = None) -> InterpolatedStream:
    return InterpolatedStream(ArrayStream(frames, plan.frame_rate), plan, Fraction(rate), blend or Blend())


def test_times_are_exact_and_the_end_is_held() -> None:
    stream = interpolated(ramp(12, 20), Keyframes.all_frames(12, Fraction(12)), 25)
    assert stream.info.frame_count == 25
    assert greys(stream) == [min(round(j * 12 / 25 * 20), 220) for j in range(25)]


def test_keyframes_are_kept_to_the_byte_and_cuts_are_held() -> None:
    frames = np.random.default_rng(0).integers(0, 255, (4, 4, 6, 3), np.uint8)
    blend = Blend()
    stream = interpolated(frames, Keyframes((0, 4, 5, 9), 10, Fraction(10), (5,)), 20, blend)
    made = np.concatenate(list(stream.chunks()))
    for frame, j in zip(frames, (0, 8, 10, 18), strict=True):
        assert np.array_equal(made[j], frame)
    assert np.array_equal(made[9], frames[1])  # between frames 4 and 5 lies a cut
    assert len({pair[:2] for pair in blend.asked}) == 2 and len(blend.asked) == 14


@settings(max_examples=50)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 60), st.integers(1, 9))
def test_chunks_are_as_large_as_asked_whatever_the_rates(count: int, source: int, target: int, size: int) -> None:
    stream = interpolated(ramp(count, 20), Keyframes.all_frames(count, Fraction(source)), target)
    lengths = [len(chunk) for chunk in stream.chunks(size)]
    assert sum(lengths) == stream.info.frame_count
    assert all(length == size for length in lengths[:-1]) and lengths[-1] <= size
    assert greys(stream, size) == greys(stream, CHUNK)


def test_a_lower_rate_than_the_sources_works() -> None:
    stream = interpolated(ramp(12), Keyframes.all_frames(12, Fraction(12)), 5)
    assert greys(stream) == [round(j * 12 / 5 * 10) for j in range(5)]


def test_equal_neighbours_cost_nothing_and_frames_are_prepared_once() -> None:
    frames = ramp(6)
    frames[2:4] = frames[1]
    blend = Blend()
    assert len(greys(interpolated(frames, Keyframes.all_frames(6, Fraction(6)), 24, blend))) == 24
    assert list(dict.fromkeys(pair[:2] for pair in blend.asked)) == [(0, 10), (10, 40), (40, 50)]
    assert len(blend.prepared) == 5  # 0, 10, then 10 again as another frame, 40, 50


def test_what_hardly_changes_is_blended_without_the_net() -> None:
    blend = Blend()
    stream = interpolated(ramp(3, 3), Keyframes.all_frames(3, Fraction(3)), 9, blend)
    assert greys(stream) == [0, 1, 2, 3, 4, 5, 6, 6, 6]
    assert blend.asked == blend.prepared == []


def test_frames_of_several_pairs_are_asked_for_together() -> None:
    class Counting(Blend):
        calls = 0

        def make(self, wanted: Sequence[Between[np.ndarray]]) -> Frames:
            self.calls += 1
            return super().make(wanted)

    blend = Counting()
    stream = interpolated(ramp(9, 20), Keyframes.all_frames(9, Fraction(12)), 24, blend)
    assert greys(stream, 8) == [min(10 * frame, 160) for frame in range(18)]
    assert (blend.calls, len(blend.asked)) == (2, 8), "the last chunk has a frame after the last keyframe"


def test_a_much_lower_rate_holds_only_what_is_shown() -> None:
    source = ArrayStream(ramp(200, 1), Fraction(100))
    stream = InterpolatedStream(source, Keyframes.all_frames(200, Fraction(100)), Fraction(2), Blend())
    assert greys(stream, 2) == [0, 50, 100, 150]


def test_the_source_is_read_no_further_than_needed() -> None:
    class Watched(ArrayStream):
        read = 0

        def chunks(self, size: int = CHUNK) -> Iterator[Frames]:
            for chunk in super().chunks(size):
                self.read += len(chunk)
                yield chunk

    source = Watched(ramp(200, 1), Fraction(10))
    stream = InterpolatedStream(source, Keyframes.all_frames(200, Fraction(10)), Fraction(20), Blend())
    next(iter(stream.chunks(4)))
    assert source.read <= CHUNK


def test_audio_is_cut_to_the_pictures() -> None:
    audio = Waveform(np.zeros((2, 16000), np.float32), 8000)
    plan = Keyframes.all_frames(12, Fraction(12))
    stream = InterpolatedStream(ArrayStream(ramp(12), Fraction(12)), plan, Fraction(25), Blend(), audio)
    assert isinstance(stream.audio, Waveform)
    assert stream.audio.samples.shape == (2, 8000)


def test_another_number_of_frames_than_keyframes_is_refused() -> None:
    with pytest.raises(InputError, match="3 frames for 2 keyframes"):
        interpolated(ramp(3), Keyframes((0, 4), 5, Fraction(5)), 25)


class TimeNet(torch.nn.Module):
    """Gives the time back as grey; runs out of memory above ``most`` rows."""

    pad_align = 8

    def __init__(self, most: int = 100) -> None:
        super().__init__()
        self.most, self.batches = most, []

    def memory_used_forward(self, shape: tuple[int, ...], dtype: torch.dtype) -> float:
        return 1.0

    def extract_features(self, img: torch.Tensor) -> torch.Tensor:
        assert img.shape[2] % 8 == img.shape[3] % 8 == 0
        return img

    def forward(
        self, img0: torch.Tensor, img1: torch.Tensor, timestep: torch.Tensor, cache: dict[str, torch.Tensor]
    ) -> torch.Tensor:
        self.batches.append(len(img0))
        if len(img0) > self.most:
            raise torch.cuda.OutOfMemoryError
        assert torch.equal(cache["img0"].expand_as(img0), img0) and torch.equal(cache["img1"].expand_as(img1), img1)
        return timestep.expand_as(img0)


class FilmLike(TimeNet):
    """ComfyUI's FILM: no alignment, several times in one call, features that are no tensor."""

    pad_align = 1

    def extract_features(self, img: torch.Tensor) -> tuple[list[torch.Tensor], str]:  # type: ignore[override]
        return [img], "pyramid"

    def forward_multi_timestep(
        self, img0: torch.Tensor, img1: torch.Tensor, timesteps: list[float], cache: dict[str, object]
    ) -> torch.Tensor:
        assert len(img0) == len(img1) == 1
        assert cache["img0"][1] == cache["img1"][1] == "pyramid"  # type: ignore[index]
        return torch.tensor(timesteps).view(-1, 1, 1, 1).expand(-1, *img0.shape[1:])


class Batching(Accelerator):
    """Computes on the CPU, but in batches, as a GPU would."""

    @property
    def is_cpu(self) -> bool:
        return False


WEIGHTS = [Fraction(k, 10) for k in range(1, 10)]


def made_by(net: TimeNet, on: Accelerator) -> list[int]:
    interpolator = NetInterpolator(net, on)
    left, right = (interpolator.prepare(frame) for frame in ramp(2, 200))
    made = interpolator.make([Between(left, right, weight) for weight in WEIGHTS])
    assert made.shape == (9, 4, 6, 3)
    return [int(frame[0, 0, 0]) for frame in made]


EXPECTED = [round(float(weight) * 255) for weight in WEIGHTS]


def test_a_cpu_takes_times_one_by_one_and_a_gpu_together() -> None:
    alone, together = TimeNet(), TimeNet()
    assert made_by(alone, Accelerator()) == EXPECTED
    assert made_by(together, Batching()) == EXPECTED
    assert alone.batches == [1] * 9
    assert together.batches == [9]


def test_a_batch_that_does_not_fit_is_halved_and_stays_so() -> None:
    net, released = TimeNet(most=4), []
    assert made_by(net, Batching(release=lambda: released.append(True))) == EXPECTED
    assert net.batches == [9, 4, 4, 1]
    assert released == [True]


def test_one_frame_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(torch.cuda.OutOfMemoryError):
        made_by(TimeNet(most=0), Batching())


def test_the_batch_follows_free_memory() -> None:
    net = TimeNet()
    assert made_by(net, Batching(free_memory=lambda: 2.5)) == EXPECTED
    assert net.batches == [2, 2, 2, 2, 1]


def test_film_gets_all_times_of_a_pair_at_once() -> None:
    assert made_by(FilmLike(), Batching()) == EXPECTED


@pytest.mark.parametrize("kind", [TimeNet, FilmLike])
def test_several_pairs_in_a_batch(kind: type[TimeNet]) -> None:
    net = kind()
    interpolator = NetInterpolator(net, Batching())
    a, b, c = (interpolator.prepare(frame) for frame in ramp(3, 80))
    wanted = [Between(a, b, Fraction(1, 4)), Between(a, b, Fraction(3, 4)), Between(b, c, Fraction(1, 2))]
    assert [int(frame[0, 0, 0]) for frame in interpolator.make(wanted)] == [64, 191, 128]
    assert net.batches == ([3] if kind is TimeNet else [])


@pytest.mark.parametrize(
    ("height", "width", "scale"), [(512, 512, 1), (1080, 1920, 0.5), (1536, 864, 1), (2160, 3840, 0.25)]
)
def test_large_pictures_are_searched_at_a_lower_resolution(height: int, width: int, scale: float) -> None:
    assert flow_scale(height, width) == scale


def test_cancelling_stops_before_the_next_batch() -> None:
    class Cancelled(Exception):
        pass

    net = TimeNet()

    def load(memory: float) -> None:
        if len(net.batches) == 3:
            raise Cancelled

    plan = Keyframes.all_frames(2, Fraction(1))
    interpolator = NetInterpolator(net, Accelerator(load=load))
    stream = InterpolatedStream(ArrayStream(ramp(2), Fraction(1)), plan, Fraction(10), interpolator)
    with pytest.raises(Cancelled):
        list(stream.chunks())
    assert net.batches == [1, 1, 1]
