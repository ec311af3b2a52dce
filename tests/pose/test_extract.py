import builtins
import ctypes
from fractions import Fraction

import numpy as np
import pytest

from frugal_motion.nodes.errors import InputError
from frugal_motion.nodes.motion.motion import BODY_JOINTS
from frugal_motion.nodes.pose.extract import extract_pose
from frugal_motion.nodes.pose.landmarks import LandmarkSettings, detect_people, to_openpose
from frugal_motion.nodes.video.decode import DecodeSettings, FileStream
from frugal_motion.nodes.video.stream import ArrayStream, FrameStream, VideoInfo

J = {name: index for index, name in enumerate(BODY_JOINTS)}


def blank(frames=3, rate=Fraction(12)):
    return ArrayStream(np.full((frames, 120, 80, 3), 90, np.uint8), rate)


def y_of(motion, joint, person=0):
    return motion.keypoints[:, person, J[joint], 1]


def test_one_person_is_found_whole_in_every_frame(one_person):
    assert one_person.keypoints.shape == (20, 1, 18, 3)
    assert (one_person.width, one_person.height, one_person.frame_rate) == (270, 480, 12)
    assert (one_person.keypoints[..., 2] > 0).mean() >= 0.95


def test_the_body_is_the_right_way_up(one_person):
    for above, below in (
        ("nose", "right_hip"),
        ("neck", "left_hip"),
        ("left_hip", "left_knee"),
        ("right_hip", "right_knee"),
    ):
        assert (y_of(one_person, above) < y_of(one_person, below)).all()
    for side in ("left", "right"):
        assert (y_of(one_person, f"{side}_ankle") > y_of(one_person, f"{side}_hip")).all()


def test_left_and_right_are_the_persons_own(one_person):
    # The man faces the camera: his right shoulder is on the left of the picture.
    x = one_person.keypoints[..., 0]
    assert (x[:, 0, J["right_shoulder"]] < x[:, 0, J["left_shoulder"]]).mean() >= 0.95


def test_the_joints_lie_on_the_persons_body(one_person):
    # By eye, in the first frame (fractions of the frame): his blue cap, his hips, his feet.
    first = one_person.keypoints[0, 0]
    for joint, (x, y) in {"nose": (0.46, 0.23), "right_hip": (0.35, 0.38), "left_ankle": (0.38, 0.57)}.items():
        assert np.abs(first[J[joint], :2] - (x, y)).max() < 0.03


def test_two_people_keep_their_slots(two_people):
    assert two_people.people == 2
    found = (two_people.keypoints[..., 2] > 0).any(axis=2)
    assert found.mean() >= 0.95
    hips = two_people.keypoints[:, :, J["right_hip"], :2]
    for person in range(2):
        path = hips[found[:, person], person]
        assert np.linalg.norm(np.diff(path, axis=0), axis=1).max() < 0.1
    # The man at the back stays left of and above the woman in front.
    both = found.all(axis=1)
    assert (hips[both, 0] < hips[both, 1]).all()


def test_frames_are_read_once_in_chunks_and_each_is_reported(clip, model):
    class Watched(FrameStream):
        def __init__(self, source):
            self.source, self.info, self.read = source, source.info, 0

        def chunks(self, size=8):
            for chunk in self.source.chunks(size):
                self.read += len(chunk)
                yield chunk

    stream, ahead = Watched(clip("one_person")), []
    extract_pose(stream, model, LandmarkSettings(), lambda: ahead.append(stream.read - len(ahead)))
    assert len(ahead) == stream.info.frame_count == stream.read
    assert max(ahead) <= 16, "no more than the chunk that is looked at, and the next"


@pytest.fixture(scope="module")
def there_and_back(clip):
    """180 frames, more than one section."""
    stream = FileStream(clip("one_person").path, DecodeSettings(size=(144, 256)))
    frames = np.concatenate(list(stream.chunks()))[:90]
    return ArrayStream(np.concatenate((frames, frames[::-1])), Fraction(60))


def test_the_seams_between_sections_do_not_show(there_and_back, model):
    alone, beside = (
        np.stack(detect_people(there_and_back, model, LandmarkSettings(), lanes=lanes))[:, 0] for lanes in (1, 3)
    )
    assert np.array_equal(alone[:60], beside[:60])
    assert not np.array_equal(alone, beside), "the other sections have landmarkers of their own"
    apart = np.linalg.norm((alone - beside)[..., :2], axis=-1)
    shared = (alone[..., 2] > 0) & (beside[..., 2] > 0)
    assert shared.mean() > 0.95 and np.percentile(apart[shared], 99) < 0.01
    steps = np.abs(np.diff(beside[..., :2], axis=0)).max(axis=-1)
    both = (beside[1:, :, 2] > 0) & (beside[:-1, :, 2] > 0)
    for seam in (60, 120):
        usual = np.percentile(steps[max(0, seam - 20) : seam + 20][both[max(0, seam - 20) : seam + 20]], 99)
        assert steps[seam - 1][both[seam - 1]].max() <= 2 * usual


def test_a_failing_section_stops_the_others(there_and_back, model):
    class Broken(ArrayStream):
        def section(self, first, end, size=8):
            if first > 100:
                raise OSError("the disk is gone")
            yield from super().section(first, end, size)

    broken, calls = Broken(there_and_back.frames, Fraction(60)), []
    with pytest.raises(OSError, match="the disk is gone"):
        detect_people(broken, model, LandmarkSettings(), lambda: calls.append(1), lanes=3)
    assert len(calls) < 180


def test_hands_belong_to_their_wrists(clip, model):
    settings = LandmarkSettings(hands=model.with_name("hand_landmarker.task"))
    stream = FileStream(clip("one_person").path, DecodeSettings(frame_rate=Fraction(12), size=(540, 960)))
    motion = extract_pose(stream, model, settings)
    assert motion.keypoints.shape[1:] == (1, 60, 3)
    hands = motion.keypoints[:, 0, 18:].reshape(-1, 2, 21, 3)
    wrists = motion.keypoints[:, 0, [J["left_wrist"], J["right_wrist"]]]
    found = hands[..., 0, 2] > 0
    assert found.mean() > 0.3, "the clip shows both hands most of the time"
    apart = np.linalg.norm((hands[..., 0, :2] - wrists[..., :2])[found] * (540 / 960, 1), axis=-1)
    assert np.median(apart) < 0.02
    spread = np.ptp(hands[found][..., :2], axis=1).max(axis=-1)
    assert np.all(spread < 0.2), "a hand is small beside a body"


def test_stopping_stops_within_a_frame(clip, model):
    calls = []

    def stop():
        calls.append(1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract_pose(clip("one_person"), model, LandmarkSettings(), stop)
    assert len(calls) == 1


def test_one_frame_is_a_motion(clip, model):
    frame = clip("one_person").frames_at([0])
    motion = extract_pose(ArrayStream(frame, Fraction(12)), model, LandmarkSettings())
    assert motion.keypoints.shape == (1, 1, 18, 3) and motion.coverage == 1


def test_a_person_in_part_of_the_clip_is_fine(clip, model):
    frames = clip("one_person").frames_at(range(4))
    frames = np.concatenate((np.zeros_like(frames), frames))
    motion = extract_pose(ArrayStream(frames, Fraction(12)), model, LandmarkSettings())
    assert motion.coverage == 0.5 and not motion.keypoints[:4].any()


def test_a_clip_with_no_person(model):
    with pytest.raises(InputError, match=r"video: found no person in 3 frames.*Lower confidence"):
        extract_pose(blank(), model, LandmarkSettings())


@pytest.mark.parametrize("rate", [Fraction(1, 10), Fraction(30000, 1001), Fraction(2400)])
def test_any_frame_rate_gives_time_stamps_that_mediapipe_takes(model, rate):
    assert [len(people) for people in detect_people(blank(5, rate), model, LandmarkSettings())] == [0] * 5


def test_a_stream_without_frames(model):
    stream = blank(1)
    stream.frames, stream.info = stream.frames[:0], VideoInfo(80, 120, Fraction(12), 0)
    with pytest.raises(InputError, match="no person in 0 frames"):
        extract_pose(stream, model, LandmarkSettings())


@pytest.mark.parametrize(
    ("settings", "name"),
    [({"people": 0}, "people"), ({"people": 9}, "people"), ({"confidence": 1.1}, "confidence"),
     ({"joint_confidence": float("nan")}, "joint_confidence")],
)  # fmt: skip
def test_bad_settings(settings, name):
    with pytest.raises(InputError, match=f"^{name}: found"):
        LandmarkSettings(**settings)


def test_a_file_that_is_no_model(tmp_path):
    path = tmp_path / "pose_landmarker_full.task"
    path.write_bytes(b"not a model" * 100)
    with pytest.raises(InputError, match=r"model: found pose_landmarker_full.task, which MediaPipe cannot open"):
        detect_people(blank(), path, LandmarkSettings())


def test_without_mediapipe_the_error_says_how_to_install_it(model, monkeypatch):
    real = builtins.__import__

    def without_mediapipe(name, *args, **kwargs):
        if name.split(".")[0] == "mediapipe":
            raise ModuleNotFoundError("No module named 'mediapipe'", name="mediapipe")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_mediapipe)
    with pytest.raises(ImportError, match=r"pip install mediapipe==0\.10\.33"):
        extract_pose(blank(), model, LandmarkSettings())


def test_without_opengl_the_error_says_how_to_install_it(model, monkeypatch):
    from mediapipe.tasks.python.core import mediapipe_c_bindings

    def refuse(name, *_args, **_kwargs):
        raise OSError("libGLESv2.so.2: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(mediapipe_c_bindings, "_shared_lib", None)
    monkeypatch.setattr(ctypes, "CDLL", refuse)
    with pytest.raises(ImportError, match=r"libGLESv2\.so\.2.*apt-get install libegl1 libgles2"):
        extract_pose(blank(), model, LandmarkSettings())


def person(**joints):
    """BlazePose-33 with everything at the middle and sure, but for ``index=(x, y, confidence)``."""
    pose = np.full((33, 3), 0.5, np.float32)
    pose[:, 2] = 1
    for index, value in joints.items():
        pose[int(index[1:])] = value
    return pose


def test_every_joint_comes_from_its_blazepose_landmark():
    # https://ai.google.dev/edge/mediapipe/solutions/vision/pose_landmarker, "pose landmarker model"
    landmark = {
        "nose": 0, "left_eye": 2, "right_eye": 5, "left_ear": 7, "right_ear": 8, "left_shoulder": 11,
        "right_shoulder": 12, "left_elbow": 13, "right_elbow": 14, "left_wrist": 15, "right_wrist": 16,
        "left_hip": 23, "right_hip": 24, "left_knee": 25, "right_knee": 26, "left_ankle": 27, "right_ankle": 28,
    }  # fmt: skip
    pose = np.stack([(0.01 * i, 0.02 * i, 0.9) for i in range(33)]).astype(np.float32)
    body = to_openpose(pose)
    for name, index in landmark.items():
        np.testing.assert_array_equal(body[J[name]], pose[index])


def test_the_neck_is_the_middle_of_the_shoulders():
    body = to_openpose(person(_11=(0.6, 0.3, 0.9), _12=(0.4, 0.5, 0.7)))
    np.testing.assert_allclose(body[J["neck"]], (0.5, 0.4, 0.7), atol=1e-6)


@pytest.mark.parametrize("wrist", [(-0.01, 0.5, 1), (0.5, -0.01, 1), (1.0, 0.5, 1), (0.5, 1.2, 1), (0.5, 0.5, 0.29)])
def test_joints_outside_the_frame_or_unsure_are_missing(wrist):
    body = to_openpose(person(_15=wrist), joint_confidence=0.3)
    assert not body[J["left_wrist"]].any()
    assert (np.delete(body, J["left_wrist"], axis=0)[:, 2] == 1).all()
