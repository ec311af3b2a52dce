"""The rows and FLOPs of a job are those that the samplers and nets really take."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugal_motion.nodes.forecast.edit_work import (
    NO_LIMIT,
    Edit,
    EditedClip,
    Nets,
    cpu_frames,
    naive,
    rows,
    savings,
    work,
)
from frugal_motion.nodes.interpolation.schedule import frames_to_make
from frugal_motion.nodes.keyframes.keyframes import Keyframes
from frugal_motion.nodes.keyframes.uniform import every_nth

RATE = Fraction(12)
AREA = Nets(
    unet=lambda width, height: 8e6 * width * height,
    control=lambda width, height: 3e6 * width * height,
    encode=lambda width, height: 1e6 * width * height,
    decode=lambda width, height: 2e6 * width * height,
    prepare=lambda width, height: 1e4 * width * height,
    interpolate=lambda width, height: 5e4 * width * height,
    upscale=lambda width, height: 3e7 * width * height,
)


def ten_seconds(**settings) -> Edit:
    return Edit((EditedClip(every_nth(120, RATE, 4), (512, 512), (1920, 1080)),), frame_rate=Fraction(25), **settings)


@pytest.mark.parametrize(
    ("mode", "unet", "control"), [("sparse", 1116, 1116), ("hybrid", 1828, 1116), ("dense", 4320, 1116)]
)
def test_the_rows_of_ten_seconds_are_those_of_the_page(mode, unet, control) -> None:
    found = rows(ten_seconds(mode=mode))
    assert (found.unet, found.control) == (unet, control)


def test_the_naive_rows() -> None:
    found = rows(naive(ten_seconds()))
    assert found.unet == found.control == 25_000


def test_without_cfg_there_is_one_prompt() -> None:
    assert rows(ten_seconds(cfg=False)).unet * 2 == rows(ten_seconds()).unet


def test_small_batches_cost_a_dense_edit_its_shared_keyframes() -> None:
    job = ten_seconds(mode="dense")
    small, whole = rows(job, 9), rows(job)
    assert small.unet > whole.unet and small.control > whole.control
    assert rows(replace(job, mode="sparse"), 9) == rows(replace(job, mode="sparse"))


def test_every_stage_of_a_sparse_edit() -> None:
    done = work(ten_seconds(upscales=True, encodes=True), AREA)
    to_make = frames_to_make(every_nth(120, RATE, 4), Fraction(25))
    made = to_make.made
    frames = {stage: found.frames for stage, found in done.items()}
    assert frames == {"encode": 31, "sample": 31, "decode": 31, "interpolate": made, "upscale": 31}
    assert done["sample"].flops == 1116 * 11e6 * 512 * 512
    assert done["upscale"].flops == 31 * 3e7 * 512 * 512
    assert done["interpolate"].flops == pytest.approx((made * 5e4 + to_make.used * 1e4) * 1024 * 1024)


def test_the_other_order_upscales_every_frame() -> None:
    done = work(ten_seconds(upscales=True, order="interpolate first"), AREA)
    assert done["upscale"].frames == 249  # of 250 frames, the last is shown twice


def test_what_is_not_enlarged_is_not_upscaled() -> None:
    assert "upscale" not in work(ten_seconds(upscales=True, scale=1.0), AREA)


def test_hybrid_interpolates_twice_and_encodes_what_it_made() -> None:
    done = work(ten_seconds(mode="hybrid"), AREA)
    plan = every_nth(120, RATE, 4)
    whole = frames_to_make(Keyframes.all_frames(120, RATE), Fraction(25)).made
    assert done["encode"].frames == 89 and done["decode"].frames == 120
    assert done["interpolate"].frames == frames_to_make(plan, RATE).made + whole


def test_work_that_cannot_be_counted_is_unknown_not_nothing() -> None:
    done = work(ten_seconds(), replace(AREA, decode=lambda width, height: None))
    assert done["decode"].flops is None and done["sample"].flops is not None


def test_frames_on_the_cpu() -> None:
    job = ten_seconds(cpu=("load", "pose", "draw", "save"))
    assert cpu_frames(job) == {"load": 120, "pose": 120, "draw": 31, "save": 250}


def test_the_naive_clip_is_as_long_in_its_full_size() -> None:
    (clip,) = naive(ten_seconds()).clips
    assert clip.seconds == 10 and clip.size == (1920, 1080)


clips = st.builds(
    lambda count, every, size, share: EditedClip(every_nth(count, RATE, every), (size, size), (256, 128), share),
    st.integers(1, 60),
    st.integers(1, 9),
    st.sampled_from([64, 128]),
    st.sampled_from([1.0, 0.4]),
)
jobs = st.builds(
    Edit,
    clips=st.lists(clips, min_size=1, max_size=3).map(tuple),
    mode=st.sampled_from(["sparse", "hybrid", "dense", None]),
    steps=st.integers(1, 60),
    cfg=st.booleans(),
    frame_rate=st.sampled_from([None, Fraction(25), Fraction(24000, 1001)]),
    upscales=st.booleans(),
    cached=st.sampled_from([frozenset(), frozenset({"sample", "decode"})]),
)


@given(jobs)
def test_the_savings_lead_from_naive_to_the_job(job: Edit) -> None:
    steps = [step for _, step in savings(job)]
    assert steps[0] == naive(job)
    assert replace(steps[-1], cpu=job.cpu) == job


def test_a_crop_spares_the_pixels_around_it_at_the_same_size_of_people() -> None:
    """A quarter of a picture of 16:9, worked on at 256 x 256: all of it would be 4 times as many pixels."""
    cut = EditedClip(every_nth(120, RATE, 4), (256, 256), (1920, 1080), 0.25)
    width, height = cut.uncut.size
    assert width * height == pytest.approx(4 * 256 * 256, rel=0.02)
    assert width / height == pytest.approx(16 / 9, rel=0.02)
    steps = dict(savings(replace(ten_seconds(), clips=(cut,))))
    before, after = steps["size"], steps["not generated"]
    assert (before.clips, after.clips) == ((cut.uncut,), (cut,))
    whole = dict(savings(ten_seconds()))
    assert whole["size"] == whole["not generated"], "without a crop nothing is spared by one"


@given(jobs, st.integers(1, 40))
def test_batches_of_a_sparse_edit_do_not_matter_and_those_of_a_dense_one_only_add(job: Edit, fit: int) -> None:
    cut, whole = rows(job, fit), rows(job, NO_LIMIT)
    assert cut.unet >= whole.unet and cut.control >= whole.control
    if job.mode != "dense":
        assert cut == whole
