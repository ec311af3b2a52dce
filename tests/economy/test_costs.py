"""What docs/costs.md says of costs is what ``make costs`` says."""

from __future__ import annotations

import pytest

from frugal_motion.nodes.economy.prices import card_named
from frugal_motion.tools import costs, video_costs
from frugal_motion.tools.made_part import replaced


@pytest.fixture(scope="module")
def work(assets):
    return costs.nets(assets)


def test_the_page_says_what_the_command_says(work) -> None:
    page = costs.PAGE.read_text(encoding="utf-8")
    assert replaced(page, "costs", costs.section(work)) == page, "run `make costs`"


def test_ten_seconds_naive_and_frugal(work) -> None:
    found, dense = (costs.example(costs.EXAMPLE, work, mode) for mode in ("sparse", "dense"))
    assert found.naive_dollars == pytest.approx(0.80, rel=0.1)
    halved = found.naive_dollars / 2 * dense.savings[0].after / dense.savings[0].before
    assert 0.15 <= halved <= 0.25
    assert found.dollars < dense.dollars < 0.15


@pytest.mark.parametrize("model", video_costs.MODELS)
def test_ten_seconds_with_a_video_model_are_thirty_times_less(model: str) -> None:
    """By the page, which says what the command says."""
    page = costs.PAGE.read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith(f"| {model}, ")]
    naive, ours, calm = ([float(cell.strip(" $") or 0) for cell in row[1:]] for row in rows)
    assert naive[0] > 30 * ours[0] > 30 * calm[0] and ours[1] == round(naive[0] / ours[0])
    assert all(before > 30 * after for before, after in zip(naive[2:], ours[2:], strict=True))


def test_spot_is_sixty_to_eighty_percent_cheaper() -> None:
    card = card_named(costs.EXAMPLE)
    assert 0.6 <= 1 - card.spot / card.on_demand <= 0.8


def test_a_page_without_marks_is_not_touched() -> None:
    with pytest.raises(ValueError, match="make costs"):
        replaced("# Frugal Motion", "costs", "text")
