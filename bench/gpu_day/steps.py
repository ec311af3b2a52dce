"""Steps of a part: one that fails takes none of the others with it."""

from __future__ import annotations

import gc
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import comfy.model_management as management

from .measurement import Finding

Step: TypeAlias = Callable[[], Iterator[Finding]]

_TOLD = 700
"""Characters that are kept of each traceback."""


def each(steps: Iterable[Step], *, keep_weights: bool = False) -> Iterator[Finding]:
    """What the steps find, one after another.

    Args:
        steps: what is to be found.
        keep_weights: whether weights stay on the card from one step to the next.

    Raises:
        RuntimeError: after the last one, if some have failed.
    """
    failed = []
    for step in steps:
        try:
            yield from step()
        except Exception as error:  # noqa: BLE001  whatever it is, it is told at the end
            traceback.print_exc()
            failed.append((f"{type(error).__name__}: {error}", "".join(traceback.format_exception(error))[-_TOLD:]))
        gc.collect()  # only now has the exception let go of the tensors
        try:
            if not keep_weights:
                management.unload_all_models()
            management.soft_empty_cache()
        except Exception:
            if not failed:
                raise
            break  # the card takes no more after what has failed
    if failed:
        first = failed[0][0].partition("\n")[0][:_TOLD]
        told = "\n".join(where for _, where in failed)
        raise RuntimeError(f"{len(failed)} of its steps failed, the first by {first}\n{told}")
