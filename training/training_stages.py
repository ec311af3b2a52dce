"""The stages of training, each made of the last one's files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from .autoencoder import AutoencoderTrainer, DecoderTrainer
from .diffusion import DiffusionTrainer
from .drawn_pictures import PLACE_SETS, SETS, Pictures, PictureSet, make
from .loop import run
from .mixed_precision import DTYPE
from .picture_latents import Latents, encode
from .preview import save_preview

AUTOENCODER_STEPS = 2000
DIFFUSION_STEPS = 6000
DIFFUSION_RATE = 6e-4
DECODER_STEPS = 800
PLACE_STEPS = 1500
PLACE_RATE = 3e-4


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


def _pictures(plan: Plan, name: str = "known", sets: Sequence[PictureSet] = SETS) -> list[Pictures]:
    return [make(plan.folder / f"{name}_pictures", wanted, plan.seed, plan.workers) for wanted in sets]


def train_autoencoder(plan: Plan) -> AutoencoderTrainer:
    """Encoder and decoder."""
    trainer = AutoencoderTrainer(_pictures(plan), steps=AUTOENCODER_STEPS, rate=2e-3)
    run(trainer, plan.folder, "autoencoder")
    trainer.optimiser.use_averaged()
    return trainer


def _latents(plan: Plan) -> list[Latents]:
    return _encoded(plan, "known", SETS, lambda: train_autoencoder(plan).encoder)


def _encoded(plan: Plan, name: str, sets: Sequence[PictureSet], encoder: Callable[[], Any]) -> list[Latents]:
    """Sets through an encoder; kept, because it takes minutes."""
    path = plan.folder / f"{name}_latents.pt"
    drawn = _pictures(plan, name, sets)
    kept = torch.load(path, weights_only=True) if path.is_file() else []
    if [len(values) for values in kept] != [wanted.count for wanted in sets]:
        net = encoder()
        kept = [encode(net, pictures) for pictures in drawn]
        torch.save(kept, path)
    return [
        Latents.of(values, pictures, wanted.share) for values, pictures, wanted in zip(kept, drawn, sets, strict=True)
    ]


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


def learn_places(plan: Plan) -> DiffusionTrainer:
    """The UNet of the files once more: figures in regions of places that it does not know. The autoencoder stays."""
    from .export import read, rounded, write

    unet, control_net, encoder, _ = read(plan.output)
    trainer = DiffusionTrainer(
        _encoded(plan, "place", PLACE_SETS, lambda: encoder.to(DTYPE)),
        steps=PLACE_STEPS,
        rate=PLACE_RATE,
        cells=1152,
        crops=0.75,
        side=12,
        start=(unet, control_net),
        rounding=rounded,
    )
    run(trainer, plan.folder, "place", every=50)
    trainer.optimiser.use_averaged()
    write(plan.output, trainer.unet, *read(plan.output)[1:])  # those have not gone through ``DTYPE``
    return trainer


STAGES: dict[str, Callable[[Plan], Any]] = {
    "autoencoder": train_autoencoder,
    "diffusion": train_diffusion,
    "decoder": train_decoder,
    "export": export,
    "place": learn_places,
}
