"""What the card does in half precision, and the CPU once more in fp32: the same nets, inputs and calls.

Nets are small and of random weights, which are half precision numbers on either side; RIFE and Real-ESRGAN are real.
Everything random comes from generators on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias
from unittest import mock

import comfy.controlnet
import comfy.model_base
import comfy.model_management
import comfy.ops
import comfy.sd
import comfy.supported_models
import comfy.utils
import folder_paths
import numpy as np
import torch
from comfy.cldm.cldm import ControlNet
from comfy.model_patcher import ModelPatcher
from comfy.taesd.taesd import TAESD
from spandrel import ModelLoader
from torch import Tensor

from frugal_motion.nodes.host import models as host_models
from frugal_motion.nodes.host.models import accelerator
from frugal_motion.nodes.interpolation.interpolator import NetInterpolator
from frugal_motion.nodes.interpolation.node import FrugalLoadInterpolator
from frugal_motion.nodes.keyframes.keyframes import Keyframes
from frugal_motion.nodes.keyframes.uniform import every_nth
from frugal_motion.nodes.sampling.editor import ClipInput, Editor, EditSettings, Models
from frugal_motion.nodes.sampling.latents import decode, encode
from frugal_motion.nodes.sampling.reference import encoded
from frugal_motion.nodes.sampling.request_sampler import sample_requests
from frugal_motion.nodes.sampling.requests import Request, StepSettings
from frugal_motion.nodes.sampling.sampler import BatchSampler, Control, SampledClip, SamplerSettings
from frugal_motion.nodes.upscaling.node import FrugalUpscale
from frugal_motion.nodes.video.tensors import to_image
from frugal_motion.tests.interpolation.scene import Scene
from frugal_motion.tests.sampling import families, untrained
from frugal_motion.tests.video_models import nets

from .._edit import RATE
from .likeness import psnr, relative_l2
from .nets import gain

RIFE = "rife_v4.26.safetensors"
SMALL = {
    "model_channels": 32,
    "num_res_blocks": [1, 1],
    "channel_mult": [1, 2],
    "transformer_depth": [1, 1],
    "transformer_depth_output": [1, 1, 1, 1],
}
"""Sizes of the UNet in a rehearsal."""
VAE_SCALE = 0.03
"""By which latents are taken to the size of the VAE's own. A net of random weights leaves all noise in them."""

Tensors: TypeAlias = dict[str, Tensor]


@dataclass(frozen=True)
class Side:
    """Who computes.

    Attributes:
        nets: precision of the diffusion nets.
        vae: of the VAE; ``None`` for what ComfyUI chooses.
        rehearse: tiny sizes.
        assets: ``models/<folder>/<weights>``.
    """

    nets: torch.dtype
    vae: torch.dtype | None
    rehearse: bool
    assets: Path


class Works:
    """The nets of a side, made when they are wanted, and what is done with them."""

    def __init__(self, side: Side) -> None:
        self.side, comfy.utils.PROGRESS_BAR_ENABLED = side, False
        self.size, self.steps = (64, 2) if side.rehearse else (192, 6)
        folder_paths.add_model_folder_path("frame_interpolation", str(side.assets / "models/frame_interpolation"))

    # --- nets -------------------------------------------------------------------------------------------------------

    @cached_property
    def _unet(self) -> dict[str, Any]:
        return {**families.UNET, **(SMALL if self.side.rehearse else {"model_channels": 96, "num_heads": 6})}

    @cached_property
    def _model(self) -> ModelPatcher:
        config = comfy.supported_models.SD15(self._unet | {"out_channels": 4})
        config.set_inference_dtype(self.side.nets, None)
        model = comfy.model_base.BaseModel(config, device="cpu")
        net = model.diffusion_model
        net.load_state_dict(untrained.randomised(net, 1))
        device = comfy.model_management.get_torch_device()
        return ModelPatcher(model.eval(), load_device=device, offload_device=torch.device("cpu"))

    @cached_property
    def _control(self) -> Control:
        operations = comfy.ops.disable_weight_init
        net = ControlNet(**self._unet, hint_channels=3, device="cpu", dtype=self.side.nets, operations=operations)
        net.load_state_dict(untrained.randomised(net, 2, gain))
        device = comfy.model_management.get_torch_device()
        return Control(comfy.controlnet.ControlNet(net.eval(), load_device=device))

    @cached_property
    def _prompts(self) -> tuple[Any, Any]:
        positive, negative = (_drawn(seed, 1, 77, self._unet["context_dim"]) for seed in (5, 6))
        return [[positive, {}]], [[negative, {}]]

    @cached_property
    def _vae(self) -> Any:
        weights = untrained.randomised(TAESD(), 7) | {"vae_scale": torch.tensor(VAE_SCALE).half()}
        return comfy.sd.VAE(sd=weights, dtype=self.side.vae)

    @cached_property
    def _vace(self) -> Any:
        options = {"dtype": self.side.nets}
        weights = {name: value.half() for name, value in nets.weights("vace").items()}
        return comfy.sd.load_diffusion_model_state_dict(weights, model_options=options)

    @cached_property
    def _rife(self) -> Any:
        return FrugalLoadInterpolator.execute(RIFE).args[0]

    @cached_property
    def _scene(self) -> Scene:
        return Scene(frames=9 if self.side.rehearse else 17)

    # --- sampling ---------------------------------------------------------------------------------------------------

    def _clip(self, plan: Keyframes, rows: int, seed: int) -> SampledClip:
        shape = rows, 4, self.size // 8, self.size // 8
        return SampledClip(*self._prompts, self._hints(len(plan.frames), seed), plan, torch.zeros(shape), seed)

    def _hints(self, count: int, seed: int = 0) -> Tensor:
        """A bright bar that moves, over noise: IMAGE."""
        images = torch.rand(count, self.size, self.size, 3, generator=torch.Generator().manual_seed(seed)) * 0.2
        for number in range(count):
            images[number, :, 6 * number : 6 * number + self.size // 6, (number + seed) % 3] = 1
        return images

    def _sampled(self, clips: Sequence[SampledClip], **changes: Any) -> list[Tensor]:
        """Latents of clips that share their batches."""
        settings = replace(SamplerSettings(steps=self.steps, cfg=5.0), **changes)
        sampler = BatchSampler(self._model, self._vae, self._control, settings, clips, lambda *_: None)
        found: dict[int, list[Tensor]] = {}
        for number, part in sampler.run():
            found.setdefault(number, []).append(part)
        return [torch.cat(found[number]) for number in range(len(clips))]

    def _masked(self, clip: SampledClip) -> SampledClip:
        """Its left half is redrawn, from other latents."""
        masks = torch.zeros(len(clip.latents), self.size, self.size)
        masks[..., : self.size // 2] = 1
        return replace(clip, latents=_drawn(clip.seed, *clip.latents.shape), masks=masks)

    def sparse(self) -> Tensors:
        """Keyframes of two clips."""
        plan = every_nth(5, RATE, 2)
        return _numbered(self._sampled([self._clip(plan, 3, seed) for seed in (1, 2)]))

    def dense(self) -> Tensors:
        """All frames, by residuals of the keyframes."""
        plan = every_nth(5, RATE, 4)
        return _numbered(self._sampled([self._clip(plan, 5, 1)], mode="dense"))

    def masks(self) -> Tensors:
        """Keyframes under masks."""
        plan = every_nth(5, RATE, 4)
        return _numbered(self._sampled([self._masked(self._clip(plan, 2, 1))], denoise=0.7))

    def looking(self) -> Tensors:
        """Frames that look at each other and at a picture."""
        plan = every_nth(5, RATE, 2)
        picture = encoded(self._vae, self._hints(1, 9), (self.size, self.size))
        return _numbered(self._sampled([replace(self._clip(plan, 3, 1), reference=picture)], anchor=0.5))

    def clips_together(self) -> Tensors:
        """Two clips in a batch, and each alone."""
        plan = every_nth(5, RATE, 4)
        clips = [self._clip(plan, 5, seed) for seed in (1, 2)]
        alone = [self._sampled([clip], mode="dense")[0] for clip in clips]
        return _pair(torch.cat(self._sampled(clips, mode="dense")), torch.cat(alone))

    def small_batches(self) -> Tensors:
        """A clip where memory holds it, and where batches have to be as small as they can be."""
        plan = every_nth(5, RATE, 2)
        clips = [self._masked(self._clip(plan, 5, 1))]
        whole = self._sampled(clips, mode="dense", anchor=0.5)
        with _no_free_memory():
            return _pair(torch.cat(self._sampled(clips, mode="dense", anchor=0.5)), torch.cat(whole))

    def hybrid(self) -> Tensors:
        """Keyframes, RIFE between them, and these redrawn lightly: pictures."""
        sampling = SamplerSettings(steps=self.steps, cfg=5.0)
        models = Models(self._model, self._vae, self._control, self._rife)
        editor = Editor(models, EditSettings("hybrid", sampling, refine_steps=3, refine_denoise=0.5))
        plan = every_nth(5, RATE, 2)
        clips = [ClipInput(*self._prompts, self._hints(3, seed), plan, seed) for seed in (1, 2)]
        edited = editor.edit([editor.prepare(clip) for clip in clips])
        return _numbered([one.frames for one in edited])

    def _requests(self) -> list[Request]:
        height, width, length = (8, 8, 3) if self.side.rehearse else (16, 16, 5)

        def request(seed: int) -> Request:
            control = {
                "vace_frames": [_drawn(seed + 20, 1, 32, length, height, width)],
                "vace_mask": [torch.ones(1, 64, length, height, width)],
                "vace_strength": [1.0],
            }
            prompts = ([[_drawn(place, 1, 7, 4096) * 0.5, {"pooled_output": None, **control}]] for place in (seed, 9))
            return Request(*prompts, {"samples": torch.zeros(1, 16, length, height, width)}, seed)

        return [request(1), request(2)]

    def _requested(self, requests: Sequence[Request]) -> Tensor:
        told: list[str] = []
        settings = StepSettings(self.steps, 5.0, "euler", "simple")
        results = sample_requests(self._vace, requests, settings, tell=told.append)
        for result in results:
            if isinstance(result, Exception):
                raise result
        if len(requests) > 1 and f"{len(requests)} requests shared 1 batch" not in told:
            raise RuntimeError(f"they did not share a batch: {told}")  # alone they would be the same to the bit
        found: Tensor = torch.cat(results)
        return found

    def vace(self) -> Tensors:
        """Two requests to a small Wan VACE in one batch."""
        return {"latents": self._requested(self._requests())}

    def vace_together(self) -> Tensors:
        """The same two, and each alone."""
        requests = self._requests()
        return _pair(self._requested(requests), torch.cat([self._requested([one]) for one in requests]))

    # --- pictures ---------------------------------------------------------------------------------------------------

    def vae_decode(self) -> Tensors:
        """Latents to pictures, as the sampler does it."""
        side = self.size // 8
        return {"pictures": torch.cat(list(decode(self._vae, _drawn(3, 10, 4, side, side) / VAE_SCALE)))}

    def vae_encode(self) -> Tensors:
        """Pictures to latents, as the sampler does it."""
        return {"latents": encode(self._vae, self._hints(10, 3))}

    def _interpolator(self) -> NetInterpolator:
        return NetInterpolator(self._rife.model, accelerator(self._rife))

    def rife(self) -> Tensors:
        """A drawn dancer at twice the rate and more."""
        return {"pictures": _read(self._scene.plain(self._interpolator()))}

    def in_betweens(self) -> Tensors:
        """The same, figures following their motion."""
        return {"pictures": _read(self._scene.stream(self._interpolator(), way="motion"))}

    def _pictures(self) -> Tensor:
        keys: Tensor = to_image(self._scene.keys)
        return keys[:1, 64:192, :128] if self.side.rehearse else keys[:4]

    def _upscaled(self, name: str, pictures: Tensor) -> Tensor:
        model = ModelLoader().load_from_file(str(self.side.assets / f"models/upscale_models/{name}.safetensors"))
        made: Tensor = FrugalUpscale.execute(pictures, model.eval(), 4.0).args[0]
        return made

    def compact(self) -> Tensors:
        """Real-ESRGAN's compact net, four times as large."""
        return {"pictures": self._upscaled("realesr-animevideov3", self._pictures())}

    def tiles(self) -> Tensors:
        """The same in tiles, as where memory is short, and whole."""
        whole = self._upscaled("realesr-animevideov3", self._pictures())
        with _no_free_memory():
            return _pair(self._upscaled("realesr-animevideov3", self._pictures()), whole)

    def x4plus(self) -> Tensors:
        """Real-ESRGAN x4plus, four times as large."""
        side = 16 if self.side.rehearse else 96
        return {"pictures": self._upscaled("RealESRGAN_x4plus", self._pictures()[:1, :side, :side])}


@dataclass(frozen=True)
class Comparison:
    """Two results that are to be alike.

    Attributes:
        work: does it.
        unit: ``"dB"``, the least PSNR of its pictures, or ``"L2"``, the greatest relative difference of its latents.
        goal: at least so many dB, or at most that L2.
        alone: the card's own two ways are compared, not card and CPU.
        needs: a file of the assets without which it is left out.
    """

    work: Callable[[Works], Tensors]
    unit: Literal["dB", "L2"]
    goal: float
    alone: bool = False
    needs: str = ""

    @property
    def name(self) -> str:
        return self.work.__name__

    @property
    def note(self) -> str:
        """What is done, in words."""
        return (self.work.__doc__ or "").strip()


LATENTS, BATCHES, OF_VAE_LATENTS = 2e-2, 1e-2, 3e-2
PICTURES, OF_VAE, OF_EDITS, SAME_NET = 45.0, 40.0, 35.0, 50.0
"""Goals. fp16 rounds to 5e-4 of a number; some hundred roundings in a row of a net, and some steps, make 1e-2 of it.

45 dB are 1.4 levels of 255, which nobody sees. Nets that work in bf16, as ComfyUI's VAE does, have eight bits: 40 dB,
and 35 where pictures go through it twice, with a diffusion net in between. The same net on the same device, in tiles
or not, differs by the order of sums alone.
"""

COMPARISONS: tuple[Comparison, ...] = (
    Comparison(Works.sparse, "L2", LATENTS),
    Comparison(Works.dense, "L2", LATENTS),
    Comparison(Works.clips_together, "L2", BATCHES, alone=True),
    Comparison(Works.vace, "L2", LATENTS),
    Comparison(Works.vace_together, "L2", BATCHES, alone=True),
    Comparison(Works.rife, "dB", PICTURES, needs=f"frame_interpolation/{RIFE}"),
    Comparison(Works.in_betweens, "dB", PICTURES, needs=f"frame_interpolation/{RIFE}"),
    Comparison(Works.compact, "dB", PICTURES, needs="upscale_models/realesr-animevideov3.safetensors"),
    Comparison(Works.tiles, "dB", SAME_NET, alone=True, needs="upscale_models/realesr-animevideov3.safetensors"),
    Comparison(Works.x4plus, "dB", PICTURES, needs="upscale_models/RealESRGAN_x4plus.safetensors"),
    Comparison(Works.masks, "L2", LATENTS),
    Comparison(Works.looking, "L2", LATENTS),
    Comparison(Works.small_batches, "L2", BATCHES, alone=True),
    Comparison(Works.vae_decode, "dB", OF_VAE),
    Comparison(Works.vae_encode, "L2", OF_VAE_LATENTS),
    Comparison(Works.hybrid, "dB", OF_EDITS, needs=f"frame_interpolation/{RIFE}"),
)
"""The most wanted first."""


def chosen(assets: Path) -> list[Comparison]:
    """Those whose weights are there."""
    return [one for one in COMPARISONS if not one.needs or (assets / "models" / one.needs).is_file()]


def done(works: Works, one: Comparison) -> Tensors:
    """What a side makes, on the CPU in fp32.

    Raises:
        Exception: whatever the pack, ComfyUI or torch has raised.
    """
    with torch.inference_mode():
        return {name: value.detach().float().cpu().contiguous() for name, value in one.work(works).items()}


def difference(one: Comparison, found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> float:
    """The worst of all tensors, in the comparison's unit; see ``likeness`` for NaN and equal ones.

    Raises:
        ValueError: they are not the same tensors.
    """
    shapes = [{name: tuple(value.shape) for name, value in side.items()} for side in (found, expected)]
    if shapes[0] != shapes[1] or not shapes[0]:
        raise ValueError(f"{one.name}: {shapes[0]} on the card, {shapes[1]} on the CPU")
    if one.unit == "dB":
        return min(psnr(found[name], expected[name]) for name in found)
    return max(relative_l2(found[name], expected[name]) for name in found)


def _drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _numbered(values: Sequence[Tensor]) -> Tensors:
    return {str(number): value for number, value in enumerate(values)}


def _pair(found: Tensor, expected: Tensor) -> Tensors:
    return {"found": found, "expected": expected}


def _read(stream: Any) -> Tensor:
    images: Tensor = to_image(np.concatenate(list(stream.chunks())))
    return images


@contextmanager
def _no_free_memory() -> Iterator[None]:
    """Meanwhile batches and tiles are as small as they can be."""
    from frugal_motion.nodes.sampling import request_sampler, sampler

    with ExitStack() as stack:
        for module in (host_models, sampler, request_sampler):
            stack.enter_context(mock.patch.object(module, "free_memory", lambda device: 0))
        yield
