"""What installing the pack does to an environment, by pip's own account: it adds, and changes nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from frugal_motion import install
from frugal_motion.tools import environment
from frugal_motion.tools.process import SetupError, output_of, run

if sys.version_info >= (3, 11):
    import tomllib

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements.txt"
IMPORTED = {"numpy", "pillow", "packaging", "av", "scipy"}
"""What finding a pose imports of what ComfyUI brings: installed; the rest, gigabytes of it, need only be listed."""

POSE = """
import sys; sys.path.insert(0, sys.argv[1])
from fractions import Fraction; from pathlib import Path
from nodes.pose.extract import extract_pose
from nodes.pose.landmarks import LandmarkSettings
from nodes.pose.render import render_motion
from nodes.video.decode import DecodeSettings, FileStream
settings = DecodeSettings(frame_rate=Fraction(12), duration=Fraction(1, 2), size=(270, 480))
motion = extract_pose(FileStream(Path(sys.argv[2]), settings), Path(sys.argv[3]), LandmarkSettings())
print(motion.coverage == 1 and all(picture.any() for picture in render_motion(motion, (64, 64))))
"""
Packages = dict[str, str]


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is compiled that is imported once, if at all."""
    monkeypatch.setenv("PIP_NO_COMPILE", "1")


class Python:
    """A virtual environment with pip."""

    def __init__(self, folder: Path, packages: Iterable[str]) -> None:
        self.uv = environment._uv()
        self.path = environment.executable(folder, "python")
        try:
            run([self.uv, "venv", "--quiet", "--seed", "--python", sys.executable, folder])
            run([self.uv, "pip", "install", "--quiet", "--python", self.path, *packages])
        except SetupError as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"the package registry cannot be reached: {error}")
        self.site_packages = Path(
            output_of([self.path, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"])
        )

    def list(self, packages: Packages) -> None:
        """Make packages known to pip that are not there."""
        for name, version in packages.items():
            folder = self.site_packages / f"{name.replace('-', '_')}-{version}.dist-info"
            folder.mkdir()
            (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")

    def pip(self, *arguments: str | Path) -> str:
        return output_of([self.path, "-m", "pip", *arguments])

    def packages(self) -> Packages:
        return {each["name"].lower(): each["version"] for each in json.loads(self.pip("list", "--format=json"))}

    def install_py(self, *wanted: str) -> subprocess.CompletedProcess[str]:
        command = [self.path, ROOT / "install.py", *wanted]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def opencv(self) -> tuple[str, list[str]]:
        """The version of ``cv2`` that is imported, and the packages that brought it."""
        code = "import cv2, importlib.metadata as m; print(cv2.__version__, *m.packages_distributions()['cv2'])"
        version, *names = output_of([self.path, "-c", code]).split()
        return version, sorted(set(names))

    def draws_a_pose(self, assets: Path) -> bool:
        """Whether the pack's plain modules find somebody in the clip, and draw them."""
        clip, model = assets / "input" / "one_person.mp4", assets / "models" / "mediapipe" / "pose_landmarker_full.task"
        return output_of([self.path, "-c", POSE, ROOT, clip, model]).splitlines()[-1] == "True"


def comfyui_requires(comfyui: Path, uv: Path) -> Packages:
    """What a ComfyUI of today has installed."""
    versions = str(sys.version_info.minor)
    options = ["--quiet", "--no-header", "--no-annotate", "--python-version", f"3.{versions}"]
    pins = output_of([uv, "pip", "compile", *options, comfyui / "requirements.txt"])
    return dict(re.findall(r"^([\w.-]+)==([^\s;]+)", pins, re.MULTILINE))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flavour", "packages"),
    [
        ("opencv-python", ["numpy==1.26.4", "opencv-python==4.10.0.84", "scipy==1.11.4", "av==14.2.0"]),
        (
            "opencv-python-headless",
            ["numpy==2.2.6", "opencv-python-headless==4.12.0.88", "matplotlib", "av", "scipy"],
        ),
        ("opencv-contrib-python", ["numpy==1.26.4", "av", "scipy"]),
    ],
)
def test_what_is_there_stays_and_there_is_one_opencv(
    tmp_path: Path, flavour: str, packages: list[str], assets: Path
) -> None:
    python = Python(tmp_path / "python", packages)
    python.list({"torch": "2.7.0", "torchvision": "0.22.0", "spandrel": "0.4.1"})
    before = python.packages()
    python.pip("install", "--quiet", "-r", REQUIREMENTS)
    required = python.packages()
    assert before.items() <= required.items()
    assert not [name for name in required.keys() - before.keys() if "opencv" in name]
    done = python.install_py()
    assert done.returncode == 0, done.stderr
    after = python.packages()
    assert required.items() <= after.items()
    version, names = python.opencv()
    assert names == [flavour]
    assert after[flavour].startswith(version)
    assert python.draws_a_pose(assets)
    python.install_py()
    assert python.packages() == after, "there is nothing left to do"


@pytest.mark.slow
def test_a_bare_comfyui_gets_what_it_lacks_and_keeps_the_rest(tmp_path: Path, comfyui: Path, assets: Path) -> None:
    brings = comfyui_requires(comfyui, environment._uv())
    python = Python(tmp_path / "python", [f"{name}=={brings[name]}" for name in IMPORTED])
    python.list({name: brings[name] for name in brings.keys() - python.packages().keys()})
    before = python.packages()
    python.pip("install", "--quiet", "-r", REQUIREMENTS)
    assert python.packages() == before, "ComfyUI has all of it"
    done = python.install_py()
    assert done.returncode == 0, done.stderr
    assert before.items() <= python.packages().items()
    assert python.opencv()[1] == ["opencv-contrib-python"]
    assert python.draws_a_pose(assets)
    assert "No broken requirements" in python.pip("check")


@pytest.mark.slow
def test_librosa_comes_when_it_is_asked_for_and_nothing_moves(tmp_path: Path) -> None:
    python = Python(tmp_path / "python", ["numpy==1.26.4", "scipy==1.11.4"])
    for module in ("cv2", "mediapipe"):
        _fake(python, module)
    before = python.packages()
    done = python.install_py("beats")
    assert done.returncode == 0, done.stderr
    assert before.items() <= python.packages().items()
    code = "import librosa, numpy; print(len(librosa.onset.onset_strength(y=numpy.ones(4096))))"
    assert int(output_of([python.path, "-c", code])) > 1


@pytest.mark.slow
def test_where_librosa_would_move_numpy_it_is_not_installed(tmp_path: Path) -> None:
    python = Python(tmp_path / "python", ["packaging"])
    for module in ("cv2", "mediapipe"):
        _fake(python, module)
    python.list({"numpy": "99.0"})
    before = python.packages()
    done = python.install_py("beats")
    assert done.returncode == 1 and "librosa" in done.stderr
    assert python.packages() == before


def _fake(python: Python, module: str) -> None:
    """Something that can be imported by that name, and what is in it that the pack imports."""
    folder = python.site_packages / module / "tasks" / "python"
    folder.mkdir(parents=True)
    for file in (module, f"{module}/tasks", f"{module}/tasks/python"):
        (python.site_packages / file / "__init__.py").write_text("")
    (folder / "vision.py").write_text("")


def test_another_packs_mediapipe_stays(tmp_path: Path) -> None:
    python = Python(tmp_path / "python", ["numpy==1.26.4", "mediapipe==0.10.21"])
    before = python.packages()
    assert python.install_py().returncode == 0
    assert python.packages() == before


def test_what_fails_is_said(tmp_path: Path) -> None:
    python = Python(tmp_path / "python", ["numpy==1.26.4"])
    (python.site_packages / "cv2.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
    (python.site_packages / "mediapipe.py").write_text("")
    done = python.install_py()
    assert done.returncode == 1
    assert "cv2 is installed, but cannot be imported" in done.stderr and "apt-get install libgl1" in done.stderr


def test_the_pack_loads_without_opencv_and_mediapipe(comfyui: Path) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path; sys.modules['cv2'] = sys.modules['mediapipe'] = None;"
        "sys.path.insert(0, sys.argv[1]); from tools.pack import import_pack; import_pack(Path(sys.argv[2]));"
        "import frugal_motion; print(len(asyncio.run(frugal_motion.comfy_entrypoint().get_node_list())))"
    )
    assert int(output_of([sys.executable, "-c", code, ROOT, comfyui]).splitlines()[-1]) > 20


def test_without_opencv_what_needs_it_says_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    from frugal_motion.nodes.keyframes.strip import as_jpeg

    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ImportError, match=rf'needs OpenCV.*"{re.escape(str(ROOT / "install.py"))}"'):
        as_jpeg(np.zeros((8, 8, 3), np.uint8))


def test_without_mediapipe_extract_pose_says_what_to_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from frugal_motion.nodes.pose.mediapipe_tasks import opened

    monkeypatch.setitem(sys.modules, "mediapipe", None)
    monkeypatch.setitem(sys.modules, "mediapipe.tasks.python", None)
    with pytest.raises(ImportError, match=rf"install {install.MEDIAPIPE} without.*OpenCV") as raised:
        opened("PoseLandmarker", tmp_path, "VIDEO")
    assert f'"{ROOT / "install.py"}"' in str(raised.value)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="no tomllib")
def test_the_lists_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert REQUIREMENTS.read_text(encoding="utf-8").split() == project["project"]["dependencies"]
    assert project["dependency-groups"]["pose"] == [install.MEDIAPIPE, install.OPENCV]
    assert project["dependency-groups"]["beats"] == [install.BEATS]
    assert install.MEDIAPIPE.replace("==", " | ") in (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
