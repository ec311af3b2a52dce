"""How many frames video models take."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InputError


@dataclass(frozen=True)
class LengthRule:
    """A model whose VAE makes one latent frame of the first frame, and one of every ``step`` that follow.

    It takes 1 + any multiple of ``step``; with a step of 1, any number.
    """

    step: int

    def least_from(self, count: int) -> int:
        """The least number that is allowed and not less than ``count``, which is 1 or more."""
        return count + (1 - count) % self.step

    def most_up_to(self, count: int) -> int:
        """The greatest number that is allowed and not more than ``count``, which is 1 or more."""
        return count - (count - 1) % self.step


RULES = {
    "4n + 1: Wan, Hunyuan Video": LengthRule(4),
    "8n + 1: LTX": LengthRule(8),
    "any": LengthRule(1),
}
"""By the names that users choose."""


def rule_named(name: str) -> LengthRule:
    """The rule of that name.

    Raises:
        InputError: there is none.
    """
    if name not in RULES:
        raise InputError("rule", repr(name), ", ".join(RULES))
    return RULES[name]
