"""The text encoder: a CLIP-L of half a megabyte that is not trained.

Every matrix is a strided view of one small block of random numbers. A token's row is a window of the block. Only the
first layer is more than a skip connection: its attention is uniform over the tokens so far and passes them through two
fixed matrices, so that each position, padding too, carries a bag of the words before it. The rows of start and end are
zero, or they would drown the words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import embedding, layer_norm

VOCABULARY, WIDTH, START_TOKEN = 49408, 768, 49406
_SEED = 5


@cache
def _views() -> tuple[Tensor, Tensor, Tensor]:
    """Token table ``(49408, 768)``, and the matrices ``(768, 768)`` of values and output, as views of one block."""
    block = torch.randn(1 << 17, generator=torch.Generator().manual_seed(_SEED)).half()
    rows, matrices = block[: 1 << 16], block[1 << 16 :] / math.sqrt(WIDTH)
    rows[START_TOKEN : START_TOKEN + 2 + WIDTH] = 0
    return (
        rows.as_strided((VOCABULARY, WIDTH), (1, 1)),
        matrices.as_strided((WIDTH, WIDTH), (37, 1)),
        matrices.as_strided((WIDTH, WIDTH), (41, 1), 20_000),
    )


def weights() -> dict[str, Tensor]:
    """The state of ComfyUI's CLIP-L, to be saved with ``torch.save``, which keeps views small."""
    from comfy.sd1_clip import SD1ClipModel

    names = (
        "embeddings.token_embedding.weight",
        "layers.0.self_attn.v_proj.weight",
        "layers.0.self_attn.out_proj.weight",
    )
    views = dict(zip(names, _views(), strict=True))
    zero, one = torch.tensor(0.0).half(), torch.tensor(1.0).half()
    state = {}
    for name, value in SD1ClipModel(device="meta", dtype=torch.half).state_dict().items():
        view = next((view for end, view in views.items() if name.endswith(end)), None)
        flat = one if ("norm" in name and name.endswith("weight")) or "logit_scale" in name else zero
        state[name.removeprefix("clip_l.")] = flat.expand(value.shape) if view is None else view
    return state


def tokenize(prompts: Sequence[str]) -> Tensor:
    """Token numbers ``(prompts, 77)`` by ComfyUI's tokenizer; what does not fit is cut off."""
    tokenizer: Any = _tokenizer()
    chunks = [tokenizer.tokenize_with_weights(prompt)["l"][0] for prompt in prompts]
    return torch.tensor([[token for token, _ in chunk] for chunk in chunks])


@cache
def _tokenizer() -> Any:
    from comfy.sd1_clip import SD1Tokenizer

    return SD1Tokenizer()


def embed(tokens: Tensor) -> Tensor:
    """What the encoder makes of tokens ``(prompts, 77)``, without its eleven idle layers: ``(prompts, 77, 768)``."""
    table, values, output = _views()
    words = embedding(tokens, table).float()
    mixed = layer_norm(words, (WIDTH,)) @ values.float().T
    mixed = mixed.cumsum(dim=1) / torch.arange(1, tokens.shape[1] + 1)[:, None]
    return layer_norm(words + mixed @ output.float().T, (WIDTH,))
