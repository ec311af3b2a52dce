"""Prompts for pictures: paraphrases of figure and background between words that mean nothing here."""

from __future__ import annotations

from .poses import Random
from .renderer import BACKDROPS, FIGURES

FILLERS = (
    "best quality", "masterpiece", "highly detailed", "4k", "full body", "dancing", "walking", "a person", "a man",
    "a woman", "photo of", "picture of", "sharp focus", "video frame", "animated", "standing", "cinematic", "jumping",
    "studio quality", "beautiful lighting", "a dancer", "character", "sport", "in motion", "3d render", "cartoon",
    "digital art", "smiling", "wide shot", "clean background",
)  # fmt: skip
NEGATIVES = (
    "", "blurry, low quality", "bad anatomy, extra limbs", "deformed, ugly, worst quality", "text, watermark",
    "low quality", "worst quality, low quality, blurry, deformed hands, watermark",
)  # fmt: skip
"""Prompts that say nothing about the picture; the empty one stands for half of them."""


def caption(random: Random, figure: int | None, backdrop: int | None) -> str:
    """A prompt for a picture; ``None`` leaves its subject open."""
    parts = []
    if figure is not None:
        parts.append(("a " if random.random() < 0.7 else "") + _chosen(random, FIGURES[figure].names))
    if backdrop is not None:
        parts.append(_chosen(random, BACKDROPS[backdrop].names))
    if random.random() < 0.15:
        parts.reverse()
    prompt = (" " if random.random() < 0.7 else ", ").join(parts)
    for _ in range(random.choice(3, p=(0.5, 0.3, 0.2))):
        filler = _chosen(random, FILLERS)
        prompt = f"{prompt}, {filler}" if random.random() < 0.6 else f"{filler}, {prompt}"
    return prompt


def negative(random: Random) -> str:
    """A prompt without a subject."""
    return "" if random.random() < 0.5 else _chosen(random, NEGATIVES)


def plain_caption(figure: int, backdrop: int) -> str:
    """The simplest prompt of a picture, as a user would type it."""
    return f"a {FIGURES[figure].names[0]} {BACKDROPS[backdrop].names[0]}"


def _chosen(random: Random, words: tuple[str, ...]) -> str:
    return words[int(random.integers(len(words)))]
