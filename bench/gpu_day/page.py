"""``make gpu-page``: takes what GPU days have found into docs/gpu.md, and into the speeds that Cost Estimate knows.

It reads all of ``bench/results/*.json`` but rehearsals, writes the made part of the page, and
``nodes/forecast/speeds.json``.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .goals import without_a_number
from .measurement import Measurement
from .results import PartResult, Results, all_in

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "gpu.md"
SPEEDS = ROOT / "nodes" / "forecast" / "speeds.json"
RESULTS = ROOT / "bench" / "results"
BEGIN, END = "<!-- made by make gpu-page -->\n", "<!-- end of make gpu-page -->\n"


def section(days: Sequence[Results]) -> str:
    """The made part of the page: every card's figures, and which goals are still without one."""
    return "\n\n".join([*map(_card, days), _goals(days)]) + "\n"


def speeds(days: Sequence[Results]) -> dict[str, list[dict[str, Any]]]:
    """For ``speeds.json``: by the name of a card in the price table, what ``speeds`` has kept of it."""
    from frugal_motion.nodes.economy.prices import card_named

    found: dict[str, list[dict[str, Any]]] = {}
    for day in days:
        card = card_named(day.about["card"])
        kept = [one for part in day.parts if part.name == "speeds" for one in part.facts.get("speeds", ())]
        if card and kept:
            found.setdefault(card.name, []).extend(kept)
    return found


def updated(page: str, text: str) -> str:
    """The page with another made part.

    Raises:
        ValueError: the marks are missing.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name}: no {BEGIN.strip()} or no {END.strip()}")
    return f"{before}{BEGIN}\n{text.strip()}\n\n{END}{after}"


def _card(day: Results) -> str:
    about = day.about
    dates = sorted({part.date for part in day.parts if part.date})
    took = sum(part.seconds for part in day.parts)
    words = [
        " and ".join(dates),
        f"{took:.0f} s",
        *(f"{title} {about[name]}" for name, title in _ABOUT.items() if about.get(name)),
    ]
    lines = ["| part | figure | value | goal | |", "|---|---|---|---|---|"]
    lines += [row for part in day.parts for row in _rows(part)]
    return "\n".join([f"## {about['card']}", "", f"{', '.join(words)}.", "", *lines])


_ABOUT = {
    "driver": "driver",
    "torch": "torch",
    "python": "Python",
    "comfyui": "ComfyUI",
    "frugal_motion": "Frugal Motion",
    "cores": "CPU cores:",
}


def _rows(part: PartResult) -> Iterator[str]:
    title, state = part.title, _state(part)
    for one in part.measurements:
        yield _row(title, one.name, _value(one), _goal(one), _note(one))
        title = ""
    if state or not part.measurements:
        yield _row(title, state or "nothing was found", "", "", "")


def _state(part: PartResult) -> str:
    """What has become of a part that is not done."""
    if part.state == "done":
        return ""
    if part.state == "waiting":
        return "*not run*"
    if part.state == "running":
        return "*the day was cut off here*"
    last = part.why.strip().splitlines()[-1:] or [""]
    return f"*{part.state}: {last[0][:200]}*"


def _row(*cells: str) -> str:
    texts = (cell.replace("|", "\\|").replace("<", "&lt;") for cell in cells)
    return f"| {' | '.join(texts)} |"


def _value(one: Measurement) -> str:
    return _with_unit(one.value, one.unit)


def _goal(one: Measurement) -> str:
    if one.goal is None:
        return ""
    return f"{'at least' if one.better == 'higher' else 'at most'} {_with_unit(one.goal, one.unit)}"


def _note(one: Measurement) -> str:
    return "; ".join([*(["**missed**"] if one.is_reached is False else []), *([one.note] if one.note else [])])


def _with_unit(value: float, unit: str) -> str:
    digits = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"${digits}" if unit == "$" else f"{digits} {unit}".strip()


def _goals(days: Sequence[Results]) -> str:
    found = without_a_number(days)
    if not found:
        return "Every goal that is set for a GPU has a number."
    lines = ["| goal without a number | | promised under |", "|---|---|---|"]
    lines += [_row(one.title, one.goal, f"[{one.promised.partition('.')[0]}]({one.promised})") for one in found]
    before = ["## Not measured yet", ""] if days else ["**No GPU has run this pack so far.**", ""]
    return "\n".join([*before, *lines])


def write(days: Sequence[Results]) -> None:
    """Write the page's made part, and the speeds."""
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8"), section(days)), encoding="utf-8")
    SPEEDS.write_text(json.dumps(speeds(days), indent=1) + "\n", encoding="utf-8")


def main() -> int:
    """Command line."""
    from tools.pack import import_pack

    import_pack(Path(os.environ.get("COMFYUI_PATH") or ROOT / ".comfyui").resolve())
    write(all_in(RESULTS))
    return 0


if __name__ == "__main__":
    sys.exit(main())
