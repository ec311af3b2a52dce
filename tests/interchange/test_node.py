from fractions import Fraction
from pathlib import Path

import folder_paths
import numpy as np
import pytest

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.interchange.node import (
    FrugalKeypointsToMotion,
    FrugalLoadMotion,
    FrugalMotionToKeypoints,
    FrugalSaveMotion,
)
from frugal_motion.nodes.motion.motion import Motion

NODES = (FrugalMotionToKeypoints, FrugalKeypointsToMotion, FrugalSaveMotion, FrugalLoadMotion)


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    for name in ("input", "output", "temp"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(folder_paths, f"{name}_directory", str(tmp_path / name))
    return tmp_path


@pytest.fixture
def motion():
    keypoints = np.random.default_rng(1).uniform(0.1, 1, (4, 2, 18, 3)).astype(np.float32)
    return Motion(keypoints, Fraction(30000, 1001), 64, 48)


def save(motion, **values):
    return Path(FrugalSaveMotion.execute(motion, **values).args[0])


def load(file, **values):
    return FrugalLoadMotion.execute(file, **values).args[0]


def test_there_and_back_over_the_wire(motion):
    keypoints = FrugalMotionToKeypoints.execute(motion, "exact").args[0]
    back = FrugalKeypointsToMotion.execute(keypoints).args[0]
    assert np.array_equal(back.keypoints, motion.keypoints)
    assert back.frame_rate == motion.frame_rate
    for frame in keypoints:
        del frame["frame_rate"]
    assert FrugalKeypointsToMotion.execute(keypoints, 29.97).args[0].frame_rate == Fraction(30000, 1001)


@pytest.mark.parametrize("kind", ["safetensors", "json"])
def test_what_was_saved_is_offered_and_loads(folders, motion, kind):
    first, second = save(motion, format=kind), save(motion, format=kind)
    assert first == folders / "output" / "motion" / f"frugal-motion_00001_.{kind}"
    assert second.name == f"frugal-motion_00002_.{kind}"
    (folders / "input" / "b.JSON").write_bytes(save(motion, format="json").read_bytes())
    (folders / "input" / "clip.mp4").touch()
    offered = FrugalLoadMotion.define_schema().inputs[0].options
    assert offered[0] == "b.JSON"
    assert f"motion/{first.name} [output]" in offered and not any("mp4" in name for name in offered)
    back = load(f"motion/{first.name} [output]")
    assert np.array_equal(back.keypoints[..., :2], motion.keypoints[..., :2])
    assert back.frame_rate == motion.frame_rate
    assert load("b.JSON").frame_count == 4


def test_a_file_that_changes_is_read_again(folders, motion):
    path = save(motion)
    target = folders / "input" / path.name
    target.write_bytes(path.read_bytes())
    before = FrugalLoadMotion.fingerprint_inputs(file=path.name, frame_rate=12.0)
    assert before == FrugalLoadMotion.fingerprint_inputs(file=path.name, frame_rate=12.0)
    target.write_bytes(save(motion.with_keypoints(motion.keypoints[:2])).read_bytes())
    assert FrugalLoadMotion.fingerprint_inputs(file=path.name, frame_rate=12.0) != before


def test_files_that_came_after_the_page(folders, motion):
    (folders / "input" / "new.safetensors").write_bytes(save(motion).read_bytes())
    assert FrugalLoadMotion.validate_inputs("new.safetensors") is True
    assert FrugalLoadMotion.validate_inputs(None) is True
    assert "no file 'none.json'" in str(FrugalLoadMotion.validate_inputs("none.json"))


@pytest.mark.parametrize(
    ("name", "attempt"),
    [
        ("file", lambda motion: load("../secret.json")),
        ("file", lambda motion: load("../secret.json [output]")),
        ("file", lambda motion: load("/etc/passwd")),
        ("file", lambda motion: load("")),
        ("frame_rate", lambda motion: load(f"motion/{save(motion).name} [output]", frame_rate=0.0)),
        ("frame_rate", lambda motion: FrugalKeypointsToMotion.execute([], float("nan"))),
        ("filename_prefix", lambda motion: save(motion, filename_prefix="../../elsewhere")),
        ("format", lambda motion: save(motion, format="exe")),
        ("flavour", lambda motion: FrugalMotionToKeypoints.execute(motion, "bogus")),
        ("keypoints", lambda motion: FrugalKeypointsToMotion.execute([])),
    ],
)
def test_refused(folders, motion, name, attempt):
    (folders / "secret.json").write_text("[]")
    with pytest.raises(InputError) as caught:
        attempt(motion)
    assert caught.value.name == name
    assert not any(path.suffix == ".part" for path in folders.rglob("*"))


@pytest.mark.parametrize("node", NODES)
def test_every_input_and_output_is_explained(node):
    schema = node.define_schema()
    schema.validate()
    assert schema.category == "Frugal Motion/Motion"
    assert all(item.tooltip for item in (*schema.inputs, *schema.outputs))


def test_the_socket_is_the_one_of_other_packs():
    assert FrugalMotionToKeypoints.define_schema().outputs[0].get_io_type() == "POSE_KEYPOINT"
    assert FrugalKeypointsToMotion.define_schema().inputs[0].get_io_type() == "POSE_KEYPOINT"
