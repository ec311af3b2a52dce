"""A cache that machines share behind their own."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any, ClassVar
from unittest.mock import Mock

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from frugal_motion.nodes.caching.entry import Entry, Spent
from frugal_motion.nodes.caching.limits import Limits
from frugal_motion.nodes.caching.remote import THREAD, Remote
from frugal_motion.nodes.caching.store import EntryStore
from frugal_motion.nodes.host.settings import settings
from frugal_motion.nodes.server.machine_routes import settings_state

KEY, OTHER = "ab" * 32, "ab" * 31 + "cd"


@pytest.fixture(params=["memory", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "file":
        yield (tmp_path / "shared").as_uri()
        return
    address = f"memory://{uuid.uuid4().hex}"
    yield address
    files, root = fsspec.core.url_to_fs(address)
    if files.exists(root):
        files.rm(root, recursive=True)


@pytest.fixture
def machine(url: str, tmp_path: Path) -> Callable[[str], EntryStore]:
    """A store of its own for every name, over the shared one."""
    return lambda name: EntryStore(tmp_path / name, Remote(url))


def add(store: EntryStore, content: bytes = b"frames", key: str = KEY) -> Entry:
    entry = store.add(
        key, "video", ".mp4", lambda path: path.write_bytes(content) and None, lambda: Spent(7.0, 5.0), "Sampler"
    )
    uploaded()
    return entry


def uploaded() -> None:
    for thread in threading.enumerate():
        if thread.name == THREAD:
            thread.join()


def here(store: EntryStore) -> Entry:
    entry = store.find(KEY)
    assert entry
    return entry


def content(store: EntryStore, key: str = KEY) -> bytes | None:
    read = store.read(key, lambda entry: entry.path.read_bytes())
    return read[1] if read else None


def test_one_machine_finds_what_another_has_made(machine: Callable[[str], EntryStore]) -> None:
    made, other = add(machine("a")), machine("b")
    assert content(other) == b"frames"
    entry = other.find(KEY)
    assert entry and (entry.kind, entry.size, entry.spent, entry.made) == ("video", 6, Spent(7.0, 5.0), "Sampler")
    assert entry.path.name == made.path.name


def test_what_has_been_fetched_is_kept_here(machine: Callable[[str], EntryStore], url: str) -> None:
    add(machine("a"))
    assert content(machine("b")) == b"frames"
    files, root = fsspec.core.url_to_fs(url)
    files.rm(root, recursive=True)
    assert content(machine("b")) == b"frames" and content(machine("c")) is None


def test_what_nobody_has_made_is_a_miss(machine: Callable[[str], EntryStore]) -> None:
    assert content(machine("a")) is None


def test_what_is_made_anew_takes_the_place_of_the_old(machine: Callable[[str], EntryStore]) -> None:
    for value in (b"old", b"newer"):
        add(machine("a"), value)
    assert content(machine("b")) == b"newer"


def test_room_and_pins_are_everybodys_own(machine: Callable[[str], EntryStore]) -> None:
    here, there = machine("a"), machine("b")
    here.pin(add(here))
    assert content(there) == b"frames"
    entry = there.find(KEY)
    assert entry and not entry.pinned
    there.remove(entry)
    assert here.find(KEY) and content(there) == b"frames"


def test_no_part_of_an_upload_is_left(machine: Callable[[str], EntryStore], url: str) -> None:
    entry = add(machine("a"))
    files, root = fsspec.core.url_to_fs(url)
    names = {path.rpartition("/")[2] for path in files.find(root)}
    assert names == {entry.path.name, f"{KEY}.json"}


@pytest.mark.parametrize("damage", ["flip", "truncate", "gone", "facts", "a list", "a path"])
def test_damage_is_a_miss_and_what_is_made_anew_heals_it(
    machine: Callable[[str], EntryStore], url: str, damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    entry = add(machine("a"))
    files, root = fsspec.core.url_to_fs(url)
    there, facts = f"{root}/ab/{entry.path.name}", f"{root}/ab/{KEY}.json"
    {
        "flip": lambda: files.pipe_file(there, b"fqames"),
        "truncate": lambda: files.pipe_file(there, b"fra"),
        "gone": lambda: files.rm(there),
        "facts": lambda: files.pipe_file(facts, b"{"),
        "a list": lambda: files.pipe_file(facts, b"[]"),
        "a path": lambda: files.pipe_file(facts, files.cat_file(facts).replace(b"ab", b"../ab")),
    }[damage]()
    assert content(machine("b")) is None
    assert len(caplog.records) == 1, caplog.text
    assert [path for path in (tmp_path / "b").rglob("*") if path.is_file()] == []
    add(machine("a"))
    assert content(machine("b")) == b"frames"


@pytest.mark.parametrize("damage", ["flip", "gone", "facts"])
def test_one_damaged_entry_does_not_spoil_the_others(
    machine: Callable[[str], EntryStore], url: str, damage: str
) -> None:
    entry = add(machine("a"))
    add(machine("a"), key=OTHER)
    files, root = fsspec.core.url_to_fs(url)
    there = f"{root}/ab/{entry.path.name}"
    {
        "flip": lambda: files.pipe_file(there, b"fqames"),
        "gone": lambda: files.rm(there),
        "facts": lambda: files.pipe_file(f"{root}/ab/{KEY}.json", b"{"),
    }[damage]()
    assert content(machine("b")) is None
    store = machine("b")
    assert content(store) is None and content(store, OTHER) == b"frames"


def test_more_than_a_block_comes_whole(machine: Callable[[str], EntryStore], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frugal_motion.nodes.caching.remote.BLOCK", 4)
    add(machine("a"), b"frames and more")
    assert content(machine("b")) == b"frames and more"


def test_what_goes_before_it_is_shared_is_no_fault_of_the_store(
    machine: Callable[[str], EntryStore], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = machine("a")
    with monkeypatch.context() as patched:
        patched.setattr(Thread, "start", lambda thread: store.remove(here(store)) or thread.run())
        add(store)
    add(store, key=OTHER)
    assert content(machine("b")) is None and content(machine("b"), OTHER) == b"frames"
    assert caplog.text == ""


def test_room_is_made_for_what_comes_from_afar(machine: Callable[[str], EntryStore], url: str, tmp_path: Path) -> None:
    for key in (KEY, OTHER):
        add(machine("a"), key=key)
    for number, size in enumerate((6, 12, 5)):
        store = EntryStore(tmp_path / str(number), Remote(url), Limits(size))
        assert content(store) == content(store, OTHER) == b"frames", "also what is not kept is used"
        assert sum(entry.size for entry in store.entries()) <= size


class Buckets(MemoryFileSystem):
    """As s3fs: to make a folder makes its bucket, and nothing can be put into one that is not there."""

    protocol = "buckets"
    made: ClassVar[set[str]] = set()

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        self.made.add(path)

    def put_file(self, lpath: str, rpath: str, *args: Any, **kwargs: Any) -> None:
        self._check(rpath)
        super().put_file(lpath, rpath, *args, **kwargs)

    def pipe_file(self, path: str, value: bytes, *args: Any, **kwargs: Any) -> None:
        self._check(path)
        super().pipe_file(path, value, *args, **kwargs)

    def _check(self, path: str) -> None:
        if not any(bucket in path for bucket in self.made):
            raise FileNotFoundError("The specified bucket does not exist")


def test_no_bucket_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    fsspec.register_implementation("buckets", Buckets, clobber=True)
    monkeypatch.setattr(Buckets, "made", {"there"})
    for name, shared in (("there", b"frames"), ("typing-mistake", None)):
        add(EntryStore(tmp_path / name, Remote(f"buckets://{name}/cache")))
        assert content(EntryStore(tmp_path / "other", Remote(f"buckets://{name}/cache"))) == shared
        for entry in EntryStore(tmp_path / "other").entries():
            EntryStore(tmp_path / "other").remove(entry)
    assert not any("typing-mistake" in path for path in Buckets.made)
    assert caplog.text.count("left alone for a minute") == 1 and "bucket does not exist" in caplog.text


class Silent(MemoryFileSystem):
    """A server that takes what it is asked and does not answer."""

    protocol = "silent"

    def cat_file(self, *_: Any, **__: Any) -> Any:
        released.wait(5)


released = Event()


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    fsspec.register_implementation("silent", Silent, clobber=True)
    monkeypatch.setattr("frugal_motion.nodes.caching.remote._LOOK_EVERY", 0.01)
    released.clear()
    yield "silent://bucket/cache"
    released.set()


def test_a_silent_server_is_not_waited_for(
    silent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("frugal_motion.nodes.caching.remote._PATIENCE", 0.1)
    store = EntryStore(tmp_path, Remote(silent))
    assert content(store) is None and content(store) is None
    assert caplog.text.count("left alone for a minute") == 1 and "no answer" in caplog.text


def test_who_waits_for_a_silent_server_can_be_stopped(silent: str, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        content(EntryStore(tmp_path, Remote(silent, Mock(side_effect=KeyboardInterrupt))))


@pytest.mark.parametrize("address", ["nonsense://x/y", "{}/taken/x"])
def test_a_store_that_cannot_be_reached_stops_nothing(
    address: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "taken").write_text("a file where a folder should be")
    remote = Remote(address.format(tmp_path.as_uri()))
    for _ in range(3):
        store = EntryStore(tmp_path / "a", remote)
        entry = add(store)
        assert content(store) == b"frames"
        store.remove(entry)
        assert content(store) is None
    assert len(caplog.records) == 1, "and it is left alone for a while"


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("ftp://joe:hunter2@127.0.0.1:1/cache", "cache_remote ftp://127.0.0.1 is"),
        ("nonsense://key:hun/ter2@bucket/cache", "cache_remote nonsense://key is"),
        ("nonsense://bucket/cache?token=hunter2", "cache_remote nonsense://bucket is"),
        ("nonsense://joe:hunter2@[bucket/cache", "cache_remote nonsense:// is"),
    ],
)
def test_secrets_of_the_address_are_not_logged(
    url: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for says_all in (False, True):
        if says_all:  # a library that quotes what it was given
            monkeypatch.setattr("fsspec.core.url_to_fs", Mock(side_effect=ValueError(f"cannot parse {url!r}")))
        assert EntryStore(tmp_path, Remote(url)).read(KEY, lambda _: None) is None
    assert caplog.text.count(named) == 2
    assert "hunter2" not in caplog.text and "hun/ter2" not in caplog.text


def test_the_address_is_not_told_over_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRUGAL_MOTION_CACHE_REMOTE", "sftp://joe:hunter2@host/cache")
    assert settings().cache_remote == "sftp://joe:hunter2@host/cache"
    assert "hunter2" not in str(settings_state())


def test_fetching_can_be_stopped(machine: Callable[[str], EntryStore], url: str, tmp_path: Path) -> None:
    add(machine("a"))
    store = EntryStore(tmp_path / "b", Remote(url, Mock(side_effect=KeyboardInterrupt)))
    with pytest.raises(KeyboardInterrupt):
        content(store)
    assert [path for path in (tmp_path / "b").rglob("*") if path.is_file()] == []
