"""The models that a workflow names: their work, counted from the shapes in their files. No weights are loaded."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from comfy.model_base import BaseModel

from ..errors import InputError
from .facts import Model
from .meta_nets import remembered, unknown
from .model_files import FileVersion, diffusion_model, half_bytes, held_bytes, shapes
from .unet_work import look_flops, row_memory, unet_flops
from .video_work import video_net


def checkpoint_model(path: Path) -> BaseModel:
    """The diffusion model of a checkpoint, on torch's meta device.

    Raises:
        InputError: it cannot be read, or ComfyUI does not know it.
    """
    found = diffusion_model(path)
    if found is None:
        raise InputError("ckpt_name", repr(path.name), "a checkpoint of a diffusion model")
    return found


def checkpoint_work(path: Path) -> Model:
    """The MODEL of a checkpoint.

    Raises:
        InputError: it cannot be read, or ComfyUI does not know it.
    """
    return _checkpoint_work(FileVersion.of(path))


@lru_cache(maxsize=8)
def _checkpoint_work(file: FileVersion) -> Model:
    model = checkpoint_model(file.path)
    return _work_of(model, file.path.name, half_bytes(model.diffusion_model))


def unet_file_work(path: Path) -> Model:
    """The MODEL of a file of its own; one that ComfyUI does not know has work that cannot be counted.

    Raises:
        InputError: it cannot be read.
    """
    return _unet_file_work(FileVersion.of(path))


@lru_cache(maxsize=8)
def _unet_file_work(file: FileVersion) -> Model:
    model, weights = diffusion_model(file.path), held_bytes(shapes(file.path))
    if model is None:
        return Model(unknown, unknown, unknown, weights, None, file.path.name)
    return _work_of(model, file.path.name, weights)


def _work_of(model: BaseModel, name: str, weights: float) -> Model:
    net, factor, config = model.diffusion_model, model.memory_usage_factor, model.model_config.unet_config
    return Model(
        unet=remembered(lambda width, height: unet_flops(net, config, width, height)),
        look=remembered(lambda width, height: look_flops(net, config, width, height)),
        row_memory=lambda width, height: row_memory(factor, width, height),
        weights=weights,
        model_sampling=model.model_sampling,
        name=name,
        video=video_net(model),
        is_of_pictures=model.latent_format.latent_dimensions == 2,
    )
