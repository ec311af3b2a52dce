"""Some rows of what ComfyUI runs a net on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch


class SomeRows:
    """Some rows of everything in a batch.

    Args:
        rows: which.
        batch: rows of the whole batch; a tensor whose first axis is longer or shorter is for all rows.
    """

    def __init__(self, rows: Sequence[int], batch: int) -> None:
        self.rows, self.batch, self.some = list(rows), batch, list(rows) != list(range(batch))

    def of(self, value: Any) -> Any:
        """These rows of a value, if it has a row for each of the batch."""
        per_row = isinstance(value, torch.Tensor) and value.ndim > 0 and value.shape[0] == self.batch
        return value[self.rows] if per_row and self.some else value

    def of_each(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The same of several values."""
        return {name: self.of(value) for name, value in values.items()}
