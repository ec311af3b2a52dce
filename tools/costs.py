"""What 10 seconds of video cost, by the pack's own estimate: ``make costs`` writes it into docs/costs.md.

Counts full-size nets on torch's meta device; only the weights of RIFE and Real-ESRGAN are needed.
"""

from __future__ import annotations

import os
import sys
import textwrap
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

from .made_part import replaced
from .video_costs import CARDS as VIDEO_CARDS
from .video_costs import video_table

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "costs.md"

CARDS = ("T4", "L4", "RTX 3090", "RTX 4090", "A100 80GB", "H200")
EXAMPLE = "A100 80GB"
FAMILY, SIDE, SECONDS = "SDXL", 768, 10
MODES = ("dense", "hybrid", "sparse")
USERS, DAYS = 100, 30


def nets(assets: Path) -> Any:
    """The work of SDXL with a ControlNet, its VAE, RIFE and Real-ESRGAN x4plus.

    Args:
        assets: the folder that ``make models`` fills.
    """
    import comfy.ops
    import comfy.supported_models
    import torch
    from comfy.cldm.cldm import ControlNet
    from comfy.ldm.models.autoencoder import AutoencoderKL
    from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel

    from frugal_motion.bench._edit import NETS, VAE
    from frugal_motion.nodes.forecast.edit_work import Nets
    from frugal_motion.nodes.forecast.finishing_work import interpolation_work, upscale_work
    from frugal_motion.nodes.forecast.model_files import half_bytes
    from frugal_motion.nodes.forecast.unet_work import control_flops, row_memory, unet_flops
    from frugal_motion.nodes.forecast.vae_work import autoencoder_work

    config = NETS[FAMILY]
    on_meta: dict[str, Any] = {
        "dtype": torch.float16,
        "device": "meta",
        "operations": comfy.ops.disable_weight_init,
    }
    unet = UNetModel(out_channels=4, **{name: _copy(value) for name, value in config.items()}, **on_meta)
    of_control = {name: _copy(value) for name, value in config.items() if name != "transformer_depth_output"}
    control = ControlNet(hint_channels=3, **of_control, **on_meta)
    with torch.device("meta"):
        vae = AutoencoderKL(ddconfig=VAE, embed_dim=4).half()
    encode, decode = autoencoder_work(vae, 8, 4)
    prepare, interpolate = interpolation_work(assets / "models/frame_interpolation/rife_v4.26.safetensors")
    factor = comfy.supported_models.SDXL.memory_usage_factor
    return Nets(
        unet=lru_cache(lambda width, height: unet_flops(unet, config, width, height)),
        control=lru_cache(lambda width, height: control_flops(control, config, width, height)),
        encode=encode,
        decode=decode,
        prepare=prepare,
        interpolate=interpolate,
        upscale=upscale_work(assets / "models/upscale_models/RealESRGAN_x4plus.safetensors"),
        weights=half_bytes(unet) + half_bytes(control),
        row_memory=lambda width, height: row_memory(factor, width, height),
    )


def _copy(value: Any) -> Any:
    return list(value) if isinstance(value, list) else value  # the nets empty some lists


def job(mode: str = "sparse") -> Any:
    """10 seconds on a 12 fps grid, every 6th frame a keyframe, 18 steps, enlarged twice and shown at 25 fps."""
    from frugal_motion.bench._edit import EVERY, NAIVE_RATE, RATE, REFINE_STEPS, STEPS, WAYS
    from frugal_motion.nodes.forecast.edit_work import Edit, EditedClip
    from frugal_motion.nodes.keyframes.uniform import every_nth

    clip = EditedClip(every_nth(int(SECONDS * RATE), RATE, EVERY), (SIDE, SIDE), (SIDE, SIDE))
    rate = Fraction(NAIVE_RATE)
    return Edit((clip,), mode, STEPS, REFINE_STEPS, frame_rate=rate, ways=WAYS, upscales=True, scale=2.0)


def example(name: str, work: Any, mode: str = "sparse", spot: bool = False) -> Any:
    """The estimate of that job on a card of the table, as measured on such a card, else at data sheet speed.

    Args:
        name: of the card.
        work: from ``nets``.
        mode: of the sampler.
        spot: which of the card's prices.
    """
    from frugal_motion.nodes.economy.prices import card_named
    from frugal_motion.nodes.forecast.card_speeds import before_any_run
    from frugal_motion.nodes.forecast.estimate import GIGABYTE, Machine, estimate

    card = card_named(name)
    machine = Machine(before_any_run(card), card.price(spot), card.memory_gb * GIGABYTE)
    return estimate(job(mode), work, machine)


def section(work: Any) -> str:
    """The page's section, without its heading; ``work`` is from ``nets``."""
    return f"{_table(work)}\n{_calculation(work)}\n{video_table(work)}\n{_of_videos()}"


def _table(work: Any) -> str:
    from frugal_motion.nodes.economy.prices import card_named

    lines = [
        f"{SECONDS} seconds with {FAMILY} at {SIDE} px, enlarged to {2 * SIDE}: dollars on demand, last on spot.",
        "",
        f"| | per hour; spot | naive | {' | '.join(MODES)} | sparse, spot |",
        f"|{'---|' * (len(MODES) + 4)}",
    ]
    for name in CARDS:
        card = card_named(name)
        ways = [example(name, work, mode).dollars for mode in MODES]
        naive, spot = example(name, work).naive_dollars, example(name, work, spot=True).dollars
        rent = f"{card.on_demand:.2f}; {card.spot:.2f}"
        lines.append(f"| {name} | {rent} | {' | '.join(map(_dollars, [naive, *ways, spot]))} |")
    return "\n".join([*lines, ""])


def _calculation(work: Any) -> str:
    from frugal_motion.nodes.economy.prices import card_named

    sparse, dense = example(EXAMPLE, work), example(EXAMPLE, work, "dense")
    card = card_named(EXAMPLE)
    cheaper = 1 - card.spot / card.on_demand
    month = USERS * DAYS
    halved = sparse.naive_dollars / 2
    grid = halved * dense.savings[0].after / dense.savings[0].before
    bars = ", ".join(f"{one.name} {one.factor:.1f}" for one in sparse.savings)
    first = (
        "The calculation that this pack was planned with says $0.80 for 10 seconds the naive way, and $0.15 to $0.25 "
        f"with care. On an {EXAMPLE} it comes out so: {_dollars(sparse.naive_dollars)} at 25 fps, 50 steps, ControlNet "
        f"on every frame, fp32; {_dollars(grid)} at 12 fps in half precision. The other savings come on top: "
        f"{_dollars(dense.dollars)} in mode dense, {_dollars(sparse.dollars)} in mode sparse. How many times less each "
        f"saving makes it, in this order: {bars}. (Below 1 is dearer: the result is twice as large as the naive one.)"
    )
    second = (
        f"{USERS} users a day with one such clip each cost {_whole(sparse.naive_dollars * month)} a month the naive "
        f"way, {_whole(dense.dollars * month)} in mode dense and {_whole(sparse.dollars * month)} in mode sparse; on "
        f"spot machines, {cheaper:.0%} cheaper here, {_whole(sparse.dollars * month * (1 - cheaper))}."
    )
    third = (
        "FLOPs are counted. Seconds are those FLOPs at a share of the data sheet's speed "
        "(`nodes/forecast/throughput.py`), prices are of the dates in `nodes/economy/prices.json`: expect a factor "
        f"of 2. {_measured()}*Cost Estimate* says it for your workflow, and by earlier runs of your machine. "
        "`user/frugal-motion/prices.json`, a list of the same shape, changes prices and adds cards."
    )
    return "\n\n".join(textwrap.fill(text, 130, break_on_hyphens=False) for text in (first, second, third)) + "\n"


def _measured() -> str:
    """The sentence on cards whose speed is known; nothing without one."""
    from frugal_motion.nodes.forecast.card_speeds import SPEEDS, read_speeds

    cards = [name for name in (*CARDS, *VIDEO_CARDS) if name in read_speeds(SPEEDS)]
    return f"For {', '.join(dict.fromkeys(cards))} the speed is [measured](gpu.md). " if cards else ""


def _of_videos() -> str:
    text = (
        "The naive way counts what VACE and Animate take in ComfyUI's own nodes, with a reference, the VAE and both "
        "encoders. The others need a LoRA that is distilled for 4 steps. L4 and RTX 4090 do not hold these weights "
        "in half precision: ComfyUI then moves them to and fro, which comes on top."
    )
    return textwrap.fill(text, 130, break_on_hyphens=False) + "\n"


def _dollars(value: float) -> str:
    return f"${value:.2f}" if value >= 0.1 else f"${value:.3f}"


def _whole(value: float) -> str:
    return f"${value:,.0f}"


def main() -> int:
    """Write the section."""
    from .pack import import_pack

    import_pack(Path(os.environ.get("COMFYUI_PATH") or ROOT / ".comfyui").resolve())
    page, made = PAGE.read_text(encoding="utf-8"), section(nets(ROOT / ".assets"))
    PAGE.write_text(replaced(page, "costs", made), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
