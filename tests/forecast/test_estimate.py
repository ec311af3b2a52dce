"""Seconds, dollars, the way from the naive pipeline, and advice."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given

from frugal_motion.nodes.economy.cost_chart import WIDTH
from frugal_motion.nodes.economy.prices import card_named, dollars
from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.forecast.advice import advise
from frugal_motion.nodes.forecast.edit_work import NO_LIMIT, Edit
from frugal_motion.nodes.forecast.estimate import Machine, estimate, rows_that_fit
from frugal_motion.nodes.forecast.savings_chart import draw_savings
from frugal_motion.nodes.forecast.table import as_text
from frugal_motion.nodes.forecast.throughput import UTILISATION, Measured, Throughput, calibrated

from .test_edit import AREA, jobs, ten_seconds

CARD = card_named("RTX 4090")
MACHINE = Machine(Throughput(card=CARD), 1.0)


@given(jobs)
def test_the_savings_add_up_and_multiply_to_the_whole(job: Edit) -> None:
    found = estimate(job, AREA, MACHINE)
    assert sum(one.seconds for one in found.savings) == pytest.approx(found.naive_seconds - found.seconds, abs=1e-12)
    if found.seconds:
        assert math.prod(one.factor for one in found.savings) == pytest.approx(found.naive_seconds / found.seconds)


def test_a_card_works_at_a_share_of_its_data_sheet() -> None:
    found = estimate(ten_seconds(), AREA, MACHINE)
    sample = next(stage for stage in found.stages if stage.stage == "sample")
    assert sample.seconds == pytest.approx(sample.flops / (165.2e12 * UTILISATION["sample"]))
    assert found.dollars == pytest.approx(found.seconds / 3600)


def test_full_precision_takes_twice_as_long_where_there_is_half() -> None:
    half, full = (estimate(replace(ten_seconds(), full_precision=one), AREA, MACHINE).seconds for one in (False, True))
    assert full == 2 * half
    on_cpu = Machine(replace(MACHINE.throughput, halves=False))
    assert "half precision" not in [one.name for one in estimate(ten_seconds(), AREA, on_cpu).savings]


def test_what_a_cache_spares_costs_nothing() -> None:
    found = estimate(ten_seconds(cached=frozenset({"sample", "decode"}), upscales=True), AREA, MACHINE)
    assert {stage.stage for stage in found.stages if stage.seconds == 0} == {"sample", "decode"}
    assert found.savings[-1].name == "cache"


def test_nothing_is_invented_for_an_unknown_machine() -> None:
    found = estimate(ten_seconds(cpu=("load",)), AREA, Machine(Throughput()))
    assert found.seconds is None and found.dollars is None and not found.savings
    assert "not known" in as_text(found)
    assert draw_savings(found).shape[1] == WIDTH


def test_a_machine_that_has_run_is_asked_before_the_table() -> None:
    runs = [Measured("sample", "this", 1e15, 31, 10.0)]
    speed = calibrated(runs, "this", Throughput(card=CARD))
    assert speed.seconds("sample", 2e15, 62) == pytest.approx(20)
    assert speed.seconds("decode", 1e14, 31) == pytest.approx(1)
    assert speed.seconds("upscale", 1e15, 31) == pytest.approx(1e15 / (165.2e12 * UTILISATION["upscale"]))


def test_the_median_of_the_nearest_runs_counts() -> None:
    large = [Measured("sample", "this", 1e15, 30, seconds) for seconds in (10, 10.1, 9.9, 10, 500)]
    small = [Measured("sample", "this", 1e9, 30, 1.0)] * 9
    assert calibrated([*small, *large], "this").seconds("sample", 1e15, 30) == pytest.approx(10)


def test_runs_of_other_devices_do_not_count() -> None:
    runs = [Measured("sample", "other", 1e15, 31, 10.0), Measured("pose", "cpu", 0, 100, 5.0)]
    speed = calibrated(runs, "this")
    assert speed.seconds("sample", 1e15, 31) is None
    assert speed.cpu_seconds("pose", 40) == pytest.approx(2)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_runs_that_cannot_be_right_do_not_count(seconds: float) -> None:
    assert calibrated([Measured("sample", "this", 1e15, 31, seconds)], "this").seconds("sample", 1e15, 31) is None


def test_batches_are_as_large_as_the_card() -> None:
    nets = replace(AREA, weights=2e9, row_memory=lambda width, height: 1e8)
    job = ten_seconds(mode="dense")
    fit = rows_that_fit(job, nets, replace(MACHINE, memory=8e9))
    assert fit == int((0.9 * 8e9 - 2e9) / 1.5e8)
    assert rows_that_fit(job, nets, MACHINE) == NO_LIMIT
    assert estimate(job, nets, replace(MACHINE, memory=8e9)).memory == 2e9 + fit * 1e8 < 8e9
    assert estimate(job, nets, MACHINE).memory == 2e9 + 120 * 1e8


def test_advice_names_one_change_if_one_will_do() -> None:
    now = estimate(ten_seconds(), AREA, MACHINE).dollars
    advice = advise(ten_seconds(), AREA, MACHINE, now * 0.8)
    assert advice.chosen and len(advice.chosen.what) == 1
    assert advice.chosen.dollars <= now * 0.8
    assert {one.what[0].split()[0] for one in advice.single} == {"every", "size"} | {"15", "12", "8"}


def test_advice_combines_what_alone_is_not_enough() -> None:
    job = ten_seconds()
    singles = advise(job, AREA, MACHINE, 1e-9).single
    advice = advise(job, AREA, MACHINE, singles[0].dollars * 0.7)
    assert advice.chosen and len(advice.chosen.what) == 2


def test_advice_says_so_when_nothing_helps() -> None:
    advice = advise(ten_seconds(), AREA, MACHINE, 1e-9)
    assert advice.chosen is None and "cannot be met" in str(advice) and dollars(advice.least) in str(advice)


def test_advice_changes_nothing_when_the_budget_is_met() -> None:
    advice = advise(ten_seconds(), AREA, MACHINE, 10.0)
    assert advice.is_met and advice.chosen is None and "is met" in str(advice)


def test_a_dense_edit_is_advised_to_be_hybrid_or_sparse() -> None:
    advice = advise(ten_seconds(mode="dense"), AREA, MACHINE, 1e-9)
    assert {"mode hybrid", "mode sparse"} <= {one.what[0] for one in advice.single}


def test_few_steps_are_for_models_that_are_made_for_them() -> None:
    plain, distilled = (advise(ten_seconds(is_distilled=made), AREA, MACHINE, 1e-9).single for made in (False, True))
    more = {one.what[0] for one in distilled} - {one.what[0] for one in plain}
    assert more == {"6 steps", "4 steps", "cfg 1"}
    now = estimate(ten_seconds(), AREA, MACHINE).dollars
    without_guidance = next(one for one in distilled if one.what == ("cfg 1",))
    assert without_guidance.dollars == pytest.approx(estimate(ten_seconds(cfg=False), AREA, MACHINE).dollars)
    assert without_guidance.dollars < now


def test_a_budget_is_for_each_clip() -> None:
    one = ten_seconds()
    two = replace(one, clips=one.clips * 2)
    assert advise(two, AREA, MACHINE, 1.0).dollars == pytest.approx(advise(one, AREA, MACHINE, 1.0).dollars)


@pytest.mark.parametrize("budget", [0.0, -1.0, float("nan"), float("inf")])
def test_budgets_that_mean_nothing(budget: float) -> None:
    with pytest.raises(InputError, match="budget"):
        advise(ten_seconds(), AREA, MACHINE, budget)


@pytest.mark.parametrize("price", [-1.0, float("nan"), 1001.0])
def test_prices_that_cannot_be_right(price: float) -> None:
    with pytest.raises(InputError, match="price"):
        Machine(Throughput(), price)


def test_the_chart_has_a_bar_for_each_saving() -> None:
    found = estimate(ten_seconds(upscales=True, order="cheaper"), AREA, MACHINE)
    rows = (draw_savings(found) == (120, 220, 150)).all(axis=-1).any(axis=1)
    bars = (rows[1:] & ~rows[:-1]).sum()
    assert bars == sum(one.seconds > 0 for one in found.savings) >= 6


def test_the_table_counts_dollars_per_clip_and_per_ten_seconds() -> None:
    job = replace(ten_seconds(), clips=ten_seconds().clips * 2)
    found = estimate(job, AREA, MACHINE)
    assert f"({dollars(found.dollars / 2)} per clip)" in as_text(found)
    assert found.as_dict()["dollars_per_10_s"] == pytest.approx(found.dollars / 2)
    assert found.video_seconds == Fraction(20)
