"""The work of VAEs: of those of single pictures, and of those that are causal in time."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from comfy.sd import VAE

from ..flops import flops_of
from .edit_work import Work
from .facts import ClipWork, Vae, pictures_of
from .meta_nets import countable, remembered, unknown, zeros
from .model_files import FileVersion, metadata, shapes

_PREFIXES = ("first_stage_model.", "vae.")
"""Of a VAE in a checkpoint."""

_SETTLED = 2
"""Latent frames from which each further one takes more in a regular way: the first chunks have no past to look at."""


def vae_work(path: Path) -> Vae:
    """The VAE of a checkpoint or of a file of its own.

    Raises:
        InputError: the file cannot be read.
    """
    return _vae_work(FileVersion.of(path))


@lru_cache(maxsize=8)
def _vae_work(file: FileVersion) -> Vae:
    with torch.device("meta"):
        vae = VAE(sd=_own(shapes(file.path)), metadata=metadata(file.path))
    net = getattr(vae, "first_stage_model", None)
    if net is None:
        return Vae(unknown, unknown)
    net, down, channels = net.to(torch.float16), vae.spacial_compression_encode(), vae.latent_channels
    if vae.latent_dim != 3:
        return Vae(*autoencoder_work(net, down, channels))
    return video_vae(net, down, channels, vae.downscale_index_formula[0])


def _own(found: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    for prefix in _PREFIXES:
        own = {name.removeprefix(prefix): value for name, value in found.items() if name.startswith(prefix)}
        if own:
            return own
    return found


def autoencoder_work(net: Any, down: int, channels: int) -> tuple[Work, Work]:
    """FLOPs of encoding and of decoding a frame, by a net on the meta device in half precision.

    Args:
        net: has ``encode`` and ``decode``.
        down: pixels along the side of a latent pixel.
        channels: of latents.
    """

    def encode(width: int, height: int) -> float | None:
        return flops_of(net, lambda net: countable(net).encode(zeros(1, 3, height, width)))

    def decode(width: int, height: int) -> float | None:
        return flops_of(net, lambda net: countable(net).decode(zeros(1, channels, height // down, width // down)))

    return remembered(encode), remembered(decode)


def video_vae(net: Any, down: int, channels: int, every: int) -> Vae:
    """A VAE that is causal in time, by a net on the meta device in half precision.

    Args:
        net: has ``encode`` and ``decode``.
        down: pixels along the side of a latent pixel.
        channels: of latents.
        every: pictures that a latent frame after the first stands for.
    """

    def encoded(width: int, height: int, latent_frames: int) -> float | None:
        pictures = zeros(1, 3, pictures_of(latent_frames, every), height, width)
        return flops_of(net, lambda net: countable(net).encode(pictures))

    def decoded(width: int, height: int, latent_frames: int) -> float | None:
        latent = zeros(1, channels, latent_frames, height // down, width // down)
        return flops_of(net, lambda net: countable(net).decode(latent))

    of_encoding, of_decoding = _in_time(remembered(encoded)), _in_time(remembered(decoded))

    def encode_clip(width: int, height: int, pictures: int) -> float | None:
        return of_encoding(width // down * down, height // down * down, (pictures - 1) // every + 1)

    return Vae(
        encode=lambda width, height: encode_clip(width, height, 1),
        decode=lambda width, height: of_decoding(width, height, 1),
        encode_clip=encode_clip,
        decode_clip=of_decoding,
        every=every,
    )


def _in_time(counted: ClipWork) -> ClipWork:
    """The work of a clip of any length, from that of three short ones.

    Convolutions grow with the length, attention across time (of which only some VAEs have any) with its square.
    """

    def work(width: int, height: int, latent_frames: int) -> float | None:
        if latent_frames <= _SETTLED:
            return counted(width, height, latent_frames)
        first, second, third = (counted(width, height, _SETTLED + more) for more in range(3))
        if first is None or second is None or third is None:
            return None
        more = latent_frames - _SETTLED
        return first + more * (second - first) + more * (more - 1) / 2 * (third - 2 * second + first)

    return work
