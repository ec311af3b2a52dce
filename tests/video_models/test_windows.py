"""Long clips in windows: spans, what is cut, what is held, and how windows are joined."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import comfy.sample
import pytest
import torch
from comfy_extras import nodes_wan
from hypothesis import given
from hypothesis import strategies as st

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.sampling.node.batch_sampler import FrugalBatchSampler
from frugal_motion.nodes.sampling.request_sampler import drawn_noise, sample_requests
from frugal_motion.nodes.sampling.requests import Request, StepSettings
from frugal_motion.nodes.sampling.window_conditioning import references_in_front
from frugal_motion.nodes.sampling.windows import Windows, matched, sample_in_windows, window_spans

from . import nets

WIDTH, HEIGHT = 64, 48
WINDOWS = Windows(5, 2)
SETTINGS = StepSettings(2, 3.0, "euler", "simple")


@pytest.fixture(autouse=True)
def _no_autograd() -> Iterator[None]:
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def vae() -> Any:
    return nets.vae()


def random(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def text(seed: int) -> Any:
    return [[random(1, 7, 4096, seed=seed), {}]]


def video(frames: int, seed: int) -> torch.Tensor:
    return torch.rand(frames, HEIGHT, WIDTH, 3, generator=torch.Generator().manual_seed(seed))


def t2v(frames: int, vae: Any, seed: int = 1) -> Request:
    latent = torch.zeros(1, 16, (frames - 1) // 4 + 1, HEIGHT // 8, WIDTH // 8)
    return Request(text(seed), text(seed + 50), {"samples": latent}, seed)


def vace(frames: int, vae: Any, seed: int = 1) -> Request:
    made = nodes_wan.WanVaceToVideo.execute(
        text(seed),
        text(seed + 50),
        vae,
        WIDTH,
        HEIGHT,
        frames,
        1,
        1.0,
        control_video=video(frames, seed),
        reference_image=video(1, seed + 9),
    )
    return Request(*made.args[:3], seed)


def fun_control(frames: int, vae: Any, seed: int = 1) -> Request:
    made = nodes_wan.WanFunControlToVideo.execute(
        text(seed), text(seed + 50), vae, WIDTH, HEIGHT, frames, 1, control_video=video(frames, seed)
    )
    return Request(*made.args, seed)


def fun22_control(frames: int, vae: Any, seed: int = 1) -> Request:
    made = nodes_wan.Wan22FunControlToVideo.execute(
        text(seed),
        text(seed + 50),
        vae,
        WIDTH,
        HEIGHT,
        frames,
        1,
        ref_image=video(1, seed + 9),
        control_video=video(frames, seed),
    )
    return Request(*made.args, seed)


def animate(frames: int, vae: Any, seed: int = 1, face: bool = False) -> Request:
    # The net looks at faces of 512 x 512 pixels: too much work for most tests.
    made = nodes_wan.WanAnimateToVideo.execute(
        text(seed),
        text(seed + 50),
        vae,
        WIDTH,
        HEIGHT,
        frames,
        1,
        5,
        0,
        reference_image=video(1, seed + 9),
        face_video=video(frames, seed + 1) if face else None,
        pose_video=video(frames, seed + 2),
    )
    return Request(*made.args[:3], seed)


MAKERS: dict[str, Callable[..., Request]] = {
    "t2v": t2v,
    "vace": vace,
    "fun_control": fun_control,
    "fun22_control": fun22_control,
    "animate": animate,
}
REFERENCES = {"vace": 1, "animate": 1}


def stock_noise(request: Request) -> torch.Tensor:
    noise: torch.Tensor = comfy.sample.prepare_noise(request.latent["samples"], request.seed)
    return noise


def in_windows(model: Any, requests: Sequence[Request], windows: Windows, seen: list[Any] | None = None) -> Any:
    def sample(given: Sequence[Request]) -> Any:
        results = sample_requests(model, given, SETTINGS)
        if seen is not None:
            seen.append((given, results))
        return results

    blank = lambda latent: model.model.process_latent_out(torch.zeros_like(latent))  # noqa: E731
    return sample_in_windows(requests, windows, sample, lambda one: drawn_noise(one, one.latent["samples"]), blank)


@given(total=st.integers(1, 200), length=st.integers(2, 30), part=st.floats(0, 1))
def test_spans_cover_a_clip_and_end_with_it(total: int, length: int, part: float) -> None:
    overlap = int(part * (length - 1))
    spans = window_spans(total, Windows(length, overlap))
    assert spans[0].start == 0
    assert spans[-1].stop == total
    assert {len(span) for span in spans} == {min(length, total)}
    for before, after in pairwise(spans):
        assert before.start < after.start
        assert before.stop - after.start >= overlap
    if len(spans) > 1:  # one window less could not do it
        assert (len(spans) - 1) * (length - overlap) + overlap < total


def test_windows_are_told_in_frames() -> None:
    assert Windows.of_frames(81, 16) == Windows(21, 4)
    assert [(span.start, span.stop) for span in window_spans(41, Windows.of_frames(81, 16))] == [
        (0, 21),
        (10, 31),
        (20, 41),
    ]


@pytest.mark.parametrize(
    ("window", "overlap", "error"),
    [
        (80, 16, r"window: found 80; allowed: 4n \+ 1 frames, or 0 for the whole clip. 77 is one."),
        (1, 0, "window: found 1"),
        (81, 84, "overlap: found 84; allowed: 0 to 80"),
        (81, 6, "overlap: found 6"),
    ],
)
def test_other_numbers_are_refused(window: int, overlap: int, error: str) -> None:
    with pytest.raises(InputError, match=error):
        Windows.of_frames(window, overlap)


def plain(frames: int, seed: int = 1) -> Request:
    return t2v(frames, None, seed)


def truth_of(request: Request) -> torch.Tensor:
    return random(*request.latent["samples"].shape, seed=request.seed + 100)


class Fake:
    """In place of a sampler: gives what lies at the window's place in a clip that is known."""

    def __init__(self, requests: Sequence[Request], change: Callable[[torch.Tensor, int], torch.Tensor]) -> None:
        self.change, self.turn = change, 0
        self.truths = [truth_of(request) for request in requests]
        self.noises = [stock_noise(request) for request in requests]
        self.given: list[Sequence[Request]] = []

    def __call__(self, given: Sequence[Request]) -> list[Any]:
        self.given.append(given)
        self.turn += 1
        return [self.change(self._there(one), self.turn - 1) for one in given]

    def _there(self, one: Request) -> torch.Tensor:
        assert one.noise is not None
        length = one.noise.shape[2]
        for noise, truth in zip(self.noises, self.truths, strict=True):
            for start in range(noise.shape[2] - length + 1):
                if torch.equal(noise[:, :, start : start + length], one.noise):
                    return truth[:, :, start : start + length]
        raise AssertionError("the noise is not that of the whole clip")


@pytest.mark.parametrize("frames", [21, 25, 41, 61])
@pytest.mark.parametrize("windows", [Windows(5, 0), Windows(5, 1), Windows(5, 2), Windows(5, 4), Windows(4, 3)])
def test_windows_of_the_truth_are_the_truth(frames: int, windows: Windows) -> None:
    request = plain(frames)
    fake = Fake([request], lambda there, _: there)
    (found,) = sample_in_windows([request], windows, fake, stock_noise)
    assert torch.equal(found, truth_of(request))


def test_colours_of_a_window_are_brought_to_those_before_it() -> None:
    request = plain(61)
    gain, shift = 1 + 0.2 * random(16, seed=3).tanh(), 0.4 * random(16, seed=4).tanh()

    def faded(there: torch.Tensor, turn: int) -> torch.Tensor:
        return there * gain[:, None, None, None] ** turn + turn * shift[:, None, None, None] if turn < 2 else there

    truth = truth_of(request)
    fake = Fake([request], faded)
    (found,) = sample_in_windows([request], WINDOWS, fake, stock_noise)
    assert torch.allclose(found, truth, atol=1e-4)
    spans = window_spans(16, WINDOWS)
    raw = faded(truth[:, :, spans[1].start : spans[1].stop], 1)
    assert not torch.allclose(raw, truth[:, :, spans[1].start : spans[1].stop], atol=0.1)


def test_colours_are_changed_within_limits() -> None:
    fresh = random(1, 2, 3, 8, 8, seed=1)
    before = 3 * fresh[:, :, :2] + 5
    found = matched(fresh, before, slice(0, 2))
    assert torch.allclose(found.std((2, 3, 4)), fresh.std((2, 3, 4)) * 1.25)
    shift = found[:, :, :2].mean((2, 3, 4)) - fresh[:, :, :2].mean((2, 3, 4))
    assert torch.allclose(shift, 0.5 * before.std((2, 3, 4), unbiased=False), rtol=1e-4)


def test_colours_of_what_is_masked_stay() -> None:
    fresh = random(1, 2, 3, 8, 8, seed=1)
    mask = torch.zeros(1, 1, 3, 8, 8)
    mask[..., :4] = 1
    before = fresh[:, :, :2] * 1.1 + 0.1
    found = matched(fresh, before, slice(0, 2), mask)
    assert torch.equal(found[..., 4:], fresh[..., 4:])
    assert torch.allclose(found[:, :, :2, :, :4], before[..., :4], atol=1e-5)


def test_windows_begin_with_what_the_window_before_made() -> None:
    request = plain(41)  # 11 latents in 3 windows
    windows = Windows(6, 3)
    fake = Fake([request], lambda there, turn: there + turn)
    (found,) = sample_in_windows([request], windows, fake, stock_noise, lambda latent: latent + 7)
    spans = window_spans(11, windows)
    assert len(spans) == 3
    for turn, (before, after) in enumerate(pairwise(spans), 1):
        held = before.stop - after.start - 1  # a third of the overlap that was asked for is free
        (window,) = fake.given[turn]
        mask = window.latent["noise_mask"]
        assert not mask[:, :, :held].any()
        assert mask[:, :, held:].all()
        samples = window.latent["samples"]
        assert torch.equal(samples[:, :, :held], found[:, :, after.start : after.start + held])
        assert (samples[:, :, held:] == 7).all()  # how the model writes down an empty latent
    assert "noise_mask" not in fake.given[0][0].latent


def test_a_mask_of_the_user_holds_in_every_window() -> None:
    request = plain(41)
    mask = torch.zeros(11, HEIGHT // 8, WIDTH // 8)
    mask[:, :, 4:] = 1
    source = random(1, 16, 11, HEIGHT // 8, WIDTH // 8, seed=8)
    request = replace(request, latent={"samples": source, "noise_mask": mask})
    windows = Windows(6, 2)

    def sample(given: Sequence[Request]) -> Any:
        made = [one.latent["samples"] for one in given]
        masks = [one.latent["noise_mask"] for one in given]
        return [m * random(*s.shape, seed=len(made)) + (1 - m) * s for s, m in zip(made, masks, strict=True)]

    (found,) = sample_in_windows([request], windows, sample, stock_noise)
    assert torch.equal(found[..., :4], source[..., :4])
    assert not torch.allclose(found[..., 4:], source[..., 4:], atol=0.1)


@pytest.mark.parametrize("kind", MAKERS)
def test_clips_of_one_window_are_sampled_as_they_are(kind: str, vae: Any) -> None:
    request = MAKERS[kind](17, vae)
    given: list[Request] = []
    sample_in_windows([request], Windows(5, 2), lambda some: given.extend(some) or [torch.zeros(1)], stock_noise)
    assert given == [request]


@pytest.mark.parametrize("kind", MAKERS)
def test_windows_of_nets(kind: str, vae: Any) -> None:
    model, request = nets.model(kind), MAKERS[kind](41, vae)
    front = REFERENCES.get(kind, 0)
    assert references_in_front(request) == front
    seen: list[Any] = []
    windows = Windows(6, 2)
    (found,) = in_windows(model, [request], windows, seen)
    assert isinstance(found, torch.Tensor), found
    assert found.shape == request.latent["samples"].shape
    assert torch.isfinite(found).all()
    assert {result.shape[2] for _, results in seen for result in results} == {6 + front}
    # The first window is the stock sampler's, for a clip that ends with it.
    assert torch.equal(found[:, :, : front + 5], seen[0][1][0][:, :, : front + 5])
    # What is held comes out of the net as it went in, but for rounding.
    spans = window_spans(11, windows)
    held = spans[0].stop - spans[1].start - 1
    first = slice(front + spans[1].start, front + spans[1].start + held)
    assert torch.allclose(seen[1][1][0][:, :, front : front + held], found[:, :, first], atol=1e-4)
    frames = vae.decode(found[:, :, front:])
    assert frames.shape[1] == 41


def test_a_window_of_animate_sees_its_part_of_everything(vae: Any) -> None:
    request = animate(41, vae, face=True)
    given: list[Request] = []

    def sample(some: Sequence[Request]) -> Any:
        given.extend(some)
        return [one.noise for one in some]

    sample_in_windows([request], Windows(6, 2), sample, stock_noise)
    span = window_spans(11, Windows(6, 2))[1]
    whole, part = request.positive[0][1], given[1].positive[0][1]
    assert torch.equal(part["pose_video_latent"], whole["pose_video_latent"][:, :, span.start : span.stop])
    faces = part["face_video_pixels"]
    assert faces.shape[2] == 4 * 5 + 1
    assert torch.equal(faces, whole["face_video_pixels"][:, :, 4 * span.start : 4 * span.stop - 3])
    image, mask = part["concat_latent_image"], part["concat_mask"]
    assert torch.equal(image[:, :, 0], whole["concat_latent_image"][:, :, 0])
    held = int((given[1].latent["noise_mask"][0, 0, :, 0, 0] == 0).sum())
    assert held == 3 == int((mask[0, 0, 1:, 0, 0] == 0).sum())
    assert torch.equal(image[:, :, 1 : 1 + held], given[1].latent["samples"][:, :, 1 : 1 + held])


def test_faces_may_lack_what_the_length_was_rounded_up_by(vae: Any) -> None:
    """A clip of 38 frames is sampled as one of 41: the last face is held."""
    request = animate(41, vae, face=True)
    given: list[Request] = []

    def sample(some: Sequence[Request]) -> Any:
        given.extend(some)
        return [one.noise for one in some]

    def with_faces(frames: int) -> Request:
        ((words, options),) = request.positive
        faces = options["face_video_pixels"][:, :, :frames]
        return replace(request, positive=[[words, {**options, "face_video_pixels": faces}]])

    whole = request.positive[0][1]["face_video_pixels"]
    sample_in_windows([with_faces(38)], Windows(6, 2), sample, stock_noise)
    last = given[-1].positive[0][1]["face_video_pixels"]
    assert torch.equal(last[:, :, :18], whole[:, :, 20:38])
    assert torch.equal(last[:, :, 18:], whole[:, :, [37, 37, 37]])
    (error,) = sample_in_windows([with_faces(37)], Windows(6, 2), sample, stock_noise)
    assert "face_video_pixels of 37; allowed: 41" in str(error)


def test_a_pose_as_long_as_the_latent_has_no_reference_in_front() -> None:
    """As SCAIL has it: its references are elsewhere, and its poses are half as large."""
    pose = random(1, 16, 11, 3, 4, seed=5)
    request = replace(plain(41), positive=[[random(1, 7, 4096, seed=1), {"pose_video_latent": pose}]])
    fake = Fake([request], lambda there, _: there)
    (found,) = sample_in_windows([request], Windows(6, 2), fake, stock_noise)
    assert torch.equal(found, truth_of(request))
    for span, (window,) in zip(window_spans(11, Windows(6, 2)), fake.given, strict=True):
        assert torch.equal(window.positive[0][1]["pose_video_latent"], pose[:, :, span.start : span.stop])


@pytest.mark.parametrize("masked", [False, True])
def test_a_window_of_vace_is_given_what_is_made(vae: Any, masked: bool) -> None:
    """As WanVaceToVideo does it for frames that stay: they come first, grey stands for what would be made of them."""
    request = vace(41, vae)
    frames, masks = (request.positive[0][1][name] for name in ("vace_frames", "vace_mask"))
    if masked:  # something of every frame stays
        masks[0][..., :2] = 0
    given: list[Request] = []

    def sample(some: Sequence[Request]) -> Any:
        given.extend(some)
        return [one.noise for one in some]

    sample_in_windows([request], Windows(6, 2), sample, stock_noise)
    span = window_spans(11, Windows(6, 2))[1]
    rows = [0, *range(1 + span.start, 1 + span.stop)]
    (part,), (mask,) = (given[1].positive[0][1][name] for name in ("vace_frames", "vace_mask"))
    assert torch.equal(part[:, :, 4:], frames[0][:, :, rows][:, :, 4:])
    assert torch.equal(part[:, :, 0], frames[0][:, :, 0])
    if masked:
        assert torch.equal(part, frames[0][:, :, rows])
        assert torch.equal(mask, masks[0][:, :, rows])
        return
    assert torch.equal(part[:, :16, 1:4], given[1].latent["samples"][:, :, 1:4])
    assert torch.equal(part[:, 16:, 1:4], frames[0][:, :16, rows][:, :, 1:4])
    assert [int(one) for one in mask[0, 0, :, 0, 0]] == [0, 0, 0, 0, 1, 1, 1]


def test_the_same_windows_of_several_clips_share_batches(vae: Any) -> None:
    model = nets.model("vace")
    clips = [vace(41, vae, seed=1), vace(21, vae, seed=2), vace(41, vae, seed=3)]
    seen: list[Any] = []
    together = in_windows(model, clips, Windows(6, 2), seen)
    assert [len(given) for given, _ in seen] == [3, 2, 2]
    for clip, found in zip(clips, together, strict=True):
        (alone,) = in_windows(model, [clip], Windows(6, 2))
        assert (found - alone).norm() / alone.norm() < 1e-4


@pytest.mark.parametrize("kind", MAKERS)
def test_rows_of_a_latent_come_out_as_alone(kind: str, vae: Any) -> None:
    model, one = nets.model(kind), MAKERS[kind](25, vae)
    latent = one.latent["samples"]
    noise = random(2, *latent.shape[1:], seed=6)
    both = replace(one, latent={"samples": latent.repeat(2, 1, 1, 1, 1)}, noise=noise)
    (found,) = in_windows(model, [both], Windows(5, 2))
    assert isinstance(found, torch.Tensor), found
    for row in range(2):
        (alone,) = in_windows(model, [replace(one, noise=noise[row : row + 1])], Windows(5, 2))
        assert (found[row] - alone[0]).norm() / alone.norm() < 1e-4


def test_a_clip_that_fails_takes_no_other_with_it() -> None:
    clips = [plain(41, seed=1), plain(41, seed=100)]
    error = RuntimeError("out of luck")
    fake = Fake(clips, lambda there, _: there)

    def sample(given: Sequence[Request]) -> Any:
        # Seeds go on from window to window, so that this is the second one of the second clip.
        return [error if one.seed == 101 else found for one, found in zip(given, fake(given), strict=True)]

    found = sample_in_windows(clips, Windows(6, 2), sample, stock_noise)
    assert torch.equal(found[0], truth_of(clips[0]))
    assert found[1] is error
    assert [len(given) for given in fake.given] == [2, 2, 1]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"keyframe_idxs": torch.zeros(1, 3, 32)}, "positive: found keyframe_idxs"),
        ({"control": object()}, "positive: found control"),
        ({"vace_frames": [torch.zeros(1, 32, 9, 6, 8)]}, "positive: found vace_frames of 9; allowed: 11"),
    ],
)
def test_what_cannot_be_cut_is_refused_before_sampling(options: dict[str, Any], error: str) -> None:
    request = plain(41)
    request = replace(request, positive=[[request.positive[0][0], options]])
    (found,) = sample_in_windows([request], Windows(6, 2), pytest.fail, stock_noise)
    with pytest.raises(InputError, match=error):
        raise found


def test_latents_of_pictures_are_refused() -> None:
    request = replace(plain(41), latent={"samples": torch.zeros(1, 4, 8, 8)})
    (found,) = sample_in_windows([request], Windows(6, 2), pytest.fail, stock_noise)
    assert str(found).startswith("window: found the latent of a picture")


def node(model: Any, requests: Sequence[Request], **more: list[Any]) -> list[Any]:
    made = FrugalBatchSampler.execute(
        model=[model],
        seed=[request.seed for request in requests],
        steps=[2],
        cfg=[3.0],
        sampler_name=["euler"],
        scheduler=["simple"],
        positive=[request.positive for request in requests],
        negative=[request.negative for request in requests],
        latent_image=[request.latent for request in requests],
        denoise=[1.0],
        **more,
    )
    found: list[Any] = made.args[0]
    return found


def test_the_node_samples_long_clips_in_windows(vae: Any) -> None:
    model, clips = nets.model("vace"), [vace(41, vae, seed=1), vace(17, vae, seed=2)]
    found = node(model, clips, window=[21], overlap=[4])
    for clip, latent, frames in zip(clips, found, (41, 17), strict=True):
        assert latent["samples"].shape == clip.latent["samples"].shape
        assert vae.decode(latent["samples"][:, :, 1:]).shape[1] == frames
    whole = node(model, clips)
    assert torch.allclose(found[1]["samples"], whole[1]["samples"], atol=1e-4)
    assert not torch.allclose(found[0]["samples"], whole[0]["samples"], atol=0.1)


def test_a_window_as_long_as_the_clip_changes_nothing(vae: Any) -> None:
    model, clip = nets.model("vace"), vace(17, vae)
    (found,), (whole,) = node(model, [clip], window=[17], overlap=[8]), node(model, [clip])
    assert torch.equal(found["samples"], whole["samples"])


def test_windows_are_for_nets_of_wan() -> None:
    request = Request(text(1), text(2), {"samples": torch.zeros(1, 128, 11, 4, 4)})
    with pytest.raises(InputError, match="window: found a model of LTXVModel; allowed: models of Wan"):
        node(nets.model("ltxv"), [request], window=[21], overlap=[4])
