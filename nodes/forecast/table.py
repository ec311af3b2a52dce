"""An estimate as a table."""

from __future__ import annotations

from ..economy.prices import dollars
from .estimate import Estimate, StageEstimate

HEADINGS = ("stage", "device", "frames", "TFLOP", "seconds", "by")


def as_text(estimate: Estimate, bound: str = "", has_naive: bool = True) -> str:
    """Markdown, aligned so that it reads as plain text too.

    Args:
        bound: what stands before the dollars, such as ``"At least "``.
        has_naive: whether there is a naive way of doing the same.
    """
    lines = [_line(stage) for stage in estimate.stages]
    lines.append(("on the GPU", "", "", "", _number(estimate.seconds, 1), ""))
    return "\n".join([aligned([HEADINGS, *lines]), "", *_words(estimate, bound, has_naive)])


def aligned(rows: list[tuple[str, ...]]) -> str:
    """Rows, the first of which are the headings, as a Markdown table."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [rows[0], tuple("-" * width for width in widths), *rows[1:]]
    return "\n".join(f"| {' | '.join(map(str.ljust, line, widths))} |" for line in lines)


def _line(stage: StageEstimate) -> tuple[str, ...]:
    flops = "-" if stage.device == "cpu" else _number(None if stage.flops is None else stage.flops / 1e12, 1)
    by = "cache" if stage.cached else stage.by
    known = stage.seconds is not None
    return stage.stage, stage.device, f"{stage.frames:,}", flops, _number(stage.seconds, 1), by if known else "-"


def _words(estimate: Estimate, bound: str, has_naive: bool) -> list[str]:
    if not any(stage.device == "gpu" for stage in estimate.stages):
        return ["Nothing in this workflow needs the GPU."]
    words = []
    if estimate.dollars is not None and estimate.price:
        each = f" ({dollars(estimate.dollars / estimate.clips)} per clip)" if estimate.clips > 1 else ""
        per_ten = estimate.dollars_per_10_s
        of_video = "" if per_ten is None else f", {dollars(per_ten)} per 10 s of video"
        naive = f"; the naive way {dollars(estimate.naive_dollars or 0)}" if has_naive else ""
        words.append(f"{bound}{dollars(estimate.dollars)}{each} at ${estimate.price:g}/h{of_video}{naive}.")
    elif estimate.seconds is None:
        words.append("Seconds are not known: choose a GPU, or run once on this machine.")
    if estimate.rows.unet:
        words.append(
            f"{estimate.rows.unet:,} rows of the UNet, {estimate.rows.control:,} of the ControlNet; about "
            f"{estimate.memory / 1e9:,.1f} GB on the GPU."
        )
    elif estimate.memory:
        words.append(f"About {estimate.memory / 1e9:,.1f} GB on the GPU.")
    return words


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"
