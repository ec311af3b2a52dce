"""The stages of training, each made of the last one's files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from . import drawn_pictures
from .autoencoder import AutoencoderTrainer, DecoderTrainer
from .diffusion import DiffusionTrainer
from .loop import run
from .picture_latents import Latents, encode
from .preview import save_preview

AUTOENCODER_STEPS = 2000
DIFFUSION_STEPS = 6000
DIFFUSION_RATE = 6e-4
DECODER_STEPS = 800


@dataclass(frozen=True)
class Plan:
    """Where and how to train.

    Attributes:
        folder: for work in progress.
        output: for the finished files.
        seed: of pictures, weights, batches and noise.
        workers: processes that draw.
    """

    folder: Path
    output: Path
    seed: int
    workers: int


def _pictures(plan: Plan) -> list[drawn_pictures.Pictures]:
    return [
        drawn_pictures.make(plan.folder / "pictures", wanted, plan.seed, plan.workers) for wanted in drawn_pictures.SETS
    ]


def train_autoencoder(plan: Plan) -> AutoencoderTrainer:
    """Encoder and decoder."""
    trainer = AutoencoderTrainer(_pictures(plan), steps=AUTOENCODER_STEPS, rate=2e-3)
    run(trainer, plan.folder, "autoencoder")
    trainer.optimiser.use_averaged()
    return trainer


def _latents(plan: Plan) -> list[Latents]:
    """Every set through the trained encoder; kept, because it takes minutes."""
    path = plan.folder / "latents.pt"
    drawn = _pictures(plan)
    if path.is_file():
        kept = torch.load(path, weights_only=True)
        return [
            Latents(values, masks, made, wanted.share)
            for (values, masks), made, wanted in zip(kept, drawn, drawn_pictures.SETS, strict=True)
        ]
    encoder = train_autoencoder(plan).encoder
    encoded = [encode(encoder, made, wanted.share) for made, wanted in zip(drawn, drawn_pictures.SETS, strict=True)]
    torch.save([(latents.values, latents.masks) for latents in encoded], path)
    return encoded


def train_diffusion(plan: Plan) -> DiffusionTrainer:
    """UNet and ControlNet."""
    trainer = DiffusionTrainer(_latents(plan), steps=DIFFUSION_STEPS, rate=DIFFUSION_RATE)
    decoder = train_autoencoder(plan).decoder
    run(trainer, plan.folder, "diffusion", on_checkpoint=partial(save_preview, trainer, decoder, plan.folder))
    trainer.optimiser.use_averaged()
    return trainer


def train_decoder(plan: Plan) -> DecoderTrainer:
    """The decoder once more, on latents that the diffusion model may give."""
    autoencoder = train_autoencoder(plan)
    trainer = DecoderTrainer(autoencoder.decoder, _latents(plan), steps=DECODER_STEPS, seed=plan.seed)
    run(trainer, plan.folder, "decoder")
    trainer.optimiser.use_averaged()
    return trainer


def export(plan: Plan) -> None:
    """The two files that ComfyUI loads."""
    from .export import write

    diffusion, decoder, encoder = train_diffusion(plan), train_decoder(plan), train_autoencoder(plan).encoder
    write(plan.output, diffusion.unet, diffusion.control_net, encoder, decoder.decoder)


STAGES: dict[str, Callable[[Plan], Any]] = {
    "autoencoder": train_autoencoder,
    "diffusion": train_diffusion,
    "decoder": train_decoder,
    "export": export,
}
