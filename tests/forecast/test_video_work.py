"""Video nets in their full size: what is counted of one and two of their blocks is what torch counts of all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import comfy.model_management
import comfy.ops
import pytest
import torch
from comfy.ldm.hunyuan_video.model import HunyuanVideo, HunyuanVideoParams
from comfy.ldm.lightricks.model import LTXVModel
from comfy.ldm.lightricks.vae.causal_video_autoencoder import VideoVAE
from comfy.ldm.models.autoencoder import AutoencoderKL
from comfy.ldm.modules.attention import attention_pytorch
from comfy.ldm.modules.diffusionmodules.model import pytorch_attention
from comfy.ldm.wan import model_animate
from comfy.ldm.wan.model import VaceWanModel, WanModel
from comfy.ldm.wan.vae import WanVAE
from comfy.ldm.wan.vae2_2 import WanVAE as WanVAE22

from frugal_motion.nodes.forecast.facts import Guides, latent_frames_of, pictures_of
from frugal_motion.nodes.forecast.vae_work import video_vae
from frugal_motion.nodes.forecast.video_work import pass_flops

from .test_model_work import counted

ON_META: dict[str, Any] = {"device": "meta", "dtype": torch.float16, "operations": comfy.ops.disable_weight_init}
SMALL = {"dim": 1536, "ffn_dim": 8960, "num_heads": 12, "num_layers": 30}
LARGE = {"dim": 5120, "ffn_dim": 13824, "num_heads": 40, "num_layers": 40}
HUNYUAN = {
    "axes_dim": [16, 56, 56], "context_in_dim": 4096, "depth": 20, "depth_single_blocks": 40, "guidance_embed": True,
    "hidden_size": 3072, "in_channels": 16, "mlp_ratio": 4.0, "num_heads": 24, "out_channels": 16,
    "patch_size": [1, 2, 2], "qkv_bias": True, "theta": 256, "vec_in_dim": 768, "byt5": False, "meanflow": False,
    "use_cond_type_embedding": False, "vision_in_dim": None,
}  # fmt: skip
if "meanflow_sum" in HunyuanVideoParams.__dataclass_fields__:  # newer ComfyUI
    HUNYUAN["meanflow_sum"] = False

HUNYUAN_15 = {
    **HUNYUAN, "context_in_dim": 3584, "depth": 54, "depth_single_blocks": 0, "guidance_embed": False,
    "hidden_size": 2048, "in_channels": 65, "num_heads": 16, "out_channels": 32, "patch_size": [1, 1, 1],
    "vec_in_dim": None, "byt5": True, "use_cond_type_embedding": True, "vision_in_dim": 1152,
}  # fmt: skip
OF_IMAGES: dict[str, Any] = {
    "double_z": True, "z_channels": 16, "resolution": 256, "in_channels": 3, "out_ch": 3, "ch": 128,
    "ch_mult": [1, 2, 4, 4], "num_res_blocks": 2, "attn_resolutions": [], "dropout": 0.0,
}  # fmt: skip

NETS: dict[str, Callable[[], Any]] = {
    "t2v 1.3B": lambda: WanModel(model_type="t2v", in_dim=16, **SMALL, **ON_META),
    "t2v 14B": lambda: WanModel(model_type="t2v", in_dim=16, **LARGE, **ON_META),
    "i2v 14B": lambda: WanModel(model_type="i2v", in_dim=36, **LARGE, **ON_META),
    "fun 2.2 14B": lambda: WanModel(model_type="t2v", in_dim=52, in_dim_ref_conv=16, **LARGE, **ON_META),
    "vace 1.3B": lambda: VaceWanModel(in_dim=16, vace_layers=15, vace_in_dim=96, **SMALL, **ON_META),
    "vace 14B": lambda: VaceWanModel(in_dim=16, vace_layers=8, vace_in_dim=96, **LARGE, **ON_META),
    "animate 14B": lambda: model_animate.AnimateWanModel(in_dim=36, **LARGE, **ON_META),
    "hunyuan 13B": lambda: HunyuanVideo(**HUNYUAN, **ON_META),
    "1.5 hunyuan": lambda: HunyuanVideo(**HUNYUAN_15, **ON_META),
    "ltxv 2B": lambda: LTXVModel(
        in_channels=128, cross_attention_dim=2048, attention_head_dim=64, num_attention_heads=32,
        caption_channels=4096, num_layers=28, **ON_META,
    ),
}  # fmt: skip


def given(kind: str, channels: int, frames: int, size: tuple[int, int], faces: int) -> tuple[dict[str, Any], Guides]:
    """The inputs of a net beside latents, time and prompt, and what the forecast calls them."""
    width, height = size
    if kind.startswith("vace"):
        return {"vace_context": zeros(1, 1, 96, frames, height, width), "vace_strength": [1.0]}, Guides(controls=1)
    if kind.startswith("i2v"):
        return {"clip_fea": zeros(1, 257, 1280)}, Guides(vision_tokens=257)
    if kind.startswith("fun"):
        return {"reference_latent": zeros(1, 16, height, width)}, Guides(reference=True)
    if kind.startswith("animate"):
        found = {
            "clip_fea": zeros(1, 257, 1280),
            "pose_latents": zeros(1, 16, frames - 1, height, width),
            "face_pixel_values": zeros(1, 3, faces, 512, 512),
        }
        return found, Guides(vision_tokens=257, pose=True, face_frames=faces)
    if kind.startswith("1.5"):
        return {"clip_fea": zeros(1, 729, 1152)}, Guides(vision_tokens=729)
    if kind.startswith("hunyuan"):
        return {"guidance": zeros(1), "y": zeros(1, 768)}, Guides()
    return ({"attention_mask": None} if kind.startswith("ltxv") else {}), Guides()


def zeros(*shape: int) -> torch.Tensor:
    return torch.zeros(*shape, dtype=torch.float16, device="meta")


CHANNELS = {"i2v 14B": 36, "fun 2.2 14B": 52, "animate 14B": 36, "ltxv 2B": 128, "1.5 hunyuan": 65}
DOWN = {"ltxv 2B": 32, "1.5 hunyuan": 16}
EVERY = {"ltxv 2B": 8}
TEXT_WIDTH = {"1.5 hunyuan": 3584}
TOKENS = {"hunyuan 13B": 256, "1.5 hunyuan": 256, "ltxv 2B": 128}
SIZES = {"480p": (832, 480), "720p": (1280, 720)}
FAST = [("t2v 1.3B", "480p", 41), ("vace 14B", "480p", 81)]
ALL = [(kind, size, length) for kind in NETS for size in SIZES for length in (41, 81, 161)]


@pytest.mark.parametrize(
    ("kind", "size", "length"),
    [*FAST, *(pytest.param(*case, marks=pytest.mark.slow) for case in ALL if case not in FAST)],
)
def test_a_pass_takes_what_torch_counts_of_the_whole_net(
    kind: str, size: str, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    net, down, every = NETS[kind](), DOWN.get(kind, 8), EVERY.get(kind, 4)
    monkeypatch.setattr(model_animate, "optimized_attention", attention_pytorch)  # it takes no options
    width, height = (side // down for side in SIZES[size])
    frames, channels = latent_frames_of(length, every) + 1, CHANNELS.get(kind, 16)
    inputs, guides = given(kind, channels, frames, (width, height), length)
    options = {"optimized_attention_override": lambda _, *args, **more: attention_pytorch(*args, **more)}
    context = zeros(1, TOKENS.get(kind, 512), TEXT_WIDTH.get(kind, 4096))
    x = zeros(1, channels, frames, height, width)
    whole = counted(lambda: net(x, zeros(1), context, transformer_options=options, **inputs))
    assert pass_flops(net, (width, height), frames, guides) == pytest.approx(whole, rel=1e-3)


def test_the_sizes_of_a_14b_model_are_known() -> None:
    """As counted by hand: 8 L d^2 + 4 L^2 d + ... for 40 blocks."""
    net = NETS["t2v 14B"]()
    assert pass_flops(net, (104, 60), 21, Guides()) == pytest.approx(1.678e15, rel=0.01)
    assert pass_flops(net, (160, 90), 21, Guides()) == pytest.approx(6.523e15, rel=0.01)


def test_vace_without_its_blocks_takes_what_the_net_without_them_takes() -> None:
    vace, plain = NETS["vace 1.3B"](), NETS["t2v 1.3B"]()
    alone, without, none_given, two = (
        pass_flops(net, (52, 30), 11, guides)
        for net, guides in (
            (plain, Guides()), (vace, Guides(controls=0)), (vace, Guides()), (vace, Guides(controls=2)),
        )
    )  # fmt: skip
    assert without == pytest.approx(alone, rel=0.01) and none_given > 1.4 * alone
    assert two - none_given == pytest.approx(none_given - without, rel=0.02)


@pytest.mark.parametrize(
    ("size", "length"),
    [("480p", 17), *(pytest.param(*case, marks=pytest.mark.slow) for case in (("720p", 81), ("480p", 161)))],
)
def test_wans_vae_takes_what_torch_counts_of_the_whole_clip(size: str, length: int) -> None:
    with torch.device("meta"):
        net = WanVAE(dim=96, z_dim=16, dim_mult=[1, 2, 4, 4], temperal_downsample=[False, True, True]).half()
    for module in net.modules():
        if hasattr(module, "optimized_attention"):
            module.optimized_attention = pytorch_attention
    (width, height), frames = SIZES[size], latent_frames_of(length)
    pictures = torch.zeros(1, 3, length, height, width, dtype=torch.float16, device="meta")
    latents = torch.zeros(1, 16, frames, height // 8, width // 8, dtype=torch.float16, device="meta")
    found = video_vae(net, 8, 16, 4)
    assert found.encode_clip and found.decode_clip and pictures_of(frames) == length
    encoding, decoding = counted(lambda: net.encode(pictures)), counted(lambda: net.decode(latents))
    assert found.encode_clip(width, height, length) == pytest.approx(encoding, rel=0.01)
    assert found.decode_clip(width, height, frames) == pytest.approx(decoding, rel=0.01)


def test_wans_vae_is_counted_where_comfyui_goes_around_a_version_of_cudnn(monkeypatch: pytest.MonkeyPatch) -> None:
    with torch.device("meta"):
        net = WanVAE(dim=8, z_dim=16, dim_mult=[1, 2, 4, 4], temperal_downsample=[False, True, True]).half()
    expected = video_vae(net, 8, 16, 4).encode(64, 64)
    monkeypatch.setattr(comfy.ops, "NVIDIA_MEMORY_CONV_BUG_WORKAROUND", True)
    assert video_vae(net, 8, 16, 4).encode(64, 64) == expected is not None


@pytest.mark.parametrize(
    ("make", "down", "channels", "every"),
    [
        (lambda: WanVAE22(dim=160, z_dim=48, temperal_downsample=[False, True, True]), 16, 48, 4),
        (lambda: VideoVAE(version=1), 32, 128, 8),
        (lambda: AutoencoderKL(ddconfig={**OF_IMAGES, "conv3d": True, "time_compress": 4}, embed_dim=16), 8, 16, 4),
    ],
    ids=["Wan 2.2", "LTX", "Hunyuan"],
)
def test_other_vaes_take_what_torch_counts_of_the_whole_clip(
    make: Callable[[], Any], down: int, channels: int, every: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with torch.device("meta"):
        net = make().half()
    for module in net.modules():
        if hasattr(module, "optimized_attention"):
            module.optimized_attention = pytorch_attention
    size, frames = 128, 7
    length = pictures_of(frames, every)
    pictures = torch.zeros(1, 3, length, size, size, dtype=torch.float16, device="meta")
    latents = torch.zeros(1, channels, frames, size // down, size // down, dtype=torch.float16, device="meta")
    found = video_vae(net, down, channels, every)
    assert found.encode_clip and found.decode_clip
    encoding, decoding = found.encode_clip(size, size, length), found.decode_clip(size, size, frames)
    # Newer ComfyUI asks devices how much LTX's VAE may take at once, and where results are kept.
    monkeypatch.setattr(comfy.model_management, "get_total_memory", lambda dev: 2**34)
    monkeypatch.setattr(comfy.model_management, "intermediate_device", lambda: torch.device("meta"))
    assert encoding == pytest.approx(counted(lambda: net.encode(pictures)), rel=0.01)
    assert decoding == pytest.approx(counted(lambda: net.decode(latents)), rel=0.01)
