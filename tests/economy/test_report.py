"""The table of what a run has cost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from frugal_motion.nodes.economy.cost_chart import WIDTH, draw_costs
from frugal_motion.nodes.economy.report import Report
from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.metering.meter import StageCost


def test_dollars_count_the_gpu_alone() -> None:
    stages = (
        StageCost("Load", "cpu", 30.0, 100),
        StageCost("Sample", "cuda:0", 18.0, 6),
        StageCost("Pose", "-", cached=True),
    )
    report = Report(stages, price=2.0, video_seconds=4)
    assert report.dollars == 0.01 and report.gpu_seconds == 18 and report.seconds == 48
    assert report.dollars_per_10_s == pytest.approx(0.025)
    lines = [line.strip("| ").split() for line in report.as_text().replace(" | ", " ").splitlines()]
    assert lines[0] == ["stage", "device", "seconds", "frames", "cached"]
    assert lines[3] == ["Sample", "cuda:0", "18.00", "6", "no"]
    assert lines[4] == ["Pose", "-", "-", "-", "yes"]
    assert "$0.0100" in report.as_text() and "$0.0250 for 10 s" in report.as_text()


def test_the_gpus_own_seconds_go_before_the_walls() -> None:
    assert Report((StageCost("Sample", "cuda:0", 18.0, gpu_seconds=9.0),), price=1.0).gpu_seconds == 9


def test_a_batch_is_split_by_frames_and_calls_by_clip() -> None:
    stages = (
        StageCost("Sample", "cuda:0", 3600.0, shares={0: 6, 1: 2, 2: 0}),
        StageCost("Interpolate", "cuda:0", 3600.0, clips={0: 900, 1: 2700}),
        StageCost("Load model", "cuda:0", 3600.0, clips={0: 3600}),
        StageCost("Pose", "cpu", 99.0, clips={0: 1, 1: 1, 2: 97}),
    )
    report = Report(stages, price=1.0)
    assert report.clips == pytest.approx([0.75 + 0.25 + 1 / 3, 0.25 + 0.75 + 1 / 3, 1 / 3])
    assert sum(report.clips) == pytest.approx(report.dollars)


def test_what_is_cached_costs_nothing() -> None:
    report = Report((StageCost("Sample", "-", cached=True),), price=5.0, video_seconds=10)
    assert report.dollars == 0 and report.dollars_per_10_s == 0 and report.clips == [0]


def test_notes_stand_below() -> None:
    stage = StageCost("Sample", "cuda:0", 5.0, load_seconds=2.5, peak_bytes=3_000_000_000, joules=7200)
    text = Report((stage,)).as_text()
    assert "2.5 s of it brought models" in text and "3.0 GB" in text and "2.00 Wh" in text and "$" not in text


def test_a_gpu_is_paid_for_what_its_net_took_and_the_cpu_is_named() -> None:
    stage = StageCost("Interpolate", "cuda:0", 10.0, gpu_seconds=9.5, net_seconds=4.0)
    report = Report((stage,), price=360.0)
    assert report.dollars == pytest.approx(0.4) and report.as_dict()["seconds_beside_net"] == 6
    assert "Interpolate: 4.0 s in the net, 6.0 s on the CPU for it." in report.as_text()
    half = stage.part(0.5)
    assert (half.net_seconds, half.seconds_beside_net) == (2, 3)
    assert "in the net" not in Report((StageCost("Interpolate", "cuda:0", 10.0),)).as_text()


def test_what_was_not_generated_stands_on_a_line_of_its_own() -> None:
    crop = StageCost("Crop", "cpu", 1.0, offered=40, spared=30)
    sampler = StageCost("Sampler", "cuda:0", 5.0, offered=10, spared=2)
    report = Report((crop, sampler))
    assert report.not_generated == pytest.approx(1 - 0.25 * 0.8)
    assert report.as_dict()["not_generated"] == 0.8
    told = "Not generated: 80% of whole pictures with people as large (Crop 75%, Sampler 20%)."
    assert told in report.as_text()
    everything = Report((replace(crop, spared=0), replace(sampler, spared=0)))
    assert everything.not_generated is None and "Not generated" not in everything.as_text()
    assert everything.as_dict()["not_generated"] is None
    assert draw_costs(report).shape[0] > draw_costs(everything).shape[0], "a bar more"
    assert (draw_costs(report) == (120, 220, 150)).all(axis=-1).any()
    half = sampler.part(0.5)
    assert half.spared / half.offered == sampler.spared / sampler.offered


def test_no_stages_at_all() -> None:
    assert Report((), 1.0).as_dict()["dollars"] == 0 and "total" in Report(()).as_text()


@pytest.mark.parametrize("price", [-1, 1001, float("nan"), float("inf")])
def test_absurd_prices(price: float) -> None:
    with pytest.raises(InputError, match="dollars per hour"):
        Report((), price)


def test_bars_are_as_long_as_stages_took() -> None:
    stages = (
        StageCost("Sample", "cuda:0", 8.0),
        StageCost("Load", "cpu", 4.0),
        StageCost("A name that is too long for its place", "-", cached=True),
    )
    picture = draw_costs(Report(stages, 1.0))
    assert picture.shape[1:] == (WIDTH, 3)
    rows = [picture[96 + 40 * row + 8, 230 : WIDTH - 190] for row in range(3)]
    background = rows[2][-1]
    lengths = [int((row != background).any(axis=1).sum()) for row in rows]
    assert lengths[0] == len(rows[0]) and lengths[1] == pytest.approx(lengths[0] / 2, abs=2) and lengths[2] <= 2
    assert (rows[0][0] != rows[1][0]).any(), "GPU and CPU are told apart"
