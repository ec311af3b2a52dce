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

from tools.made_part import replaced

from . import goals
from .measurement import Measurement
from .results import PartResult, Results, all_in

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "gpu.md"
SPEEDS = ROOT / "nodes" / "forecast" / "speeds.json"
RESULTS = ROOT / "bench" / "results"


def section(days: Sequence[Results]) -> str:
    """The made part of the page: every card's figures, and which goals are still without one."""
    return "\n\n".join([*map(_card, days), _goals(days)]) + "\n"


def speeds(days: Sequence[Results]) -> dict[str, list[dict[str, Any]]]:
    """For ``speeds.json``: by the name of a card in the price table, what parts have told of it."""
    from frugal_motion.nodes.economy.prices import card_named

    from .speeds import speeds_in

    found: dict[str, list[dict[str, Any]]] = {}
    for day in days:
        card = card_named(day.about["card"])
        kept = speeds_in(day)
        if card and kept:
            found.setdefault(card.name, []).extend(kept)
    return found


def _card(day: Results) -> str:
    about = day.about
    dates = sorted({part.date for part in day.parts if part.date})
    words = [
        " and ".join(dates),
        f"{sum(part.seconds for part in day.parts):.0f} s",
        *(f"{title} {about[name]}" for name, title in _ABOUT.items() if about.get(name)),
    ]
    parts = ["\n".join([f"### {part.title}", "", *_part(part)]) for part in day.parts]
    return "\n\n".join([f"## {about['card']}", f"{', '.join(words)}.", *_promised(day), *parts])


_ABOUT = {
    "driver": "driver",
    "torch": "torch",
    "python": "Python",
    "comfyui": "ComfyUI",
    "frugal_motion": "Frugal Motion",
    "cores": "CPU cores:",
}


def _promised(day: Results) -> Iterator[str]:
    """The table of the goals that the day has a number for; nothing if it has none."""
    rows = [
        _row(goal.title, ", ".join(_named(name, one) for name, one in found), goal.goal, _missed(found))
        for goal in goals.GOALS
        if (found := goals.figures_of(goal, day))
    ]
    if rows:
        yield "\n".join(["| promised | measured | goal | |", "|---|---|---|---|", *rows])


def _named(name: str, one: Measurement) -> str:
    """A figure; behind the part of its name that its goal leaves open."""
    return f"{name.replace('_', ' ')} {_value(one)}".strip()


def _missed(found: Sequence[tuple[str, Measurement]]) -> str:
    return "**missed**" if any(one.is_reached is False for _, one in found) else ""


def _part(part: PartResult) -> Iterator[str]:
    if part.state != "done":
        yield from (_STATES.get(part.state) or f"*{part.state.capitalize()}: {_first_line(part.why)}*", "")
    if not part.measurements:
        yield "No figure was found."
        return
    yield from ("| figure | value | goal | |", "|---|---|---|---|")
    for one in part.measurements:
        notes = [_missed([("", one)]), _escaped(one.note)]
        yield _row(one.name, _value(one), _goal(one), "; ".join(filter(None, notes)))


_STATES = {"waiting": "*Not run.*", "running": "*The day was cut off here.*"}


def _first_line(text: str) -> str:
    return _escaped(text.strip().partition("\n")[0][:200])


def _escaped(text: str) -> str:
    return text.replace("*", "\\*").replace("<", "&lt;")


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _value(one: Measurement) -> str:
    return _with_unit(one.value, one.unit)


def _goal(one: Measurement) -> str:
    if one.goal is None:
        return ""
    return f"{'at least' if one.better == 'higher' else 'at most'} {_with_unit(one.goal, one.unit)}"


def _with_unit(value: float, unit: str) -> str:
    digits = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"${digits}" if unit == "$" else f"{digits} {unit}".strip()


def _goals(days: Sequence[Results]) -> str:
    found = goals.without_a_number(days)
    if not found:
        return "Every goal that is set for a GPU has a number."
    lines = ["| goal without a number | | promised under |", "|---|---|---|"]
    lines += [_row(one.title, one.goal, f"[{one.promised.partition('.')[0]}]({one.promised})") for one in found]
    before = ["## Not measured yet", ""] if days else ["**No GPU has run this pack so far.**", ""]
    return "\n".join([*before, *lines])


def write(days: Sequence[Results]) -> None:
    """Write the page's made part, and the speeds."""
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(replaced(page, "gpu-page", section(days)), encoding="utf-8")
    SPEEDS.write_text(json.dumps(speeds(days), indent=1) + "\n", encoding="utf-8")


def main() -> int:
    """Command line."""
    from tools.pack import import_pack

    import_pack(Path(os.environ.get("COMFYUI_PATH") or ROOT / ".comfyui").resolve())
    write(all_in(RESULTS))
    return 0


if __name__ == "__main__":
    sys.exit(main())
