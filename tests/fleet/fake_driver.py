"""A driver without a cluster, for tests of the gateway's end; it does what the orders say.

Its argument is a folder. There it leaves a file for each start, and in ``heard`` what it was told.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

folder = Path(sys.argv[1])
waiting: list[int] = []
kept: set[int] = set()


def say(message: object) -> None:
    print(json.dumps(message), flush=True)


def busy() -> bool:
    return (folder / "busy").exists()


def run(lane: int, order: dict) -> None:
    what, *arguments = order["run"].split()
    if what == "lines":
        for number in range(int(arguments[0])):
            say({"lane": lane, "line": {"at": f"{order['jobs'][0]} {number}"}})
    elif what == "huge":
        say({"lane": lane, "line": {"at": "x" * int(arguments[0])}})
    elif what == "garbage":
        print('what is this?\n[1, 2]\n{}\n{"fleet": 3}', flush=True)
    elif what == "die":
        sys.exit(3)
    elif what == "hang":
        say({"lane": lane, "line": {"at": "begun"}})
        return
    say({"lane": lane, "over": {"fault": arguments[0] if what == "fault" else "", "why": what}})


def main() -> None:
    starts = len(list(folder.glob("start*")))
    (folder / f"start{starts}").touch()
    if (folder / "refuse").exists():
        say({"fleet": {"up": False, "why": "refused"}})
        sys.exit(1)
    workers = [{"worker": "w1", "models": ["a.ckpt"], "draining": True}]
    say({"fleet": {"up": True, "why": "", "starting": 1, "workers": workers}})
    with (folder / "heard").open("a") as heard:
        for line in sys.stdin:
            command = json.loads(line)
            print(command["do"], command["lane"], len(line), file=heard, flush=True)
            if command["do"] == "reserve" and not busy():
                say({"lane": command["lane"], "free": {"worker": f"w{command['lane']}", "newer": 1}})
            elif command["do"] == "run":
                run(command["lane"], command["order"])
        print("closed", file=heard, flush=True)
    while (folder / "stubborn").exists():
        time.sleep(0.1)


main()
