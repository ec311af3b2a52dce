"""Files between a gateway and its workers, on storage with and without folders, and by senders that are killed."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given
from hypothesis import strategies as st

from frugal_motion.nodes.caching.digests import Digests, sha256_of
from frugal_motion.nodes.fleet import files as files_module
from frugal_motion.nodes.fleet.files import DAY, LEAST_DAYS, Files, FilesError, folder_url, input_name

CONTENT = b"a clip" * 1000
JOB, OTHER = "a" * 32, "b" * 32


class Killed(BaseException):
    """The process has ended here: nothing of it is done any more."""


class Frail(LocalFileSystem):
    """A folder to which files are written bit by bit, by a process that may end at any step."""

    protocol = "frail"
    step: ClassVar[Callable[[], None]] = lambda: None

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(LocalFileSystem._strip_protocol(str(path).removeprefix("frail://")))

    def _copy(self, source: str, target: str) -> None:
        with open(source, "rb") as of, open(target, "wb") as to:
            Frail.step()
            while part := of.read(2500):
                to.write(part)
                to.flush()
                Frail.step()

    def put_file(self, lpath: str, rpath: str, **_: Any) -> None:
        self._copy(lpath, rpath)

    def get_file(self, rpath: str, lpath: str, **_: Any) -> None:
        self._copy(rpath, lpath)

    def mv(self, path1: str, path2: str, **_: Any) -> None:
        Frail.step()
        os.replace(path1, path2)
        Frail.step()


class Objects(MemoryFileSystem):
    """As object storage: no renaming, no folders, listings that are kept; a file is seen when it is whole."""

    protocol = "objects"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    sent: ClassVar[list[str]] = []
    fails: ClassVar[Exception | None] = None
    mv = AbstractFileSystem.mv

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.kept: dict[str, Any] = {}

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(MemoryFileSystem._strip_protocol(str(path).removeprefix("objects://")))

    def info(self, path: str, **_: Any) -> Any:
        path = self._strip_protocol(path)
        if path not in self.kept:
            try:
                self.kept[path] = super().info(path)
            except FileNotFoundError as error:
                self.kept[path] = error
        if isinstance(self.kept[path], FileNotFoundError):
            raise self.kept[path]
        return self.kept[path]

    def invalidate_cache(self, path: str | None = None) -> None:
        self.kept.clear()

    def rm_file(self, path: str) -> None:
        super().rm_file(path)
        self.kept.clear()

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        raise PermissionError("may make no bucket")

    mkdir = makedirs

    def put_file(self, lpath: str, rpath: str, **_: Any) -> None:
        if Objects.fails:
            raise Objects.fails
        time.sleep(0.02)  # time for others to begin the same
        Objects.sent.append(rpath)
        self.pipe_file(rpath, Path(lpath).read_bytes())


for kind in (Frail, Objects):
    fsspec.register_implementation(kind.protocol, kind, clobber=True)


@pytest.fixture(params=["file", "memory", "objects"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "file":
        yield (tmp_path / "store").as_uri()
        return
    yield f"{request.param}://{uuid.uuid4().hex}/fleet"
    Objects.store.clear()
    MemoryFileSystem.store.clear()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets days pass."""
    now = time.time()
    return lambda days: monkeypatch.setattr(files_module.time, "time", lambda: now + days * DAY)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "Dance.MP4"
    path.write_bytes(CONTENT)
    return path


DIGEST = hashlib.sha256(CONTENT).hexdigest()
NAME = f"{DIGEST}.mp4"


def change(url: str, name: str, content: bytes | None) -> None:
    """Write or remove a file of the store behind everybody's back."""
    files, root = fsspec.core.url_to_fs(url)
    path = f"{root}/{name}"
    if content is None:
        files.rm_file(path)
        return
    if "file" in files.protocol:
        files.makedirs(os.path.dirname(path), exist_ok=True)
    files.pipe_file(path, content)
    files.invalidate_cache()


def there(url: str, folder: str = "") -> list[str]:
    files, root = fsspec.core.url_to_fs(url)
    files.invalidate_cache()
    base = f"{root}/{folder}" if folder else root
    return sorted(path.removeprefix(root + "/") for path in files.find(base))


def test_an_input_comes_back_as_it_was(url: str, clip: Path, tmp_path: Path) -> None:
    gateway, worker = Files(url), Files(url)
    assert there(url, "inputs") == []
    assert gateway.put_input(clip, sha256_of(clip)) == NAME
    assert there(url, "inputs") == [f"inputs/{NAME}"]
    worker.get_input(NAME, tmp_path / "here.mp4")
    assert (tmp_path / "here.mp4").read_bytes() == CONTENT
    assert there(url) == [f"inputs/{NAME}"]


def test_names_say_the_content_and_the_kind() -> None:
    for name, suffix in (("a.MP4", ".mp4"), ("a.tar.gz", ".gz"), ("a", ""), ("a.b c", ""), ("a." + "x" * 99, "")):
        assert input_name(Path(name), DIGEST) == DIGEST + suffix
    with pytest.raises(ValueError, match="no name of an input"):
        input_name(Path("a.mp4"), "../..")


def test_nothing_is_sent_twice(clip: Path) -> None:
    url = f"objects://{uuid.uuid4().hex}"
    Objects.sent.clear()
    one, other = Files(url), Files(url)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: one.put_input(clip, DIGEST), range(16))) == {NAME}
    other.put_input(clip, DIGEST)
    assert len(Objects.sent) == 1
    change(url, f"inputs/{NAME}", None)
    one.put_input(clip, DIGEST)
    assert len(Objects.sent) == 2


def test_a_damaged_input_is_no_input_and_is_sent_anew(url: str, clip: Path, tmp_path: Path) -> None:
    gateway, worker = Files(url), Files(url)
    for damaged in (CONTENT[:-1], b"A" + CONTENT[1:]):
        gateway.put_input(clip, DIGEST)
        change(url, f"inputs/{NAME}", damaged)
        with pytest.raises(FilesError, match=r"mp4 is damaged.*sends it anew"):
            worker.get_input(NAME, tmp_path / "here.mp4")
        with pytest.raises(FilesError, match=f"no {NAME}"):
            worker.get_input(NAME, tmp_path / "here.mp4")
        assert sorted(path.name for path in tmp_path.iterdir() if path.name != "store") == ["Dance.MP4"]
    gateway.put_input(clip, DIGEST)
    worker.get_input(NAME, tmp_path / "here.mp4")
    assert (tmp_path / "here.mp4").read_bytes() == CONTENT


def test_one_that_was_cut_off_is_sent_anew(url: str, clip: Path, tmp_path: Path) -> None:
    change(url, f"inputs/{NAME}", CONTENT[:7])
    Files(url).put_input(clip, DIGEST)
    Files(url).get_input(NAME, tmp_path / "here.mp4")


@given(
    times=st.lists(st.tuples(st.sampled_from(["put", "sweep"]), st.floats(0, 5)), max_size=12), delay=st.floats(0, 1)
)
def test_what_was_put_within_a_day_is_never_swept(times: list[tuple[str, float]], delay: float) -> None:
    base, now = f"memory://{uuid.uuid4().hex}", [0.0]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        clip = Path(folder) / "a.mp4"
        clip.write_bytes(CONTENT)
        patch.setattr(files_module.time, "time", lambda: now[0])
        patch.setattr(MemoryFileSystem, "modified", lambda self, path: _Stamp(written[0]) if self.info(path) else None)
        written = [0.0]
        plain = MemoryFileSystem.put_file

        def put_file(self: Any, lpath: str, rpath: str, **options: Any) -> None:
            plain(self, lpath, rpath, **options)
            written[0] = now[0]

        patch.setattr(MemoryFileSystem, "put_file", put_file)
        files = Files(base)
        for act, days in times:
            now[0] += days * DAY
            if act == "put":
                files.put_input(clip, DIGEST)
            else:
                files.sweep(lambda _: False, 0)
        files.put_input(clip, DIGEST)
        now[0] += delay * DAY
        files.sweep(lambda _: False, 0)
        files.get_input(NAME, Path(folder) / "b.mp4")


class _Stamp(float):
    def timestamp(self) -> float:
        return float(self)


def test_inputs_that_are_not_used_go(url: str, clip: Path, clock: Callable[[float], None]) -> None:
    files = Files(url)
    files.put_input(clip, DIGEST)
    left_behind, foreign = f"inputs/.{uuid.uuid4().hex}", ["inputs/notes.txt", "jobs/readme", "jobs/mine/file"]
    for name in (left_behind, *foreign):
        change(url, name, b"x")
    clock(LEAST_DAYS - 0.1)
    files.sweep(lambda _: False, 1)
    assert there(url) == sorted([f"inputs/{NAME}", left_behind, *foreign])
    clock(9.9)
    files.sweep(lambda _: False, 10)
    assert f"inputs/{NAME}" in there(url)
    clock(10.1)
    files.sweep(lambda _: False, 10)
    assert there(url) == sorted(foreign)


def test_what_jobs_that_ended_have_left_goes(url: str, clip: Path) -> None:
    files = Files(url)
    for job in (JOB, OTHER):
        for run in ("one", "two"):
            files.put_output(job, run, "temp/a.mp4", clip)
    files.put_input(clip, DIGEST)
    files.sweep(lambda job: job == JOB, 30)
    assert there(url) == [f"inputs/{NAME}", f"jobs/{JOB}/one/temp/a.mp4", f"jobs/{JOB}/two/temp/a.mp4"]
    files.drop_job(JOB)
    files.drop_job(JOB)
    assert there(url) == [f"inputs/{NAME}"]
    Files(url + "/nothing/yet").sweep(lambda _: False, 30)


def test_a_sweep_goes_on_behind_what_cannot_be_removed(
    clip: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"memory://{uuid.uuid4().hex}"
    files, plain = Files(url), MemoryFileSystem.rm
    for job in (JOB, OTHER):
        files.put_output(job, "run", "a.mp4", clip)

    def rm(self: Any, path: str, **options: Any) -> None:
        if JOB in path:
            raise OSError("Directory not empty")
        plain(self, path, **options)

    monkeypatch.setattr(MemoryFileSystem, "rm", rm)
    files.sweep(lambda _: False, 30)
    assert there(url) == [f"jobs/{JOB}/run/a.mp4"]
    assert "Directory not empty" in caplog.text


def test_output_comes_as_it_is_made(url: str, clip: Path, tmp_path: Path) -> None:
    worker, gateway, folder = Files(url), Files(url), tmp_path / "aside" / "run"
    assert gateway.take_output(JOB, "run", folder) == []
    worker.put_output(JOB, "run", "clip_00001_.mp4", clip)
    worker.put_output(JOB, "lost", "clip_00001_.mp4", clip)
    assert gateway.take_output(JOB, "run", folder) == ["clip_00001_.mp4"]
    first = (folder / "clip_00001_.mp4").stat()
    worker.put_output(JOB, "run", "frames_00001_/000001.png", clip)
    worker.put_output(JOB, "run", "temp/look.png", clip)
    change(url, f"jobs/{JOB}/run/.{uuid.uuid4().hex}", b"on its way")
    assert gateway.take_output(JOB, "run", folder, ["temp/look.png"]) == ["temp/look.png"]
    assert not (folder / "frames_00001_").exists()
    names = ["clip_00001_.mp4", "frames_00001_/000001.png", "temp/look.png"]
    assert gateway.take_output(JOB, "run", folder) == names
    assert all((folder / name).read_bytes() == CONTENT for name in names)
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) == names
    again = (folder / "clip_00001_.mp4").stat()
    assert (again.st_ino, again.st_mtime_ns) == (first.st_ino, first.st_mtime_ns)
    with pytest.raises(FilesError, match=r"has left no other\.mp4"):
        gateway.take_output(JOB, "run", folder, ["clip_00001_.mp4", "other.mp4"])


@pytest.mark.parametrize("name", ["José García", "a b#c", "100%", "a%20b"])
def test_a_folder_of_any_name_is_a_store(name: str, clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / name / "fleet"
    sent = Files(folder_url(folder)).put_input(clip, sha256_of(clip))
    assert (folder / "inputs" / sent).read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [name], "no other was made"


UPWARDS = ["", ".", "..", "../a", "a/../../b", "/etc/passwd", "a//b", "a/", ".hidden", "a\0b"]
ON_WINDOWS = [r"\\host\a", r"..\a", "C:a"]


@pytest.mark.parametrize("name", UPWARDS + ON_WINDOWS)
def test_names_stay_inside(name: str, clip: Path, tmp_path: Path) -> None:
    files = Files((tmp_path / "store").as_uri())
    for act in (
        lambda: files.put_output(JOB, "run", name, clip),
        lambda: files.take_output(JOB, "run", tmp_path / "out", [name]),
        lambda: files.put_output(name, "run", "a", clip),
        lambda: files.put_output(JOB, name, "a", clip),
        lambda: files.drop_job(name),
        lambda: files.get_input(name, tmp_path / "out"),
    ):
        with pytest.raises(ValueError, match="is no"):
            act()
    assert not (tmp_path / "store").exists()


def test_a_store_that_somebody_else_writes_to_leads_nowhere(clip: Path, tmp_path: Path) -> None:
    url, attempt = (tmp_path / "store").as_uri(), tmp_path / "store" / "jobs" / JOB / "run"
    Files(url).put_output(JOB, "run", "a.mp4", clip)
    (tmp_path / "secret").write_text("secret")
    (attempt / "link.txt").symlink_to(tmp_path / "secret")
    assert Files(url).take_output(JOB, "run", tmp_path / "out") == ["a.mp4"]
    bad = f"memory://{uuid.uuid4().hex}"
    change(bad, f"jobs/{JOB}/run/../../../../a", b"x")
    with pytest.raises(FilesError, match="is no name of a file below a folder"):
        Files(bad).take_output(JOB, "run", tmp_path / "out")


def observed(base: Path, look: Path) -> None:
    """What others see while somebody sends or fetches: whole files or none."""
    files = Files(base.as_uri())
    if f"inputs/{NAME}" in there(base.as_uri()):
        files.get_input(NAME, look / "seen.mp4")
    files.take_output(JOB, "run", look / "seen")
    for path in (look / "mine.mp4", *look.glob("mine/*.mp4"), *look.glob("seen/*.mp4"), look / "seen.mp4"):
        assert not path.exists() or path.read_bytes() == CONTENT


@given(end=st.integers(0, 30))
def test_whoever_is_killed_leaves_whole_files_or_none(end: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, left = Path(name), [end]
        base, clip = folder / "store", folder / "a.mp4"
        clip.write_bytes(CONTENT)
        frail = Files(f"frail://{base}")

        def work() -> None:
            frail.put_input(clip, DIGEST)
            frail.put_output(JOB, "run", "a.mp4", clip)
            frail.get_input(NAME, folder / "mine.mp4")
            frail.take_output(JOB, "run", folder / "mine")

        def step() -> None:
            observed(base, folder)
            if left[0] == 0:
                raise Killed
            left[0] -= 1

        Frail.step = step
        try:
            with suppress(Killed):
                work()
            observed(base, folder)
            left[0] = -1  # the next process
            work()
        finally:
            Frail.step = lambda: None
        assert (folder / "mine.mp4").read_bytes() == (folder / "mine" / "a.mp4").read_bytes() == CONTENT
        shutil.rmtree(base)


@pytest.mark.parametrize(
    ("address", "named"),
    [
        ("ftp://joe:hunter2@127.0.0.1:1/fleet", "at ftp://127.0.0.1: cannot"),
        ("nonsense://key:hun/ter2@bucket/fleet", "at nonsense://key: cannot"),
        ("nonsense://bucket/fleet?token=hunter2", "at nonsense://bucket: cannot"),
    ],
)
def test_errors_name_the_storage_and_no_secrets(address: str, named: str, clip: Path, tmp_path: Path) -> None:
    files = Files(address)
    for act in (
        lambda: files.put_input(clip, DIGEST),
        lambda: files.get_input(NAME, tmp_path / "b.mp4"),
        lambda: files.put_output(JOB, "run", "a.mp4", clip),
        lambda: files.take_output(JOB, "run", tmp_path / "out"),
        lambda: files.sweep(lambda _: False, 30),
        lambda: files.drop_job(JOB),
    ):
        with pytest.raises(FilesError, match="fleet_files") as caught:
            act()
        text = "".join(traceback.format_exception(caught.value))
        assert named in text
        assert not any(secret in text for secret in ("hunter2", "ter2", "joe"))


def test_what_a_storage_says_of_its_url_is_not_passed_on(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "objects://joe:hunter2@host/fleet?token=mellon"
    monkeypatch.setattr(Objects, "fails", RuntimeError(f"cannot log in to {url} as joe:hunter2 with token=mellon"))
    with pytest.raises(FilesError, match="cannot log in") as caught:
        Files(url).put_input(clip, DIGEST)
    text = "".join(traceback.format_exception(caught.value))
    assert "objects://host" in text
    assert not any(secret in text for secret in ("hunter2", "mellon"))


def test_a_full_disk_is_known_as_one(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Objects, "fails", OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(FilesError, match="No space left") as caught:
        Files(f"objects://{uuid.uuid4().hex}").put_input(clip, DIGEST)
    assert caught.value.errno == errno.ENOSPC


def test_a_file_that_is_not_here_is_no_fault_of_the_storage(tmp_path: Path) -> None:
    files = Files((tmp_path / "store").as_uri())
    for act in (
        lambda: files.put_input(tmp_path / "no.mp4", DIGEST),
        lambda: files.put_output(JOB, "run", "a.mp4", tmp_path / "no.mp4"),
    ):
        with pytest.raises(FileNotFoundError):
            act()


def test_digests_that_others_tell_alike_are_remembered(clip: Path, tmp_path: Path) -> None:
    os.utime(clip, (1e9, 1e9))
    read: list[Path] = []

    def tell(path: Path, on_part: Callable[[], None]) -> str:
        read.append(path)
        return sha256_of(path, on_part)

    for _ in range(2):
        assert Digests(tmp_path / "inputs.json", tell=tell).of(clip) == DIGEST
    assert read == [clip]
