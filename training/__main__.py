"""``python -m training --comfyui PATH``: pictures, autoencoder, diffusion, decoder, files; each resumes.

Runs in the development environment. What is half done lies in ``--folder`` and is taken up again.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODEL = ROOT / "training" / "model"
STAGES = ("autoencoder", "diffusion", "decoder", "export", "place")
"""The shipped files are as ``export`` writes them; ``place`` is not good enough yet (see README.md)."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("--comfyui", type=Path, required=True, help="ComfyUI's folder: its code builds the nets")
    parser.add_argument("--folder", type=Path, default=ROOT / ".cache" / "training", help="for work in progress")
    parser.add_argument("--output", type=Path, default=MODEL, help="for the finished files (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--until", choices=STAGES, default="export", help="last stage (default: %(default)s)")
    parser.add_argument(
        "--only", choices=STAGES, help="this stage alone; place takes the files in --output and writes them anew"
    )
    return parser.parse_args()


def main() -> None:
    """Command line."""
    options = _arguments()
    sys.argv[1:] = ["--cpu", "--use-pytorch-cross-attention"]  # ComfyUI parses them at import
    sys.path.append(str(options.comfyui.resolve()))
    import comfy.options

    comfy.options.enable_args_parsing()
    import torch

    from . import training_stages

    torch.set_num_threads(options.threads)
    plan = training_stages.Plan(options.folder, options.output, options.seed, options.threads)
    for name in [options.only] if options.only else STAGES:
        print(f"--- {name}", flush=True)
        training_stages.STAGES[name](plan)
        if name == options.until:
            return


if __name__ == "__main__":
    main()
