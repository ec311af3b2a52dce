"""Tells Ray that this spot machine is about to be taken: no new batch comes here then, and what runs may end.

Run it on every spot machine of AWS or Google Cloud, beside ``ray start`` and with its environment::

    nohup python fleet/spot_notice.py > ~/spot_notice.log 2>&1 &

AWS says it two minutes before, Google Cloud half a minute. Standard library only; it ends when it has told Ray.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping

LOOK_EVERY = 5.0
"""Seconds: what the clouds advise."""
ANSWER_SECONDS = 3.0
CLOUDS = {"aws": ("http://169.254.169.254", 110), "gcp": ("http://metadata.google.internal", 25)}
"""Where a cloud answers, and how many seconds a machine has left when it is seen there that it goes."""


def aws_takes(url: str) -> bool:
    """Whether AWS has said that it takes this instance.

    Raises:
        OSError: nobody answers.
    """
    lifetime = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    token = _ask(f"{url}/latest/api/token", lifetime, "PUT")
    return _ask(f"{url}/latest/meta-data/spot/instance-action", {"X-aws-ec2-metadata-token": token}) != ""


def gcp_takes(url: str) -> bool:
    """Whether Google Cloud has said that it takes this instance.

    Raises:
        OSError: nobody answers.
    """
    return _ask(f"{url}/computeMetadata/v1/instance/preempted", {"Metadata-Flavor": "Google"}) == "TRUE"


def _ask(url: str, headers: Mapping[str, str], method: str = "GET") -> str:
    """What is there; nothing where there is no such thing."""
    request = urllib.request.Request(url, headers=dict(headers), method=method)  # noqa: S310  the cloud's own address
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:  # noqa: S310
            return str(answer.read().decode().strip())
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return ""
        raise


TAKES: Mapping[str, Callable[[str], bool]] = {"aws": aws_takes, "gcp": gcp_takes}


def drain(seconds: int) -> None:
    """Tell Ray that the node of this machine has that many seconds left.

    Raises:
        subprocess.CalledProcessError: Ray did not take it.
    """
    ray = os.path.join(os.path.dirname(sys.executable), "ray")
    why = ("--reason", "DRAIN_NODE_REASON_PREEMPTION", "--reason-message", "the cloud takes this machine")
    subprocess.run([ray, "drain-node", *why, "--deadline-remaining-seconds", str(seconds)], check=True)


def watch(
    cloud: str, url: str, drain: Callable[[int], None] = drain, pause: Callable[[float], None] = time.sleep
) -> None:
    """Ask until the machine is to go, then tell; again and again while nobody answers."""
    while True:
        try:
            if TAKES[cloud](url):
                drain(CLOUDS[cloud][1])
                print("Ray has been told that this machine goes", flush=True)
                return
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"{cloud}: {error}", flush=True)
        pause(LOOK_EVERY)


def main(arguments: list[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cloud", choices=CLOUDS, default="aws", help="default: %(default)s")
    parser.add_argument("--metadata", metavar="URL", help="where that cloud answers")
    chosen = parser.parse_args(arguments)
    watch(chosen.cloud, chosen.metadata or CLOUDS[chosen.cloud][0])


if __name__ == "__main__":
    main()
