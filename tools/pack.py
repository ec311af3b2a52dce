"""Import the pack exactly as ComfyUI does, under the name ``frugal_motion``.

ComfyUI loads a custom node by ``spec_from_file_location`` on its ``__init__.py``. The pack's root must not be on
``sys.path``, where its ``nodes/`` would hide ComfyUI's ``nodes.py``.
"""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def import_pack(comfyui: Path, *, cpu: bool = True, fp32: bool = False) -> None:
    """Make ``frugal_motion`` and ComfyUI's own modules importable.

    Args:
        comfyui: ComfyUI's checkout.
        cpu: keep off the GPU, if there is one.
        fp32: let ComfyUI compute in single precision, as ``--force-fp32`` does.
    """
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]
    sys.path.insert(0, str(comfyui))
    # First: nodes.py puts comfy/ on sys.path, whose utils.py would take the name.
    import utils.extra_config  # type: ignore[import-not-found]  # noqa: F401
    from comfy.cli_args import args

    args.cpu = cpu  # before comfy.model_management, which would initialise CUDA at import
    args.force_fp32 = args.force_fp32 or fp32
    spec = importlib.util.spec_from_file_location(
        "frugal_motion", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["frugal_motion"] = module
    spec.loader.exec_module(module)


def register_nodes() -> None:
    """Let ComfyUI in this process know the pack's nodes, as its server does: estimates ask for them.

    Call it after ``import_pack``.
    """
    from nodes import NODE_CLASS_MAPPINGS  # type: ignore[attr-defined]

    for node in asyncio.run(sys.modules["frugal_motion"].comfy_entrypoint().get_node_list()):
        NODE_CLASS_MAPPINGS[node.define_schema().node_id] = node
