import json
import os
from fractions import Fraction

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.interchange import files
from frugal_motion.nodes.interchange.files import load_motion, save_motion
from frugal_motion.nodes.motion.motion import Motion
from frugal_motion.nodes.video.geometry import Region


@pytest.fixture(params=[18, 60])
def motion(request):
    keypoints = np.random.default_rng(2).uniform(-0.1, 1, (7, 2, request.param, 3)).astype(np.float32)
    keypoints[2:4, 1] = 0
    keypoints[..., 2] = np.abs(keypoints[..., 2])
    return Motion(keypoints, Fraction(30000, 1001), 720, 1280, Region("0123abcd", -0.25, 0.1, 1.5, 0.8))


def test_safetensors_keeps_everything(motion, tmp_path):
    save_motion(motion, tmp_path / "a.safetensors")
    back = load_motion(tmp_path / "a.safetensors")
    assert np.array_equal(back.keypoints, motion.keypoints)
    assert (back.frame_rate, back.width, back.height) == (Fraction(30000, 1001), 720, 1280)
    assert back.region == motion.region
    assert np.array_equal(load_file(tmp_path / "a.safetensors")["keypoints"], motion.keypoints)  # as anyone reads it


def test_json_is_the_list_that_others_read(motion, tmp_path):
    save_motion(motion, tmp_path / "a.json")
    frames = json.loads((tmp_path / "a.json").read_text())
    assert isinstance(frames, list) and len(frames) == 7
    assert {"people", "canvas_width", "canvas_height"} <= set(frames[0])
    assert set(frames[0]["people"][0]["pose_keypoints_2d"][2::3]) == {1.0}
    back = load_motion(tmp_path / "a.json", Fraction(5))
    assert np.array_equal(back.keypoints[..., :2], motion.keypoints[..., :2])
    assert np.array_equal(back.keypoints[..., 2], motion.keypoints[..., 2] > 0)
    assert (back.frame_rate, back.width, back.height) == (Fraction(30000, 1001), 720, 1280)


def test_json_of_another_pack_gets_the_rate_it_is_given(tmp_path):
    person = {"pose_keypoints_2d": [0.5, 0.5, 1.0] * 18, "hand_left_keypoints_2d": None}
    (tmp_path / "a.json").write_text(json.dumps([{"people": [person], "canvas_width": 8, "canvas_height": 8}]))
    assert load_motion(tmp_path / "a.json", Fraction(5)).frame_rate == 5


def test_a_motion_without_frames_comes_back_from_safetensors(motion, tmp_path):
    save_motion(motion.with_keypoints(motion.keypoints[:0]), tmp_path / "a.safetensors")
    assert load_motion(tmp_path / "a.safetensors").frame_count == 0


@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
def test_a_file_is_whole_or_not_there(motion, tmp_path, monkeypatch, suffix):
    path = tmp_path / "folder" / f"a{suffix}"
    save_motion(motion, path)
    before = path.read_bytes()

    def fail(source, target):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        save_motion(motion.with_keypoints(motion.keypoints[:1]), path)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert path.read_bytes() == before


def header(**changed):
    fields = {"version": "1", "frame_rate": "25", "width": "8", "height": "8", "region": {}} | changed
    return {"frugal_motion": json.dumps({name: value for name, value in fields.items() if value is not None})}


GOOD = np.zeros((1, 1, 18, 3), np.float32)


@pytest.mark.parametrize(
    ("arrays", "metadata", "message"),
    [
        ({"keypoints": GOOD}, None, "KeyError"),
        ({"keypoints": GOOD}, {"frugal_motion": "{"}, "JSONDecodeError"),
        ({"keypoints": GOOD}, {"frugal_motion": "[]"}, "TypeError"),
        ({"weights": GOOD}, header(), "keypoints"),
        ({"keypoints": GOOD}, header(frame_rate=None), "frame_rate"),
        ({"keypoints": GOOD}, header(frame_rate="1/0"), "ZeroDivisionError"),
        ({"keypoints": GOOD}, header(frame_rate="-1"), "-1 frames/s"),
        ({"keypoints": GOOD}, header(width="0"), "0 x 8"),
        ({"keypoints": GOOD}, header(region={"width": 0}), "region"),
        ({"keypoints": GOOD}, header(region={"left": "x"}), "TypeError"),
        ({"keypoints": GOOD}, header(height="tall"), "ValueError"),
        ({"keypoints": GOOD}, header(version="2"), "version 2"),
        ({"keypoints": GOOD.astype(np.float64)}, header(), "float64"),
        ({"keypoints": GOOD[..., :2]}, header(), "shape"),
        ({"keypoints": GOOD + np.float32(np.nan)}, header(), "NaN"),
    ],
)
def test_safetensors_of_something_else(tmp_path, arrays, metadata, message):
    save_file(
        {name: np.ascontiguousarray(array) for name, array in arrays.items()}, tmp_path / "a.safetensors", metadata
    )
    with pytest.raises(InputError, match="^file: found a.safetensors") as caught:
        load_motion(tmp_path / "a.safetensors")
    assert message in str(caught.value)


@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.999])
def test_truncated(motion, tmp_path, suffix, share):
    path = tmp_path / f"a{suffix}"
    save_motion(motion, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match=f"^file: found a{suffix}"):
        load_motion(path)


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00", b"null", b"3", b"{}", b"[]", b'[{"people": 1}]', b"[" * 200_000, b'"people"']
)
def test_json_of_something_else(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(InputError, match="^file: found .*a.json"):
        load_motion(tmp_path / "a.json")


def test_too_large(motion, tmp_path, monkeypatch):
    save_motion(motion, tmp_path / "a.json")
    monkeypatch.setattr(files, "LARGEST", 1000)
    with pytest.raises(InputError, match="^file: found .* GB in a.json"):
        load_motion(tmp_path / "a.json")


def test_other_suffixes(motion, tmp_path):
    with pytest.raises(InputError, match="^format: found '.txt'"):
        save_motion(motion, tmp_path / "a.txt")
    (tmp_path / "a.txt").touch()
    with pytest.raises(InputError, match="^file: found 'a.txt'"):
        load_motion(tmp_path / "a.txt")
