"""The trained demo model in ComfyUI's own loaders and sampler, without any node of the pack."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from frugal_motion.nodes.models.catalogue import catalogue
from frugal_motion.tools.assets import sha256
from frugal_motion.training import judge
from frugal_motion.training.drawn_pictures import draw_hint
from frugal_motion.training.evaluate import Example, Generator, examples
from frugal_motion.training.export import CHECKPOINT, CONTROL_NET
from frugal_motion.training.renderer import draw

from ..conftest import ROOT

MODEL = ROOT / "training" / "model"
ROBOT_AT_NIGHT = (1, 1)


@pytest.fixture(scope="module")
def generator() -> Generator:
    return Generator(MODEL)


@pytest.fixture(scope="module")
def person() -> np.ndarray:
    return examples(2, seed=3)[1].people  # a real pose that training has not seen


def test_it_is_small_and_the_catalogue_knows_it() -> None:
    listed = {asset.name: asset for asset in catalogue() if asset.bundled.startswith("training/")}
    assert {asset.bundled for asset in listed.values()} == {
        f"training/model/{name}" for name in (CHECKPOINT, CONTROL_NET)
    }
    assert sum((ROOT / asset.bundled).stat().st_size for asset in listed.values()) <= 65e6
    assert all(sha256(ROOT / asset.bundled) == asset.sha256 for asset in listed.values())


def test_what_was_measured_is_of_these_files_and_within_the_limits() -> None:
    report = json.loads((MODEL / "report.json").read_text(encoding="utf-8"))
    listed = {asset.name: asset.sha256 for asset in catalogue() if asset.bundled.startswith("training/")}
    assert {name: facts["sha256"] for name, facts in report["files"].items()} == listed
    assert report["poses"] >= 500
    assert report["judges_on_drawn_pictures"]["pose_pck"] >= 0.97
    assert report["pose_pck"] >= 0.90 and report["style_accuracy"] >= 0.95
    assert max(report["flicker_of_255"].values()) <= 2


@pytest.mark.parametrize(("width", "height"), [(128, 128), (144, 256)])
def test_pose_and_prompt_are_followed(generator: Generator, person: np.ndarray, width: int, height: int) -> None:
    figure, backdrop = ROBOT_AT_NIGHT
    wanted = Example(person, figure, backdrop)
    _, mask = draw(person, figure, backdrop, width, height)
    hint = draw_hint(person, width, height)[None]
    (picture,) = generator(wanted.prompt, hint, seed=0, steps=8)
    assert judge.which_figure(picture, mask > 128) == figure
    assert judge.which_backdrop(picture, mask > 128) == backdrop
    assert judge.overlap(judge.figure_mask(picture, backdrop), mask > 128) > 0.5


def test_without_a_person_it_draws_the_place(generator: Generator) -> None:
    (picture,) = generator("on a beach", np.zeros((1, 128, 128, 3), np.uint8), seed=0, steps=8)
    assert judge.which_backdrop(picture, np.zeros((128, 128), bool)) == 2


def test_words_it_does_not_know_still_draw_somebody(generator: Generator, person: np.ndarray) -> None:
    hint = draw_hint(person, 128, 128)[None]
    (picture,) = generator("portrait of Napoleon riding a bicycle, oil on canvas", hint, seed=0, steps=8)
    assert picture.std() > 20, "a picture, and no grey"


@pytest.mark.parametrize(("width", "height"), [(200, 136), (136, 104)])
def test_sizes_off_the_grid_of_64(generator: Generator, person: np.ndarray, width: int, height: int) -> None:
    (picture,) = generator("a wooden mannequin in a studio", draw_hint(person, width, height)[None], seed=0, steps=4)
    assert picture.shape == (height, width, 3)


@pytest.mark.parametrize("denoise", [0.3, 1.0])
def test_a_drawn_picture_keeps_its_pose_when_it_is_edited(
    generator: Generator, person: np.ndarray, denoise: float
) -> None:
    picture, mask = draw(person, 3, 0, 128, 128)
    with torch.inference_mode():
        latents = generator.vae.encode(torch.from_numpy(picture[None].astype(np.float32)) / 255)
    hint = draw_hint(person, 128, 128)[None]
    (edited,) = generator("a wooden mannequin in a studio", hint, seed=0, steps=12, denoise=denoise, latents=latents)
    assert judge.overlap(judge.figure_mask(edited, 0), mask > 128) > 0.6


def test_the_archive_of_the_registry_leaves_it_out() -> None:
    ignored = (Path(ROOT) / ".comfyignore").read_text(encoding="utf-8").split()
    assert "training/" in ignored
