"""Train a net in bfloat16 with float32 masters where the CPU has that arithmetic: about twice as fast as float32."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

Rounding: TypeAlias = Callable[[str, Tensor], Tensor]

_CPU = torch.cpu.get_capabilities()
DTYPE = torch.bfloat16 if _CPU.get("avx512_bf16") or _CPU.get("amx_bf16") else torch.float32
"""What nets calculate in; a CPU without bfloat16 is ten times slower in it."""
MATRIX_SIDE = 16
"""Weights whose shorter side is at least this are trained by Muon."""


def unrounded(name: str, value: Tensor) -> Tensor:
    """Weights as they are."""
    return value


class MixedPrecision:
    """Masters, optimisers and averaged weights of some nets in ``DTYPE``.

    Inner matrices (convolutions flattened to one row per output channel) are trained by Muon, whose updates are the
    momentum with all singular values set to one (K. Jordan et al., 2024, kellerjordan.github.io/posts/muon); first and
    last layers, biases and norms by AdamW. Muon's step is scaled so that one learning rate serves both (J. Liu et al.,
    Muon is Scalable for LLM Training, 2025).

    Args:
        nets: their parameters are replaced at every step.
        outer: whether the parameter of this name belongs to a first or last layer.
        average: decay per step of the averaged weights, once training is under way.
        rounding: of a parameter, by its name: the nets learn with weights that will be stored like this, and gradients
            pass as if they were not (Y. Bengio et al., Estimating or Propagating Gradients, 2013).
    """

    def __init__(
        self,
        nets: Sequence[nn.Module],
        rate: float,
        *,
        outer: Callable[[str], bool] = lambda name: False,
        decay: float = 1e-3,
        average: float = 0.995,
        clip: float = 1.0,
        muon: bool = True,
        rounding: Rounding = unrounded,
    ) -> None:
        named = [(f"{index}.{name}", value) for index, net in enumerate(nets) for name, value in net.named_parameters()]
        self.names, self.rounding = [name.partition(".")[2] for name, _ in named], rounding
        self.parameters = [value for _, value in named]
        self.masters = [_flat(value.detach()).float().clone().requires_grad_() for value in self.parameters]
        self.averaged = [master.detach().clone() for master in self.masters]
        self.rate, self.average, self.clip, self.steps = rate, average, clip, 0
        matrices: list[Tensor] = []
        others: list[Tensor] = []
        for (name, _), master in zip(named, self.masters, strict=True):
            inner = master.ndim == 2 and min(master.shape) >= MATRIX_SIDE and not outer(name.partition(".")[2])
            (matrices if inner and muon else others).append(master)
        self.optimisers: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(others, rate, betas=(0.9, 0.99), weight_decay=decay, fused=True)
        ]
        if matrices:
            self.optimisers.append(torch.optim.Muon(matrices, rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw"))

    def step(self, loss: Tensor, rate: float) -> float:
        """One update.

        Args:
            loss: of the nets.
            rate: learning rate as a share 0..1 of the full one.

        Returns:
            The gradient's norm.
        """
        for value in self.parameters:
            value.grad = None
        loss.backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            for master, value in zip(self.masters, self.parameters, strict=True):
                master.grad = None if value.grad is None else _flat(value.grad).float()
            norm = nn.utils.clip_grad_norm_([master for master in self.masters if master.grad is not None], self.clip)
            for optimiser in self.optimisers:
                for group in optimiser.param_groups:
                    group["lr"] = self.rate * rate
                optimiser.step()
            self._write(self.masters)
            self.steps += 1
            decay = min(self.average, self.steps / (self.steps + 20))
            torch._foreach_lerp_(self.averaged, self.masters, 1 - decay)
        return float(norm)

    @torch.no_grad()
    def use_averaged(self) -> None:
        """Give the nets the averaged weights, until the next step."""
        self._write(self.averaged)

    @torch.no_grad()
    def use_trained(self) -> None:
        """Give the nets the masters again."""
        self._write(self.masters)

    def _write(self, values: list[Tensor]) -> None:
        for name, value, parameter in zip(self.names, values, self.parameters, strict=True):
            parameter.copy_(self.rounding(name, value.view(parameter.shape)))

    def state_dict(self) -> dict[str, Any]:
        return {
            "masters": [master.detach() for master in self.masters],
            "averaged": self.averaged,
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "steps": self.steps,
        }

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Any]) -> None:
        for mine, theirs in ((self.masters, state["masters"]), (self.averaged, state["averaged"])):
            for value, saved in zip(mine, theirs, strict=True):
                value.copy_(saved)
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.steps = state["steps"]
        self.use_trained()


def _flat(value: Tensor) -> Tensor:
    return value.reshape(len(value), -1) if value.ndim > 1 else value


def schedule(step: int, steps: int, warm_up: int) -> float:
    """Learning rate 0..1: linear warm-up, then half a cosine down to 2 %."""
    return min(1.0, (step + 1) / warm_up) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / steps)))
