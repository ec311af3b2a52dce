"""Entries are whole or not there."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from frugal_motion.nodes.caching.digests import PART, Digests, digest
from frugal_motion.nodes.caching.entry import Entry, Spent, is_damaged
from frugal_motion.nodes.caching.limits import Limits
from frugal_motion.nodes.caching.store import EntryStore

from ..conftest import ROOT

KEY = "ab" * 32


def test_what_is_added_is_found_after_a_restart(tmp_path: Path) -> None:
    EntryStore(tmp_path).add(
        KEY, "values", ".bin", lambda path: path.write_bytes(b"12345") and None, spent=lambda: Spent(1.5, 0.5)
    )
    entry = EntryStore(tmp_path).find(KEY)
    assert entry and entry.path.read_bytes() == b"12345"
    assert (entry.kind, entry.size, entry.spent) == ("values", 5, Spent(1.5, 0.5))
    assert EntryStore(tmp_path).find("cd" * 32) is None


@pytest.mark.parametrize("key", ["", "../x", "..", "AB", "ab/cd", "ab\0"])
def test_a_key_is_no_path(tmp_path: Path, key: str) -> None:
    (tmp_path / "x.json").write_text("{}")
    assert EntryStore(tmp_path / "cache").find(key) is None


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        EntryStore(tmp_path).add(KEY, "values", ".bin", fail)
    assert EntryStore(tmp_path).find(KEY) is None
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("damage", [b"", b"1234", None])
def test_a_damaged_entry_is_not_found(tmp_path: Path, damage: bytes | None) -> None:
    entry = EntryStore(tmp_path).add(KEY, "values", ".bin", lambda path: path.write_bytes(b"12345") and None)
    entry.path.unlink() if damage is None else entry.path.write_bytes(damage)
    assert EntryStore(tmp_path).find(KEY) is None


@pytest.mark.parametrize("facts", ["", "{}", "[]", '{"content": "a.bin", "size": "x"}', "not json"])
def test_a_damaged_index_is_not_found(tmp_path: Path, facts: str) -> None:
    EntryStore(tmp_path).add(KEY, "values", ".bin", lambda path: path.write_bytes(b"12345") and None)
    next(tmp_path.rglob("*.json")).write_text(facts)
    assert EntryStore(tmp_path).find(KEY) is None


def filled(folder: Path, count: int, size: int = 10) -> tuple[EntryStore, list[Entry]]:
    """Entries that were used 1, 2, 3… days ago."""
    store, entries = EntryStore(folder), []
    for number in range(count):
        key = f"{number:02x}" * 32
        store.add(key, "values", ".bin", lambda path, n=number: path.write_bytes(bytes([n]) * size) and None)
        days_ago = time.time() - (number + 1) * 86400
        os.utime(folder / key[:2] / f"{key}.json", (days_ago, days_ago))
        entry = store.find(key)
        assert entry
        entries.append(entry)
    return store, entries


def test_room_is_made_by_what_was_used_longest_ago(tmp_path: Path) -> None:
    store, entries = filled(tmp_path, 5)
    store.pin(entries[4])
    store.touch(entries[3])
    removed = EntryStore(tmp_path, limits=Limits(size=35)).trim()
    assert [entry.key for entry in removed] == [entries[2].key, entries[1].key], "4 is pinned, 3 was used just now"
    assert {entry.key for entry in store.entries()} == {entries[i].key for i in (0, 3, 4)}
    assert EntryStore(tmp_path, limits=Limits(size=35)).trim() == []
    assert len(list(tmp_path.rglob("*.bin"))) == 3


@pytest.mark.parametrize(("pinned", "size"), [(0, 51), (3, 21), (5, 1)])
def test_what_cannot_fit_goes_alone(tmp_path: Path, pinned: int, size: int, caplog: pytest.LogCaptureFixture) -> None:
    store, entries = filled(tmp_path, 5)
    for entry in entries[:pinned]:
        store.pin(entry)
    store.add(KEY, "values", ".bin", lambda path: path.write_bytes(bytes(size)) and None, made="Sampler")
    removed = EntryStore(tmp_path, limits=Limits(size=50)).trim()
    assert [entry.key for entry in removed] == [KEY]
    assert len(list(store.entries())) == 5
    assert f"{size} bytes do not fit into cache_gigabytes; Sampler is not kept" in caplog.text
    assert EntryStore(tmp_path, limits=Limits(size=50)).trim() == [] and len(caplog.records) == 1


def test_what_is_used_or_made_anew_in_the_meantime_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the time between the list of the entries and their end; other processes work on."""
    store, entries = filled(tmp_path, 4)
    monkeypatch.setattr(store, "entries", lambda: iter(entries))
    EntryStore(tmp_path).touch(entries[3])
    EntryStore(tmp_path).add(entries[2].key, "values", ".bin", lambda path: path.write_bytes(b"new") and None)
    for entry in entries[1:3]:
        store.remove(entry)
    assert [entry.key for entry in Limits(size=25).surplus(entries, time.time())] == [entries[3].key, entries[2].key]
    monkeypatch.setattr(store, "_limits", Limits(size=25))
    assert store.trim() == []
    assert {entry.key for entry in EntryStore(tmp_path).entries()} == {entries[i].key for i in (0, 2, 3)}


def test_what_cannot_be_read_now_is_not_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, _ = filled(tmp_path, 2)
    with monkeypatch.context() as patched:
        patched.setattr("frugal_motion.nodes.caching.entry.checksum", Mock(side_effect=OSError("the drive is away")))
        assert store.verify() == []
    assert len(list(store.entries())) == 2


def test_what_goes_between_two_looks_is_a_miss(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store, (entry,) = filled(tmp_path, 1)

    def gone(entry: Entry) -> bytes:
        EntryStore(tmp_path).remove(entry)  # by another process
        return entry.path.read_bytes()

    assert store.read(entry.key, gone) is None
    assert caplog.text == ""


def test_what_is_made_anew_stays_pinned(tmp_path: Path) -> None:
    store, (entry,) = filled(tmp_path, 1)

    def write(path: Path) -> None:
        path.write_bytes(b"new")
        store.pin(entry)  # while it is made

    assert store.add(entry.key, "values", ".bin", write).pinned
    assert [(kept.size, kept.pinned) for kept in store.entries()] == [(3, True)]


def test_what_was_not_used_for_long_is_dropped(tmp_path: Path) -> None:
    _, entries = filled(tmp_path, 4)
    assert {entry.key for entry in EntryStore(tmp_path, limits=Limits(days=2.5)).trim()} == {
        entries[2].key,
        entries[3].key,
    }
    assert EntryStore(tmp_path, limits=Limits()).trim() == [], "0 is no limit"


def test_a_clock_that_goes_back_drops_nothing(tmp_path: Path) -> None:
    filled(tmp_path, 2)
    assert EntryStore(tmp_path, limits=Limits(days=0.5)).trim(now=time.time() - 30 * 86400) == []


@pytest.mark.parametrize("position", [0, 5, 9])
def test_a_flipped_bit_is_found(tmp_path: Path, position: int) -> None:
    store, entries = filled(tmp_path, 2)
    content = bytearray(entries[0].path.read_bytes())
    content[position] ^= 4
    entries[0].path.write_bytes(content)
    assert is_damaged(entries[0]) and not is_damaged(entries[1])
    assert [entry.key for entry in store.verify()] == [entries[0].key]
    assert [entry.key for entry in store.entries()] == [entries[1].key]


@pytest.mark.parametrize("when", ["trim", "verify"])
def test_what_killed_processes_left_is_removed_after_a_day(tmp_path: Path, when: str) -> None:
    store, entries = filled(tmp_path, 1)
    key = entries[0].key
    names = (f".{'0' * 32}.bin", f".{'1' * 32}", f"{KEY}-01234567.bin", f"{key}-01234567.bin", f".{'2' * 32}.bin")
    *left, fresh = (entries[0].path.with_name(name) for name in names)
    for path in (*left, fresh):
        path.write_bytes(b"half")
    for path in (*left, entries[0].path):
        os.utime(path, (0, 0))
    assert {"trim": store.trim, "verify": store.verify}[when]() == []
    assert {path for path in tmp_path.rglob("*.*") if path.suffix != ".json"} == {fresh, entries[0].path}


def test_what_an_index_that_cannot_be_read_now_may_name_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, entries = filled(tmp_path, 1)
    os.utime(entries[0].path, (0, 0))
    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_text", Mock(side_effect=OSError("the drive is away")))
        store.trim()
    assert list(store.entries()) == entries


@pytest.mark.parametrize("name", ["tv/film.mkv", "ab/film.mkv", "ab/.hidden", "00/0-1.mp4", "ab/notes.json"])
def test_what_is_not_the_caches_stays(tmp_path: Path, name: str) -> None:
    store, _ = filled(tmp_path, 1)
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"mine")
    os.utime(file, (0, 0))
    store.verify()
    assert file.read_bytes() == b"mine"


def test_a_folder_that_is_only_for_reading_still_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, entries = filled(tmp_path, 1)

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "read-only")

    monkeypatch.setattr("os.utime", refused)
    store.touch(entries[0])
    assert store.find(entries[0].key) == entries[0]


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from nodes.caching.limits import Limits
from nodes.caching.store import EntryStore
store = EntryStore(Path(sys.argv[1]), limits=Limits(size=900_000))
for number in range(100_000):
    key = f"{number % 7:02x}" * 32
    store.add(key, "values", ".bin", lambda path: path.write_bytes(bytes([number % 256]) * 200_000) and None)
    store.find(key)
    if number % 5 == 0:
        store.trim()
    if number == 3:
        print("ready", flush=True)
"""


def _writer(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", WRITER, folder, ROOT], stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "ready\n"
    return process


def test_killed_writers_leave_whole_entries_or_none(tmp_path: Path) -> None:
    for turn in range(12):
        process = _writer(tmp_path)
        time.sleep(0.01 * turn)
        process.kill()
        process.wait()
        assert not any(is_damaged(entry) for entry in EntryStore(tmp_path).entries())
    assert EntryStore(tmp_path).verify() == []


def test_two_processes_store_and_evict_the_same_keys(tmp_path: Path) -> None:
    writers = [_writer(tmp_path) for _ in range(2)]
    store, seen = EntryStore(tmp_path), 0
    while seen < 500:
        assert all(writer.poll() is None for writer in writers), "neither has failed"
        for entry in store.entries():
            try:
                content = entry.path.read_bytes()
            except FileNotFoundError:
                continue  # evicted between the two looks: a miss
            seen += 1
            assert len(content) == entry.size and len(set(content)) == 1, "never a mixture"
    for writer in writers:
        assert writer.poll() is None, "neither has failed"
        writer.kill()
        writer.wait()


def test_digests_follow_the_content_and_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "clip.mp4"
    file.write_bytes(b"one")
    os.utime(file, (1e9, 1e9))
    first = Digests(tmp_path / "memory.json").of(file)
    assert first == digest(file)
    again = Digests(tmp_path / "memory.json")
    monkeypatch.setattr("frugal_motion.nodes.caching.digests.digest", lambda *_: pytest.fail("read twice"))
    assert again.of(file) == first
    monkeypatch.undo()
    file.write_bytes(b"other")
    assert again.of(file) == digest(file) != first


def test_a_memory_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"one")
    (tmp_path / "taken").write_text("a file where the folder should be")
    digests = Digests(tmp_path / "taken" / "memory.json")
    assert digests.of(tmp_path / "clip.mp4") == digest(tmp_path / "clip.mp4")


def test_a_damaged_memory_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "memory.json").write_text('{"x": 1}')
    file = tmp_path / "clip.mp4"
    file.write_bytes(b"one")
    assert Digests(tmp_path / "memory.json").of(file) == digest(file)


def test_a_file_that_has_just_changed_is_read_again(tmp_path: Path) -> None:
    """Within a step of the file system's clock it could change once more and look the same."""
    file, digests = tmp_path / "clip.mp4", Digests(tmp_path / "memory.json")
    file.write_bytes(b"one")
    moment = file.stat().st_mtime_ns
    first = digests.of(file)
    file.write_bytes(b"two")
    os.utime(file, ns=(moment, moment))
    assert digests.of(file) == digest(file) != first


def test_processes_do_not_forget_what_others_have_learned(tmp_path: Path) -> None:
    files = [tmp_path / name for name in "ab"]
    for file in files:
        file.write_text(file.name)
        os.utime(file, (1e9, 1e9))
    for file, digests in zip(files, [Digests(tmp_path / "memory.json") for _ in files], strict=True):
        digests.of(file)
    assert json.loads((tmp_path / "memory.json").read_text()).keys() == set(map(str, files))


def test_a_memory_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frugal_motion.nodes.caching.digests.MOST_KNOWN", 3)
    files = [tmp_path / str(number) for number in range(5)]
    for file in (*files, files[3]):
        file.write_text(file.name)
        os.utime(file, (1e9, 1e9))
        Digests(tmp_path / "memory.json").of(file)
    files[2].write_text("changed, and so learned last")
    os.utime(files[2], (1e9, 1e9))
    Digests(tmp_path / "memory.json").of(files[2])
    known = json.loads((tmp_path / "memory.json").read_text())
    assert list(known) == [str(files[number]) for number in (3, 4, 2)]


@pytest.mark.parametrize("size", [0, 1, PART, 3 * PART + 5])
def test_digest_is_of_all_parts_in_their_order(tmp_path: Path, size: int) -> None:
    content = np.random.default_rng(size).bytes(size)
    (tmp_path / "file").write_bytes(content)
    parts = (hashlib.sha256(content[first : first + PART]).digest() for first in range(0, size, PART))
    assert digest(tmp_path / "file") == hashlib.sha256(b"".join(parts)).hexdigest()


def test_of_a_folder_all_files_count_and_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("b", "a/c"):
        file = tmp_path / "set" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
        os.utime(file, (1e9, 1e9))
    first = Digests(tmp_path / "memory.json").of(tmp_path / "set")
    monkeypatch.setattr("frugal_motion.nodes.caching.digests.digest", lambda *_: pytest.fail("read twice"))
    assert Digests(tmp_path / "memory.json").of(tmp_path / "set") == first
    monkeypatch.undo()
    (tmp_path / "set" / "a" / "c").write_text("other")
    assert Digests(tmp_path / "memory.json").of(tmp_path / "set") != first


@pytest.mark.parametrize("limit", ["MOST_FILES", "MOST_BYTES"])
def test_a_folder_that_holds_too_much_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(f"frugal_motion.nodes.caching.digests.{limit}", 3)
    (tmp_path / "set").mkdir()
    for name, allowed in (("abc", True), ("d", False)):
        for letter in name:
            (tmp_path / "set" / letter).write_text("1")
        with nullcontext() if allowed else pytest.raises(OSError, match="holds more than"):
            Digests(tmp_path / "memory.json").of(tmp_path / "set")


def test_reading_can_be_stopped(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    with pytest.raises(KeyboardInterrupt):
        Digests(tmp_path / "memory.json", Mock(side_effect=KeyboardInterrupt)).of(tmp_path / "file")
