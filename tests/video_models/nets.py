"""The smallest untrained video models that ComfyUI's own loaders accept, from fixed seeds; made on the spot.

Diffusion nets, the VAE and their files are as ComfyUI's detection wants them: one head of 128 channels, few layers. Of
the text encoder (UMT5-XXL) and of the vision encoder (CLIP ViT-H) ComfyUI knows one size alone, which is read from a
file beside its code: ``small_encoders`` makes it read smaller ones, of the same width outside. Animate's encoder of
faces has one size too, and would take minutes on a CPU: there it is smaller as well.
"""

from __future__ import annotations

import io
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

Weights = dict[str, Tensor]

SIZES: dict[str, Any] = {
    "dim": 128,  # ComfyUI takes heads to be dim / 128
    "ffn_dim": 256,
    "num_heads": 1,
    "num_layers": 2,
    "qk_norm": True,
    "cross_attn_norm": True,
}


def _wan(kind: str, **sizes: Any) -> nn.Module:
    from comfy.ldm.wan.model import WanModel

    return WanModel(model_type=kind, **{**SIZES, **sizes}, **on_cpu())


def _vace() -> nn.Module:
    from comfy.ldm.wan.model import VaceWanModel

    return VaceWanModel(in_dim=16, vace_layers=2, vace_in_dim=96, **{**SIZES, "num_layers": 4}, **on_cpu())


def _animate() -> nn.Module:
    from comfy.ldm.wan.model_animate import AnimateWanModel

    return AnimateWanModel(in_dim=36, **{**SIZES, "num_layers": 5}, **on_cpu())


def _ltxv() -> nn.Module:
    from comfy.ldm.lightricks.model import LTXVModel

    return LTXVModel(
        in_channels=128,
        cross_attention_dim=128,  # as wide as its inside: captions are projected to that
        attention_head_dim=64,
        num_attention_heads=2,
        caption_channels=4096,
        num_layers=2,
        **on_cpu(),
    )


def on_cpu() -> dict[str, Any]:
    import comfy.ops

    return {"device": "cpu", "dtype": torch.float32, "operations": comfy.ops.disable_weight_init}


NETS: Mapping[str, Callable[[], nn.Module]] = {
    "t2v": lambda: _wan("t2v", in_dim=16),
    "i2v": lambda: _wan("i2v", in_dim=36),
    "i2v22": lambda: _wan("t2v", in_dim=36),
    "fun_control": lambda: _wan("i2v", in_dim=48),
    "fun22_control": lambda: _wan("t2v", in_dim=52, in_dim_ref_conv=16),
    "vace": _vace,
    "animate": _animate,
    "ltxv": _ltxv,
}
"""Diffusion nets by kind: Wan 2.1 and 2.2, and LTX."""


def weights(kind: str, seed: int = 1) -> Weights:
    """A state dict of ``NETS``, as a file of UNETLoader holds it."""
    return randomised(NETS[kind](), seed)


def randomised(net: nn.Module, seed: int) -> Weights:
    """Weights: norms 1, biases 0, the rest normal with a variance of 1 / fan-in."""
    random = torch.Generator().manual_seed(seed)
    found: Weights = {}
    for name, value in sorted(net.state_dict().items()):
        if value.ndim <= 1:
            is_scale = name.endswith("weight") or ("norm" in name and not name.endswith("bias"))
            found[name] = torch.full(value.shape, float(is_scale))
        elif "modulation" in name or "scale_shift_table" in name or name.endswith(("emb_pos", "padding_tokens")):
            found[name] = torch.randn(value.shape, generator=random) * 0.3
        elif name.endswith("kernel"):
            found[name] = value.clone()
        elif name.endswith("gamma"):
            found[name] = torch.ones(value.shape)
        else:
            found[name] = torch.randn(value.shape, generator=random) / math.sqrt(math.prod(value.shape[1:]))
    return found


def model(kind: str, seed: int = 1) -> Any:
    """A MODEL of ``NETS`` in single precision, loaded by ComfyUI."""
    import comfy.sd

    found = comfy.sd.load_diffusion_model_state_dict(weights(kind, seed), model_options={"dtype": torch.float32})
    assert found is not None, f"ComfyUI does not know the tiny {kind}"
    return found


def vae_weights(seed: int = 2) -> Weights:
    """Of a VAE like that of Wan 2.1: an eighth of the size, 4n + 1 frames to n + 1 latents of 16 channels."""
    from comfy.ldm.wan.vae import WanVAE

    from frugal_motion.bench._edit import WAN_VAE  # here: in a server this file is a custom node, without the pack

    return randomised(WanVAE(**WAN_VAE | {"dim": 8}), seed)


def vae() -> Any:
    """That VAE, loaded by ComfyUI."""
    import comfy.sd

    return comfy.sd.VAE(sd=vae_weights())


_SMALLER_TEXT = {"d_ff": 64, "num_heads": 1, "num_layers": 1, "num_decoder_layers": 1, "vocab_size": 320}
_SMALLER_VISION = {"num_hidden_layers": 2, "intermediate_size": 64}
SMALLER = {"umt5_config_xxl.json": _SMALLER_TEXT, "clip_vision_config_h.json": _SMALLER_VISION}
"""What is smaller, by the file in which ComfyUI looks it up."""


class _SmallerFaces(nn.Module):
    """In place of the convolutions with which Animate encodes faces: pictures of 512 x 512 to as many numbers."""

    def __init__(self, w_dim: int = 512, **kwargs: Any) -> None:
        from comfy.ldm.wan.model_animate import EqualConv2d

        super().__init__()
        self.conv = EqualConv2d(3, w_dim, 4, bias=False, **kwargs)

    def forward(self, faces: Tensor) -> Tensor:
        found: Tensor = self.conv(nn.functional.adaptive_avg_pool2d(faces, 4))
        return found.flatten(1)


@contextmanager
def small_encoders() -> Iterator[None]:
    """Meanwhile ComfyUI reads the sizes of these two encoders as ``SMALLER`` says, and encodes faces with less."""
    import comfy.clip_vision
    import comfy.ldm.wan.model_animate as animate
    import comfy.sd1_clip

    class Smaller:
        """In place of the module ``json``."""

        def __getattr__(self, name: str) -> Any:
            return getattr(json, name)

        @staticmethod
        def load(file: Any) -> Any:
            return json.load(file) | SMALLER.get(os.path.basename(getattr(file, "name", "")), {})

    modules = comfy.clip_vision, comfy.sd1_clip
    before, faces = [module.json for module in modules], animate.EncoderApp
    animate.EncoderApp = _SmallerFaces
    for module in modules:
        module.json = Smaller()
    try:
        yield
    finally:
        animate.EncoderApp = faces
        for module, was in zip(modules, before, strict=True):
            module.json = was


def text_encoder_weights(seed: int = 3) -> Weights:
    """Of a small UMT5, with a tokenizer in it as files of Wan's have."""
    import comfy.ops
    import comfy.text_encoders.t5
    import comfy.text_encoders.wan

    beside = Path(comfy.text_encoders.wan.__file__).parent / "umt5_config_xxl.json"
    config = json.loads(beside.read_text()) | _SMALLER_TEXT
    net = comfy.text_encoders.t5.T5(config, torch.float32, "cpu", comfy.ops.disable_weight_init)
    found = randomised(net, seed)
    # By this tensor ComfyUI tells UMT5-XXL; the small one has no such layer.
    found["encoder.block.23.layer.1.DenseReluDense.wi_1.weight"] = torch.zeros(10240, 4096, dtype=torch.float8_e4m3fn)
    found["spiece_model"] = torch.frombuffer(bytearray(_tokenizer()), dtype=torch.uint8).clone()
    return found


def _tokenizer() -> bytes:
    import sentencepiece

    letters = "abcdefghijklmnopqrstuvwxyz"
    sentences = [f"a {a}{b}{c} dances in the {b}{a} room at night" for a in letters for b in letters for c in "aeiou"]
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_writer=written,
        vocab_size=300,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    return written.getvalue()


def vision_weights(seed: int = 4) -> Weights:
    """Of a small CLIP ViT-H."""
    import comfy.clip_model
    import comfy.clip_vision
    import comfy.ops

    beside = Path(comfy.clip_vision.__file__).parent / "clip_vision_config_h.json"
    config = json.loads(beside.read_text()) | _SMALLER_VISION
    net = comfy.clip_model.CLIPVisionModelProjection(config, torch.float32, "cpu", comfy.ops.disable_weight_init)
    found = randomised(net, seed)
    found["vision_model.encoder.layers.30.layer_norm1.weight"] = torch.ones(1280)  # by this ComfyUI tells ViT-H
    return found


def lora_weights(seed: int = 5, rank: int = 4) -> Weights:
    """Of a LoRA for the first block of any of these Wan nets, as distilled ones name their parts."""
    random = torch.Generator().manual_seed(seed)
    found: Weights = {}
    for part in "qkvo":
        name = f"diffusion_model.blocks.0.self_attn.{part}"
        found[f"{name}.lora_A.weight"] = torch.randn(rank, SIZES["dim"], generator=random) / math.sqrt(SIZES["dim"])
        found[f"{name}.lora_B.weight"] = torch.randn(SIZES["dim"], rank, generator=random) / math.sqrt(rank)
    return found


def write_all(models: Path) -> None:
    """Fill a folder of models: ``diffusion_models/tiny_<kind>.safetensors``, the encoders, a VAE, a LoRA.

    They are for a ComfyUI with ``small_encoders``.
    """
    files: dict[str, Callable[[], Weights]] = {
        "vae/tiny_wan_vae.safetensors": vae_weights,
        "text_encoders/tiny_umt5.safetensors": text_encoder_weights,
        "clip_vision/tiny_vit_h.safetensors": vision_weights,
        "loras/tiny_wan_lora.safetensors": lora_weights,
    }
    for place, make in files.items():
        _write(models / place, make())
    with small_encoders():
        for kind in NETS:
            _write(models / "diffusion_models" / f"tiny_{kind}.safetensors", weights(kind))


def _write(path: Path, found: Weights) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in found.items()}, path)


if __name__ == "__main__":  # KIND FILE
    from comfy.cli_args import args

    args.cpu = True
    _write(Path(sys.argv[2]), weights(sys.argv[1]))
