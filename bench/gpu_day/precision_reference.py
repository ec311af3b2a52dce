"""``python -m bench.gpu_day.precision_reference SETTING``: what comparisons come to on the CPU in fp32."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from .setting import Setting

ROOT = Path(__file__).resolve().parents[2]
THREADS = max((os.cpu_count() or 2) // 2, 1)
"""Of either side: the card's needs some too."""
TOLD = 1500
"""Characters of a traceback that are kept."""


class Reference:
    """The CPU at work, in a process of its own, while the card works.

    Args:
        setting: of the part.
    """

    def __init__(self, setting: Setting) -> None:
        self._folder = _folder(setting)
        self._folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "bench.gpu_day.precision_reference", setting.as_json()]
        environment = os.environ | {"OMP_NUM_THREADS": str(THREADS), "OMP_WAIT_POLICY": "PASSIVE"}
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd=ROOT, env=environment)

    def result(self, name: str, seconds: float) -> Any:
        """What it has made under a name: tensors; ``None`` if that takes longer than ``seconds``.

        Raises:
            RuntimeError: it has failed there.
        """
        from safetensors.torch import load_file

        made, failed = self._folder / f"{name}.safetensors", self._folder / f"{name}.txt"
        end = time.monotonic() + seconds
        while True:
            ended = self._process.poll()  # before the files are looked for, which it may have written just before
            if made.is_file():
                return load_file(made)
            if failed.is_file():
                raise RuntimeError(f"on the CPU:\n{failed.read_text(encoding='utf-8')}")
            if ended is not None:
                raise RuntimeError(f"the process on the CPU ended with status {ended}")
            if time.monotonic() > end:
                return None
            time.sleep(0.05)

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()


def _folder(setting: Setting) -> Path:
    return setting.scratch / "precision"


def main() -> None:
    """Write ``<name>.safetensors`` for every comparison with the CPU, or ``<name>.txt`` on what went wrong."""
    setting = Setting.of_json(sys.argv[1])
    from tools.pack import import_pack

    import_pack(setting.comfyui, cpu=True, fp32=True)
    import torch
    from safetensors.torch import save_file

    from frugal_motion.bench.gpu_day import precision_works

    side = precision_works.Side(torch.float32, torch.float32, setting.rehearse, setting.assets)
    works, folder = precision_works.Works(side), _folder(setting)
    for one in precision_works.chosen(setting.assets):
        if one.alone:
            continue
        path = folder / f"{one.name}.tmp"
        try:
            save_file(precision_works.done(works, one), path)
            path.rename(path.with_suffix(".safetensors"))
        except Exception:  # noqa: BLE001 - the others are to be made all the same
            traceback.print_exc()
            path.write_text(traceback.format_exc()[-TOLD:], encoding="utf-8")
            path.rename(path.with_suffix(".txt"))


if __name__ == "__main__":
    main()
