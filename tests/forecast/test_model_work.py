"""Work counted from the shapes in files is that of the real nets."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import comfy.controlnet
import comfy.model_management as management
import comfy.ops
import comfy.sd
import numpy as np
import pytest
import torch
from comfy.cldm.cldm import ControlNet
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel
from spandrel import ModelLoader
from torch.utils.flop_counter import FlopCounterMode

from frugal_motion.bench._edit import NETS
from frugal_motion.nodes.accelerator import Accelerator
from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.forecast import finishing_work, model_files, model_work, unet_work
from frugal_motion.nodes.forecast.edit_work import Edit, EditedClip, Nets, work
from frugal_motion.nodes.forecast.vae_work import vae_work
from frugal_motion.nodes.host.models import load_state_dict
from frugal_motion.nodes.interpolation.interpolator import NetInterpolator
from frugal_motion.nodes.interpolation.rife import load_rife
from frugal_motion.nodes.interpolation.stream import InterpolatedStream
from frugal_motion.nodes.keyframes.uniform import every_nth
from frugal_motion.nodes.sampling import sampler as sampling
from frugal_motion.nodes.sampling.anchors import ANCHORS
from frugal_motion.nodes.sampling.latents import decode, encode
from frugal_motion.nodes.sampling.reference import TIMES, Reference
from frugal_motion.nodes.upscaling.stream import UpscaledStream
from frugal_motion.nodes.upscaling.upscaler import Upscaler
from frugal_motion.nodes.video.stream import ArrayStream

from ..interpolation.scene import RATE, Scene
from ..interpolation.scene import SIZE as SMALL

DEMO = Path(__file__).resolve().parents[2] / "training" / "model"
SIZE = 64


def counted(run) -> float:
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        run()
    return counter.get_total_flops()


def demo_nets() -> Nets:
    found = model_work.checkpoint_work(DEMO / "frugal-demo.ckpt")
    vae = vae_work(DEMO / "frugal-demo.ckpt")
    control, size = unet_work.control_work(DEMO / "frugal-demo-openpose.safetensors")
    return Nets(found.unet, control, found.look, vae.encode, vae.decode, weights=found.weights + size)


def test_counting_does_not_take_the_wish_to_cancel_from_the_run() -> None:
    nets = demo_nets()
    management.interrupt_current_processing(True)
    try:
        for count in (nets.unet, nets.control, nets.encode, nets.decode):
            assert count(56, 72)
        with pytest.raises(management.InterruptProcessingException):
            management.throw_exception_if_processing_interrupted()
    finally:
        management.interrupt_current_processing(False)


@pytest.mark.parametrize(
    ("mode", "size", "looks"),
    [("sparse", (64, 64), False), ("dense", (96, 64), False), ("sparse", (64, 64), True), ("dense", (96, 64), True)],
)
def test_an_edit_with_the_demo_model_takes_what_was_estimated(mode, size, looks) -> None:
    model, clip, vae, _ = comfy.sd.load_checkpoint_guess_config(str(DEMO / "frugal-demo.ckpt"))
    control_net = comfy.controlnet.load_controlnet(str(DEMO / "frugal-demo-openpose.safetensors"))
    plan = every_nth(4, Fraction(12), 3)
    frames = len(plan.frames) if mode == "sparse" else plan.frame_count
    with torch.inference_mode():
        positive, negative = (clip.encode_from_tokens_scheduled(clip.tokenize(text)) for text in ("a robot", ""))
    latents = torch.zeros(frames, 4, size[1] // 8, size[0] // 8)
    hints = torch.zeros(len(plan.frames), size[1], size[0], 3)
    reference = Reference(latents[:1], torch.ones(1, 1, *latents.shape[2:])) if looks else None
    given = sampling.SampledClip(positive, negative, hints, plan, latents, reference=reference)
    settings = sampling.SamplerSettings(mode, 2, 5.0, anchor=0.5 if looks else 0.0)
    batches = sampling.BatchSampler(model, vae, sampling.Control(control_net), settings, [given], lambda *_: None)
    job = Edit((EditedClip(plan, size, size),), mode, 2, encodes=True)
    if looks:
        estimated_without = work(job, demo_nets())["sample"].flops
        job = replace(job, anchors=ANCHORS, references=TIMES, looks=lambda steps: steps)
        assert work(job, demo_nets())["sample"].flops > 1.1 * estimated_without
    estimated = work(job, demo_nets())
    pictures = torch.zeros(frames + looks, size[1], size[0], 3)
    assert counted(lambda: list(batches.run())) == pytest.approx(estimated["sample"].flops, rel=0.02)
    assert counted(lambda: list(decode(vae, latents))) == pytest.approx(estimated["decode"].flops, rel=0.02)
    assert counted(lambda: encode(vae, pictures)) == pytest.approx(estimated["encode"].flops, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(128, 128), (96, 72)])
def test_finishing_takes_what_was_estimated(assets, size) -> None:
    rife = assets / "models/frame_interpolation/rife_v4.26.safetensors"
    upscaler_file = assets / "models/upscale_models/realesr-animevideov3.safetensors"
    plan = every_nth(7, Fraction(12), 3)
    pictures = np.random.default_rng(0).integers(0, 255, (len(plan.frames), size[1], size[0], 3)).astype(np.uint8)
    prepare, interpolate = finishing_work.interpolation_work(rife)
    nets = Nets(prepare=prepare, interpolate=interpolate, upscale=finishing_work.upscale_work(upscaler_file))
    rate = Fraction(25)
    job = Edit((EditedClip(plan, size, size),), "sparse", frame_rate=rate, upscales=True, order="interpolate first")
    estimated = work(job, nets)
    interpolator = NetInterpolator(load_rife(load_state_dict(rife), rife.name), Accelerator())
    stream = InterpolatedStream(ArrayStream(pictures, Fraction(12)), plan, rate, interpolator)
    assert counted(lambda: list(stream.chunks())) == pytest.approx(estimated["interpolate"].flops, rel=0.02)
    net = ModelLoader().load_from_state_dict(load_state_dict(upscaler_file))
    large = UpscaledStream(
        ArrayStream(np.repeat(pictures[:1], 2, 0) + np.array([0, 1], np.uint8)[:, None, None, None], rate),
        Upscaler(net, Accelerator(), (2 * size[0], 2 * size[1])),
    )
    each = estimated["upscale"].flops / estimated["upscale"].frames
    assert counted(lambda: list(large.chunks())) == pytest.approx(2 * each, rel=0.02)


@pytest.mark.parametrize("way", ["best", "motion"])
def test_frames_that_follow_a_motion_take_what_was_estimated(assets, way) -> None:
    rife = assets / "models/frame_interpolation/rife_v4.26.safetensors"
    scene = Scene(frames=14, cuts=(9,))
    prepare, interpolate = finishing_work.interpolation_work(rife)
    ways = 2 if way == "best" else 1
    job = Edit((EditedClip(scene.plan, SMALL, SMALL),), None, frame_rate=RATE, ways=ways)
    estimated = work(job, Nets(prepare=prepare, interpolate=interpolate))["interpolate"]
    interpolator = NetInterpolator(load_rife(load_state_dict(rife), rife.name), Accelerator())
    stream = scene.stream(interpolator, way=way)
    assert counted(lambda: list(stream.chunks())) == pytest.approx(estimated.flops, rel=0.02)
    plain = work(replace(job, ways=0), Nets(prepare=prepare, interpolate=interpolate))["interpolate"]
    assert estimated.frames == plain.frames and estimated.flops > plain.flops


def hole(path: Path, weights: dict[str, torch.Tensor]) -> Path:
    """A .safetensors file of half precision weights that are never written: its data is a hole."""
    header, end = {}, 0
    for name, value in weights.items():
        begin, end = end, end + 2 * value.numel()
        header[name] = {"dtype": "F16", "shape": list(value.shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)
    return path


def full_size(family: str) -> tuple[UNetModel, ControlNet]:
    config = {name: list(value) if isinstance(value, list) else value for name, value in NETS[family].items()}
    on_meta = {"dtype": torch.float16, "device": "meta", "operations": comfy.ops.disable_weight_init}
    of_control = {name: value for name, value in config.items() if name != "transformer_depth_output"}
    control = ControlNet(hint_channels=3, **{k: list(v) if isinstance(v, list) else v for k, v in of_control.items()},
                         **on_meta)  # fmt: skip
    return UNetModel(out_channels=4, **config, **on_meta), control


@pytest.mark.parametrize("prefix", ["", "control_model."])
def test_full_size_sd15_is_recognised_by_its_shapes(tmp_path, prefix) -> None:
    unet, control = full_size("SD 1.5")
    named = {f"model.diffusion_model.{name}": value for name, value in unet.state_dict().items()}
    checkpoint = hole(tmp_path / "sd15.safetensors", named)
    model = model_work.checkpoint_model(checkpoint)
    assert type(model.model_config).__name__ == "SD15"
    assert model_files.half_bytes(model.diffusion_model) == pytest.approx(1.72e9, rel=0.01)
    net_file = hole(tmp_path / "c.safetensors", {prefix + name: value for name, value in control.state_dict().items()})
    # As bench/_rows.py counts them.
    config = model.model_config.unet_config
    assert unet_work.unet_flops(model.diffusion_model, config, 512, 512) == pytest.approx(803.27e9, rel=0.02)
    assert unet_work.control_work(net_file)[0](512, 512) == pytest.approx(283.29e9, rel=0.02)


def test_a_file_that_changes_is_counted_anew(tmp_path) -> None:
    path = tmp_path / "net.safetensors"
    hole(path, {"zero_convs.1": torch.empty(4, 4, device="meta")})
    before = unet_work.control_work(path)
    assert before == unet_work.control_work(path) and before[1] == 32
    hole(path, {"zero_convs.1": torch.empty(4, 8, device="meta")})
    assert unet_work.control_work(path)[1] == 64


@pytest.mark.parametrize("content", [b"", b"not weights", b"\x80\x04K\x01."])
@pytest.mark.parametrize("suffix", [".safetensors", ".ckpt"])
def test_a_file_of_something_else_is_refused(tmp_path, content, suffix) -> None:
    path = tmp_path / f"net{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read|file of weights"):
        model_work.checkpoint_work(path)


def test_a_checkpoint_of_something_else_is_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="ckpt_name"):
        model_work.checkpoint_work(hole(tmp_path / "net.safetensors", {"a": torch.empty(2, 2, device="meta")}))
