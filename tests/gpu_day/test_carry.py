"""The folder that ``make gpu-day`` packs, and its start on a machine that has nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
import torch
from packaging.requirements import Requirement
from safetensors.torch import load, load_file

from frugal_motion.bench.gpu_day import card_tests
from frugal_motion.nodes.interpolation.rife import load_rife
from frugal_motion.tools import gpu_day
from frugal_motion.tools.lock import canonical, pins
from frugal_motion.tools.process import SetupError

from ..conftest import ROOT
from ..fleet.rig import loopback_only

PYTHON = "{}.{}".format(*sys.version_info)
LOCK = (ROOT / "requirements" / "dev.lock").read_text(encoding="utf-8")
NEEDS, USUAL = ((gpu_day.DAY / name).read_text(encoding="utf-8") for name in ("needs.txt", "there.txt"))
INSTALLED = {canonical(one.name): one for one in metadata.distributions()}
HERE = "\n".join(f"{one.name}=={one.version}" for one in INSTALLED.values())
RIFE = ".assets/models/frame_interpolation/rife_v4.26.safetensors"


@pytest.fixture(scope="module")
def folder(comfyui: Path, assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packed for this environment, which lacks nothing."""
    made = tmp_path_factory.mktemp("packed") / "day"
    gpu_day.build(comfyui, made, python=PYTHON, there=HERE)
    return made


def test_what_is_carried(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {"start.py", "carried.json", "pack.zip"}
    names = zipfile.ZipFile(folder / "pack.zip").namelist()
    assert {
        "__init__.py",
        "bench/gpu.py",
        "nodes/stages.py",
        ".comfyui/main.py",
        RIFE,
    } <= {*names}
    assert not [name for name in names if "__pycache__" in name or ".git/" in name or name.startswith("training/model")]
    assert not [name for name in names if name.startswith((".comfyui/models", ".comfyui/output", ".comfyui/user"))]
    assert sum(size for _, size in gpu_day.contents(folder)) == sum(one.stat().st_size for one in folder.iterdir())


def test_the_tests_of_the_day_are_carried(folder: Path) -> None:
    names = {*zipfile.ZipFile(folder / "pack.zip").namelist()}
    assert {
        "tests/conftest.py",
        *card_tests.REHEARSED,
        *(file for files in card_tests.TESTS for file in files),
    } <= names


def test_rife_is_carried_in_half_precision(folder: Path, assets: Path) -> None:
    carried = load(zipfile.ZipFile(folder / "pack.zip").read(RIFE))
    whole = load_file(assets / "models" / "frame_interpolation" / "rife_v4.26.safetensors")
    assert carried.keys() == whole.keys()
    assert all(torch.equal(value, whole[name].half()) for name, value in carried.items())
    weights = load_rife(carried, "carried").state_dict()
    torch.testing.assert_close(weights, {name: whole[name] for name in weights}, rtol=1e-3, atol=1e-6)


def test_a_day_from_the_folder_alone(folder: Path, tmp_path: Path) -> None:
    """Elsewhere, by a relative path, where there is no network."""
    shutil.copytree(folder, tmp_path / "carried here")
    command = [
        sys.executable,
        "carried here/start.py",
        "--rehearse",
        "--only",
        "micro_batches",
        "--out",
        "out/day.json",
    ]
    try:
        done = loopback_only(command, cwd=tmp_path, env=bare(), capture_output=True, text=True)
    except OSError as error:
        pytest.skip(f"this system has no namespaces: {error}")
    log = tmp_path / "out" / "day.log"
    assert done.returncode == 0, done.stdout + done.stderr + (log.read_text() if log.exists() else "")
    results = json.loads((tmp_path / "out" / "day.json").read_text(encoding="utf-8"))
    assert [(part["name"], part["state"]) for part in results["parts"]] == [("micro_batches", "done")]


@pytest.mark.parametrize("extra", [[], ["rife_v4.26"]])
def test_too_much_is_not_packed(comfyui: Path, assets: Path, tmp_path: Path, extra: list[str], monkeypatch) -> None:
    monkeypatch.setattr(gpu_day, "LIMIT", 12e6)
    with pytest.raises(SetupError, match=r"allowed: 12 MB.*\n.*rife_v4\.26\.safetensors"):
        gpu_day.build(comfyui, tmp_path / "day", python=PYTHON, there=HERE, extra=extra)
    assert not [*tmp_path.iterdir()]


def test_a_folder_of_something_else_is_left_alone(comfyui: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    with pytest.raises(SetupError, match="something else"):
        gpu_day.build(comfyui, tmp_path, python=PYTHON, there=HERE)
    assert (tmp_path / "mine").exists()


def test_weights_are_known_by_name(comfyui: Path, assets: Path, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"--with: found sdxl; allowed: .*RealESRGAN_x4plus\.safetensors"):
        gpu_day.build(comfyui, tmp_path / "day", python=PYTHON, there=HERE, extra=["sdxl"])


@pytest.mark.skipif(sys.platform != "linux", reason="the pins are those of Linux")
def test_pins_are_what_uv_installs() -> None:
    pinned = pins(LOCK, PYTHON)
    different = {name: pin.version for name, pin in pinned.items() if INSTALLED[name].version != pin.version}
    assert not different
    assert all(pin.hashes and all(one.startswith("sha256:") for one in pin.hashes) for pin in pinned.values())


def test_pins_follow_the_python_there() -> None:
    older, newer = pins(LOCK, "3.11")["av"], pins(LOCK, "3.12")["av"]
    assert older.version != newer.version
    assert not {*older.hashes} & {*newer.hashes}


def test_what_is_carried_requires_nothing_else() -> None:
    """Beside what is there. Packages say themselves what they require."""
    carried = {pin.name for pin in gpu_day.packages(NEEDS, USUAL, pins(LOCK, PYTHON))}
    there = {canonical(line) for line in USUAL.splitlines() if not line.startswith("#")}
    asked = [Requirement(text) for name in carried for text in INSTALLED[name].requires or ()]
    names = {canonical(one.name) for one in asked if not one.marker or one.marker.evaluate({"extra": ""})}
    assert {"av", "pydantic", "pydantic-core", "spandrel", "trampoline"} <= carried
    assert names <= carried | there
    assert not carried & there


def test_another_opencv_will_do() -> None:
    known = pins(LOCK, "3.12")
    assert "opencv-contrib-python" in {pin.name for pin in gpu_day.packages(NEEDS, "torch\n", known)}
    there = "# comment\nOpenCV_Python==4.9 # there\n-e .\ntorch @ file:///wheels/torch.whl\n"
    assert not {"opencv-contrib-python", "torch"} & {pin.name for pin in gpu_day.packages(NEEDS, there, known)}


def test_the_pack_needs_nothing_unnamed() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {word for line in NEEDS.splitlines() if not line.startswith("#") for word in line.split()[1:]}
    assert {canonical(Requirement(text).name) for text in project["dependencies"]} <= named


# How it starts, with a day that says what it sees, on a machine whose PyTorch is a stub.

STUB_DAY = """
import json, os, sys
import {modules}
files = [module.__file__ for module in ({modules},)]
print(json.dumps({{"argv": sys.argv[1:], "from": files, "env": dict(os.environ)}}))
sys.exit(3 if "--fail" in sys.argv else 0)
"""
STUB_TORCH = """
class cuda:
    is_available = staticmethod(lambda: {there})
    get_device_name = staticmethod(lambda: "card")
"""
STUB_PACK = """
import pathlib, sys, types
def import_pack(comfyui, *, cpu):
    sys.modules["frugal_motion"] = pack = types.ModuleType("frugal_motion")
    pack.__path__ = [str(pathlib.Path(__file__).parent.parent)]
    assert comfyui.name == ".comfyui"
"""


class Machine:
    """A folder as ``gpu_day.build`` writes it, but small, and a machine's own packages."""

    def __init__(self, base: Path) -> None:
        self.day, self.own, self.work = (base / name for name in ("day", "own", "work"))
        for path in (self.day / "wheels", self.own, self.work):
            path.mkdir(parents=True)
        shutil.copyfile(gpu_day.DAY / "start.py", self.day / "start.py")
        self.has("torch", STUB_TORCH.format(there=True))
        self.carries()

    def has(self, module: str, text: str = "") -> None:
        """The machine has a module."""
        (self.own / f"{module}.py").write_text(text, encoding="utf-8")

    def carries(self, *modules: str, python: str = PYTHON, part: str = "", pack: str = "") -> None:
        """The day imports these modules, and has a part of that code, and its own for importing the pack."""
        told = {"python": python, "modules": ["torch", *modules]}
        (self.day / "carried.json").write_text(json.dumps(told), encoding="utf-8")
        with zipfile.ZipFile(self.day / "pack.zip", "w") as file:
            file.writestr("bench/gpu.py", STUB_DAY.format(modules=", ".join(["torch", *modules])))
            file.writestr("tools/__init__.py", "")
            file.writestr("tools/pack.py", pack or STUB_PACK)
            file.writestr("bench/gpu_day/parts.py", "class Part:\n    name = 'part'\n\nPARTS = (Part,)")
            file.writestr("bench/gpu_day/part.py", part)

    def wheel(self, name: str, *files: str) -> None:
        """A wheel is carried."""
        with zipfile.ZipFile(self.day / "wheels" / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
            for file in (*files, f"{name}-1.0.dist-info/METADATA"):
                wheel.writestr(file, "")

    def start(
        self, *arguments: str, before: tuple[str, ...] = (), own: bool = True, **set_there: str
    ) -> subprocess.CompletedProcess[str]:
        """Start the day with the machine's Python, and these in its environment."""
        env = bare() | ({"PYTHONPATH": str(self.own)} if own else {}) | set_there
        command = [*before, sys.executable, "-S", str(self.day / "start.py"), *arguments]
        return subprocess.run(command, cwd=self.work, env=env, capture_output=True, text=True, check=False)

    def files(self) -> set[str]:
        """All that lies in the folder."""
        return {str(path.relative_to(self.day)) for path in self.day.rglob("*")}


def bare() -> dict[str, str]:
    """An environment in which nothing points here. Threads do not spin while they wait for a core that others use."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COMFYUI"))}
    return {**kept, "OMP_WAIT_POLICY": "PASSIVE"}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_wheels_are_unpacked_once_and_imported(machine: Machine) -> None:
    machine.carries("carried_here", "of_purelib", "of_platlib")
    machine.wheel("carried_here", "carried_here/__init__.py")
    data = "data-1.0.data"
    machine.wheel(
        "data", f"{data}/purelib/of_purelib/__init__.py", f"{data}/platlib/of_platlib.py", f"{data}/scripts/x"
    )
    done = machine.start("--seconds", "7")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["argv"] == ["--seconds", "7", "--out", "gpu-day.json"]
    packages = machine.day / "unpacked" / "packages"
    assert [Path(path).parent for path in told["from"][1:]] == [
        packages / "carried_here", packages / "of_purelib", packages
    ]  # fmt: skip
    (packages / "seen").touch()
    assert machine.start("--out=mine.json").returncode == 0
    assert (packages / "seen").exists(), "a second start unpacks nothing"
    machine.wheel("more", "more.py")
    assert machine.start().returncode == 0
    assert (packages / "more.py").exists()
    assert not (packages / "seen").exists(), "another folder is unpacked anew"


def test_what_the_machine_has_is_used(machine: Machine) -> None:
    machine.carries("common", "common_part")
    machine.has("common")
    machine.has("common_part")
    others = ("common-1.0.data/purelib/common_part.py", "common-1.0.data/scripts/program.py", "its_own.libs/c.so")
    machine.wheel("common", "common/__init__.py", *others)
    done = machine.start()
    assert done.returncode == 0, done.stderr
    assert [Path(path).parent for path in json.loads(done.stdout)["from"]] == [machine.own] * 3


def test_a_folder_that_cannot_be_written_stays_as_it_is(machine: Machine) -> None:
    """Mounted so, as root may write everywhere else."""
    machine.carries("carried_here")
    machine.wheel("carried_here", "carried_here.py")
    apart = ("unshare", "--map-root-user", "--mount")
    bound = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" "$0"'
    if subprocess.run([*apart, "sh", "-c", bound, str(machine.day)], capture_output=True, check=False).returncode:
        pytest.skip("this system has no namespaces")
    before = machine.files()
    done = machine.start(before=(*apart, "sh", "-c", f'{bound} && exec "$@"', str(machine.day)))
    assert done.returncode == 0, done.stderr
    carried = Path(json.loads(done.stdout)["from"][1])
    assert not carried.is_relative_to(machine.day)
    assert not carried.exists(), "the temporary folder is removed"
    assert machine.files() == before


def test_the_day_and_its_processes_compile_what_they_import(machine: Machine) -> None:
    told = json.loads(machine.start(PYTHONDONTWRITEBYTECODE="1").stdout)["env"]
    assert "PYTHONDONTWRITEBYTECODE" not in told
    assert told["COMFYUI_PATH"] == str(machine.day / "unpacked" / "pack" / ".comfyui")


def test_the_status_of_the_day_is_passed_on(machine: Machine) -> None:
    assert machine.start("--fail").returncode == 3


def test_another_python_is_named(machine: Machine) -> None:
    machine.carries(python="2.99")
    done = machine.start()
    assert done.returncode == 1
    assert f"found {PYTHON}; allowed: 2.99" in done.stderr
    assert "unpacked" not in machine.files()


def test_missing_pytorch_is_named(machine: Machine) -> None:
    done = machine.start(own=False)
    assert (done.returncode, "PyTorch is missing" in done.stderr) == (1, True)
    assert "unpacked" not in machine.files()


def test_every_missing_module_is_named(machine: Machine) -> None:
    machine.has("broken", "import of_something_old")
    machine.carries("no_such_module", "broken", "no_other_module")
    done = machine.start("--rehearse")
    assert done.returncode == 1
    for name in ("no_such_module", "broken: ModuleNotFoundError", "no_other_module"):
        assert name in done.stderr
    assert not done.stdout
    on_card = machine.start().stderr
    assert "the day goes on: these modules" in on_card and "no_other_module" in on_card
    assert "bench/gpu.py" in on_card, "which here imports them itself"


def test_a_part_that_cannot_be_imported_is_named(machine: Machine) -> None:
    machine.carries(part="from frugal_motion.of_another_folder import draw")
    done = machine.start("--rehearse")
    assert done.returncode == 1
    assert "gpu_day/part.py" in done.stderr and "frugal_motion.of_another_folder" in done.stderr
    assert not done.stdout
    on_card = machine.start()
    assert on_card.returncode == 0 and on_card.stdout and "frugal_motion.of_another_folder" in on_card.stderr


def test_a_pack_that_cannot_be_imported_is_named(machine: Machine) -> None:
    machine.carries(pack="raise ImportError('of another ComfyUI')")
    done = machine.start()
    assert (done.returncode, "of another ComfyUI" in done.stderr, done.stdout) == (1, True, "")


def test_a_machine_without_a_card_is_named(machine: Machine) -> None:
    machine.has("torch", STUB_TORCH.format(there=False))
    done = machine.start()
    assert (done.returncode, "no CUDA device" in done.stderr) == (1, True)
    assert machine.start("--rehearse").returncode == 0
