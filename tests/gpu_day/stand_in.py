"""``stand_in.py NAME``: the process of a part that misbehaves as its name says; see ``test_processes``.

``stand_in.py day FOLDER`` is a whole day of them, whose results are in the folder.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT)

from bench.gpu_day import day, results  # noqa: E402
from bench.gpu_day.measurement import Measurement  # noqa: E402
from bench.gpu_day.part_process import own_stdout, serve  # noqa: E402
from bench.gpu_day.parts import Part  # noqa: E402
from bench.gpu_day.processes import Processes  # noqa: E402
from bench.gpu_day.setting import Setting  # noqa: E402

COMMAND = (sys.executable, str(Path(__file__).resolve()))


def measure(name: str, setting: Setting, lines: IO[str]) -> Iterator[Measurement | dict[str, Any]]:
    """A figure, and then what the name says."""
    print("what a library prints")
    subprocess.run([sys.executable, "-c", "print('what a program prints')"], check=True)
    yield Measurement("seconds", setting.seconds, "s")
    if name == "raises":
        raise ArithmeticError("the card is not there")
    if name == "tells a log":
        raise RuntimeError("it did not start\n" + "a line of its log\n" * 1000 + "the card is not there")
    if name == "leaves":
        sys.exit(3)
    if name == "exits":
        os._exit(7)
    if name == "dies":
        os.abort()
    if name == "speaks":
        print("not a line of ours", file=lines, flush=True)
    if name in ("hangs", "starts"):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        (setting.scratch / "pids").write_text(f"{os.getpid()} {child.pid}")
        yield {"child": child.pid}
    if name == "hangs":
        time.sleep(600)
    yield {"facts": (1, float("nan"), Path("a"), None)}


def run_day(folder: Path) -> None:
    """A part that ends, one that hangs, and one that is never reached."""
    parts = [Part(name, name, 1.0) for name in ("works", "hangs", "works again")]
    with (folder / "log").open("wb") as log:
        setting = Setting(True, 0.0, folder, folder, folder, folder / "card.json")
        processes = Processes(parts, setting, log, COMMAND)
        try:
            day.run(results.before(parts, {}, True, 1000.0), parts, processes, setting.results)
        finally:
            processes.close()


if __name__ == "__main__":
    if sys.argv[1] == "day":
        run_day(Path(sys.argv[2]))
    else:
        stdout = own_stdout()
        serve(stdout, lambda line: measure(sys.argv[1], Setting.of_json(line), stdout))
