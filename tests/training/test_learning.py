"""Nets and trainers of the demo model."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import comfy.sd
import numpy as np
import pytest
import torch
from torch import nn

from frugal_motion.training import diffusion, drawn_pictures, export, loop, networks, text, training_stages
from frugal_motion.training.locator import KINDS, SIZE, STRIDE, correct_joints, heat_maps, locate
from frugal_motion.training.mixed_precision import MixedPrecision, schedule
from frugal_motion.training.picture_latents import Latents, crop_corner
from frugal_motion.training.poses import random_people

from ..conftest import ROOT

MODEL = ROOT / "training" / "model"


def test_our_shortcut_is_what_comfyuis_text_encoder_computes() -> None:
    state = {name.removeprefix("transformer."): value for name, value in text.weights().items()}
    clip = comfy.sd.load_text_encoder_state_dicts([state])
    for prompt in ("a neon robot at night", "", "wooden mannequin, best quality, masterpiece on the beach"):
        with torch.inference_mode():
            wanted = clip.encode_from_tokens_scheduled(clip.tokenize(prompt))[0][0]
        assert (text.embed(text.tokenize([prompt])) - wanted).abs().max() < 1e-3
    robot, mannequin = text.embed(text.tokenize(["a neon robot", "a wooden mannequin"]))[:, -1]
    assert torch.cosine_similarity(robot, mannequin, dim=0) < 0.7, "padding carries the words"


@pytest.fixture(scope="module")
def nets() -> tuple[Any, Any]:
    return networks.build(seed=0)


def batch(count: int = 2) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(1)
    times = torch.tensor([999.0, 20.0])[:count]
    return torch.randn(count, 4, 8, 12), torch.rand(count, 3, 64, 96), times, torch.randn(count, 77, 768)


def test_the_forward_for_training_is_comfyuis(nets: tuple[Any, Any]) -> None:
    unet, control_net = nets
    noisy, hint, times, context = batch()
    with torch.inference_mode():
        residuals = control_net(noisy, hint, times, context)
        control = {"middle": residuals["middle"], "output": list(residuals["output"])}
        wanted = unet(noisy, times, context, control=control)
        assert torch.equal(networks.predict(unet, control_net, noisy, hint, times, context), wanted)
        without = networks.predict(unet, control_net, noisy, hint, times, context, torch.zeros(2, 1, 1, 1))
        assert torch.equal(without, unet(noisy, times, context))


def test_before_training_the_net_answers_with_its_input(nets: tuple[Any, Any]) -> None:
    noisy, hint, times, context = batch()
    with torch.inference_mode():
        answer = networks.predict(*nets, noisy, hint, times, context, torch.zeros(2, 1, 1, 1))
    assert (answer - noisy).std() < 0.15


def test_noise_levels_are_stable_diffusions() -> None:
    from comfy.model_sampling import ModelSamplingDiscrete

    assert torch.allclose(diffusion.sigmas(), ModelSamplingDiscrete().sigmas, rtol=1e-4)


class Line(nn.Module):
    """Something quick to learn: 20 numbers to 20."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.inner = nn.Linear(20, 20)


class LineTrainer:
    def __init__(self, steps: int) -> None:
        self.steps, self.net = steps, Line().bfloat16()
        self.optimiser = MixedPrecision((self.net,), 2e-2)

    def step(self, index: int) -> dict[str, float]:
        torch.manual_seed(index)
        inputs = torch.randn(32, 20)
        loss = ((self.net.inner(inputs.bfloat16()).float() - inputs.flip(1)) ** 2).mean()
        self.optimiser.step(loss, schedule(index, self.steps, 5))
        return {"loss": loss.item()}

    def state_dict(self) -> dict[str, Any]:
        return self.optimiser.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.optimiser.load_state_dict(state)


def test_training_learns_and_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    whole = LineTrainer(200)
    losses = [whole.step(index)["loss"] for index in range(200)]
    assert losses[-1] < 0.05 * losses[0]

    class Stopped(Exception):
        pass

    def stop(step: int) -> None:
        if step == 100:
            raise Stopped

    with pytest.raises(Stopped):
        loop.run(LineTrainer(200), tmp_path, "line", every=50, on_checkpoint=stop)
    resumed = LineTrainer(200)
    loop.run(resumed, tmp_path, "line", every=50)
    assert torch.equal(resumed.net.inner.weight, whole.net.inner.weight)
    assert len((tmp_path / "line.jsonl").read_text().splitlines()) == 4


def test_averaged_weights_come_and_go() -> None:
    trainer = LineTrainer(50)
    for index in range(50):
        trainer.step(index)
    trained = trainer.net.inner.weight.clone()
    trainer.optimiser.use_averaged()
    assert not torch.equal(trainer.net.inner.weight, trained)
    trainer.optimiser.use_trained()
    assert torch.equal(trainer.net.inner.weight, trained)


@pytest.fixture(scope="module")
def latents(tmp_path_factory: pytest.TempPathFactory) -> Latents:
    wanted = drawn_pictures.PictureSet(128, 128, 12, 1.0)
    drawn = drawn_pictures.make(tmp_path_factory.mktemp("pictures"), wanted, seed=1, workers=1)
    return Latents.of(torch.randn(12, 4, 16, 16), drawn, 1.0)


@pytest.mark.slow
def test_a_diffusion_step_changes_both_nets_and_can_be_repeated(latents: Latents) -> None:
    before = networks.build(0)
    trainers = [diffusion.DiffusionTrainer([latents], steps=4, rate=1e-3, cells=512, crops=0.5) for _ in range(2)]
    metrics = [[trainer.step(index) for index in (0, 2)] for trainer in trainers]
    assert metrics[0][0]["loss"] == metrics[1][0]["loss"]
    assert [m["pictures"] for m in metrics[0]] == [8, 2], "crops first, then whole pictures"
    for net, old in zip((trainers[0].unet, trainers[0].control_net), before, strict=True):
        assert not torch.equal(
            net.input_blocks[1][0].in_layers[2].weight.float(), old.input_blocks[1][0].in_layers[2].weight
        )


def test_a_place_without_a_name_is_mostly_not_named() -> None:
    prompts, random = diffusion.Prompts(seed=0), np.random.default_rng(3)
    unnamed = [prompts.sample(random, 1, None) for _ in range(400)]
    assert len(unnamed) == 400
    of_robot = prompts._first[1, None]
    alone = prompts._embeddings[of_robot : of_robot + diffusion.CAPTIONS]
    share = sum(any(torch.equal(one, other) for other in alone) for one in unnamed) / 400
    assert 0.5 < share < 0.8, "the figure alone; else a place that is not there, or nothing"


def test_where_nothing_is_redrawn_nothing_counts() -> None:
    torch.manual_seed(0)
    wrong, sigma, masks = torch.rand(3, 4, 8, 8), torch.full((3, 1, 1, 1), 2.0), torch.rand(3, 1, 8, 8)
    regions = torch.zeros(3, 1, 8, 8)
    regions[..., :3] = 1
    inside = diffusion.loss_of(wrong[..., :3], sigma, masks[..., :3], torch.ones(3, 1, 8, 3))
    assert torch.allclose(diffusion.loss_of(wrong, sigma, masks, regions), inside)
    assert diffusion.loss_of(wrong, sigma, masks, torch.zeros_like(regions)) == 0, "and no division by nothing"


@pytest.mark.slow
def test_going_on_from_a_model_its_controlnet_stays(latents: Latents) -> None:
    unet, control_net = networks.build(0)
    before = {name: value.clone() for name, value in control_net.state_dict().items()}
    trainer = diffusion.DiffusionTrainer(
        [latents], steps=4, rate=1e-2, cells=512, crops=0, start=(unet, control_net), rounding=export.rounded
    )
    trainer.step(0)
    after = trainer.control_net.state_dict()  # in bfloat16, where the CPU has it
    assert all(torch.equal(value, before[name].to(value.dtype)) for name, value in after.items())
    learned = trainer.unet.input_blocks[1][0].in_layers[2].weight
    assert torch.equal(learned, learned.to(torch.float8_e4m3fn).to(learned.dtype)), "as the file will hold it"
    assert not torch.equal(learned.float(), networks.build(0)[0].input_blocks[1][0].in_layers[2].weight)


def test_steps_too_small_for_the_files_numbers_add_up() -> None:
    """Weights of 8 bits stay where they are for a while, then jump: as if they had been trained in float32."""
    line = Line().bfloat16()
    line.inner.weight.data.copy_(export.rounded("inner.weight", line.inner.weight.data))
    start = line.inner.weight.clone()
    optimiser = MixedPrecision((line,), 1e-4, muon=False, rounding=export.rounded)
    moved = []
    for _ in range(200):
        optimiser.step(-line.inner.weight.float().sum(), 1.0)
        moved.append(float((line.inner.weight.detach() - start).float().mean()))
        assert torch.equal(line.inner.weight, export.rounded("inner.weight", line.inner.weight))
    assert moved[0] < 1e-4
    assert moved[-1] == pytest.approx(200 * 1e-4, rel=0.2)


def test_what_was_written_is_read_and_written_again(tmp_path: Path) -> None:
    nets = export.read(MODEL)
    export.write(tmp_path, *nets)
    old, new = (torch.load(folder / export.CHECKPOINT, weights_only=True)["state_dict"] for folder in (MODEL, tmp_path))
    assert old.keys() == new.keys()
    assert all(torch.equal(value.float(), new[name].float()) for name, value in old.items())
    for name in (export.CHECKPOINT, export.CONTROL_NET):
        assert (tmp_path / name).stat().st_size == (MODEL / name).stat().st_size


@pytest.mark.slow
def test_the_place_stage_changes_the_unet_of_the_files_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = (drawn_pictures.PictureSet(96, 96, 4, 0.5, foreign=True), drawn_pictures.PictureSet(96, 96, 4, 0.5))
    monkeypatch.setattr(training_stages, "PLACE_SETS", sets)
    monkeypatch.setattr(training_stages, "PLACE_STEPS", 1)
    monkeypatch.setattr(training_stages, "PLACE_RATE", 0.1)  # a single step that shows in 8 bits
    output = tmp_path / "model"
    shutil.copytree(MODEL, output)
    training_stages.learn_places(training_stages.Plan(tmp_path, output, seed=1, workers=1))
    old, new = (torch.load(folder / export.CHECKPOINT, weights_only=True)["state_dict"] for folder in (MODEL, output))
    changed = {name for name, value in old.items() if not torch.equal(value.float(), new[name].float())}
    assert changed and all(name.startswith("model.diffusion_model.") for name in changed)
    assert (output / export.CHECKPOINT).stat().st_size == (MODEL / export.CHECKPOINT).stat().st_size
    assert (output / export.CONTROL_NET).read_bytes() == (MODEL / export.CONTROL_NET).read_bytes()


def test_crops_lie_inside_and_mostly_on_the_figure() -> None:
    mask = torch.zeros(16, 24)
    mask[10:12, 20:22] = 1
    random = np.random.default_rng(0)
    corners = [crop_corner(mask, 8, random) for _ in range(200)]
    assert all(0 <= top <= 8 and 0 <= left <= 16 for top, left in corners)
    assert sum(mask[t : t + 8, l : l + 8].any().item() for t, l in corners) > 140


class Painter(nn.Module):
    """A locator that answers with given heat."""

    def __init__(self, heat: np.ndarray) -> None:
        super().__init__()
        self.heat = torch.from_numpy(heat)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return torch.logit(self.heat.expand(len(pictures), *self.heat.shape), eps=1e-6)


@pytest.mark.parametrize("spread", [0.5, 1.0])
def test_joints_are_found_where_the_heat_is(spread: float) -> None:
    keypoints = random_people(np.random.default_rng(6), (128, 128), people=(0, 1, 0))[0]
    low, high = keypoints[:, :2].min(axis=0), keypoints[:, :2].max(axis=0)
    keypoints[:, :2] = 0.5 + spread * ((keypoints[:, :2] - low) / (high - low) - 0.5)  # 1: out to the very edges
    keypoints[:, 2] = 1
    painter: Any = Painter(heat_maps(keypoints))
    found = locate(painter, np.zeros((2, SIZE, SIZE, 3), np.uint8))
    assert len(found) == 2
    correct, joints = correct_joints(found[1], keypoints, 1.5 * STRIDE / SIZE / spread)
    assert correct >= joints - 1, "two joints of a kind may share a bell"


def test_pck_counts_joints_within_a_tenth_of_the_body() -> None:
    keypoints = random_people(np.random.default_rng(5), (128, 128), people=(0, 1, 0))[0]
    keypoints[:, 2] = 1
    height = np.ptp(keypoints[:, :2], axis=0).max()
    located = [keypoints[list(joints), :2].astype(float) for joints in KINDS]
    assert correct_joints(located, keypoints) == (14, 14)
    assert correct_joints([points[::-1] for points in located], keypoints) == (14, 14), "left and right look alike"
    located[4][0] += 0.12 * height
    assert correct_joints(located, keypoints)[0] in (13, 14)
    far = [points + 0.5 for points in located]
    assert correct_joints(far, keypoints)[0] < 4
    keypoints[4, 2] = 0
    assert correct_joints(located, keypoints)[1] == 13


def test_heat_maps_peak_at_joints() -> None:
    keypoints = random_people(np.random.default_rng(7), (128, 128), people=(0, 1, 0))[0]
    heat = heat_maps(keypoints)
    x, y, _ = keypoints[1]
    row, column = np.unravel_index(heat[1].argmax(), heat[1].shape)
    assert abs(row + 0.5 - 32 * y) <= 1 and abs(column + 0.5 - 32 * x) <= 1
