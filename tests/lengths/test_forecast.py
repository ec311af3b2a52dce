"""What is forecast of fitted clips is what they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import folder_paths
import pytest
import torch

from frugal_motion.nodes.compositing.node import FrugalFaceCrop
from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.forecast.facts import Clips, Forecast, Number, pictures
from frugal_motion.nodes.forecast.inputs import Inputs
from frugal_motion.nodes.forecast.workflow import Workflow
from frugal_motion.nodes.interpolation.node import FrugalInterpolate
from frugal_motion.nodes.lengths.node import FrugalFitLength, FrugalRestoreLength
from frugal_motion.nodes.lengths.rule import RULES
from frugal_motion.nodes.video.node import FrugalLoadVideo, FrugalSaveVideo

CLASSES = {
    "load": FrugalLoadVideo,
    "fit": FrugalFitLength,
    "restore": FrugalRestoreLength,
    "save": FrugalSaveVideo,
    "face": FrugalFaceCrop,
    "interpolate": FrugalInterpolate,
}


@pytest.fixture(autouse=True)
def _folders(assets: Path, monkeypatch: pytest.MonkeyPatch, pack: list[Any]) -> None:
    monkeypatch.setattr(folder_paths, "input_directory", str(assets / "input"))


def forecasts(made: Clips, loading: dict[str, Any], fitting: dict[str, Any]) -> dict[str, Forecast]:
    """Of the way from Load Video to Save Video; the model makes ``made``."""
    inputs = {
        "load": {"file": "one_person.mp4", **loading},
        "fit": {"video": ["load", 0], **fitting},
        "restore": {"frames": ["model", 0], "way_back": ["fit", 2]},
        "save": {"video": ["restore", 0]},
        "face": {"video": ["fit", 0], "motion": ["fit", 0], "size": 512},
        "interpolate": {"frames": ["restore", 0], "frame_rate": ["restore", 1]},
    }
    flow = Workflow({name: {"class_type": CLASSES[name].__name__, "inputs": values} for name, values in inputs.items()})
    found: dict[str, Forecast] = {"model": Forecast((made,))}

    def fact_on(wire: Any) -> object:
        return found[wire[0]].outputs[wire[1]] if isinstance(wire, list) and wire[0] in found else None

    for name, node in CLASSES.items():
        found[name] = node.FORECAST(Inputs(flow, name, fact_on, [], []))
    return found


def frames(forecast: Forecast, output: int = 0) -> int:
    facts = forecast.outputs[output]
    assert isinstance(facts, Clips)
    return facts.frames


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("loaded", "rate", "most"), [(12.0, 16.0, 0), (8.0, 30.0, 0), (7.0, 12.0, 13), (12.0, 0.0, 0)])
def test_it_is_what_the_run_gives(rule: str, loaded: float, rate: float, most: int) -> None:
    fitting = {"rule": rule, "frame_rate": rate, "most": most}
    video = FrugalLoadVideo.execute("one_person.mp4", frame_rate=loaded, size="384").args[0]
    fitted, length, way_back = FrugalFitLength.execute(video, **fitting).args
    found = forecasts(pictures(length, (64, 48)), {"frame_rate": loaded, "size": "384"}, fitting)
    assert frames(found["fit"]) == length == fitted.get_frame_count()
    assert found["fit"].work[0].frames == length
    restored, rate_before = FrugalRestoreLength.execute(torch.zeros(length, 48, 64, 3), way_back).args
    assert frames(found["restore"]) == restored.get_frame_count() == found["save"].work[0].frames
    assert found["restore"].outputs[0].clips[0].size == restored.get_dimensions()  # type: ignore[attr-defined]
    assert found["restore"].outputs[1] == Number(rate_before)
    interpolation = found["interpolate"].edit
    assert interpolation is not None and interpolation.edit.frame_rate == rate_before
    assert frames(found["face"]) == length
    assert found["face"].outputs[0].clips[0].size == (512, 512)  # type: ignore[attr-defined]


def test_wrong_inputs_are_refused_before_the_run() -> None:
    for changed, name in (({"rule": "5n"}, "rule"), ({"most": -1}, "most"), ({"frame_rate": -1.0}, "frame_rate")):
        with pytest.raises(InputError, match=name):
            forecasts(pictures(1, (8, 8)), {}, {"rule": "any", "frame_rate": 12.0, "most": 0, **changed})
