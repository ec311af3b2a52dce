"""Custom node for a test server: ComfyUI in there reads the sizes of the encoders as ``nets.SMALLER`` says.

It is linked into the server's ``custom_nodes``; the file of the nets lies beside the folder that the link leads to.
"""

import runpy
from contextlib import ExitStack
from pathlib import Path

_nets = runpy.run_path(str(Path(__file__).resolve().parent.parent / "nets.py"))
_as_long_as_the_server_runs = ExitStack()
_as_long_as_the_server_runs.enter_context(_nets["small_encoders"]())

NODE_CLASS_MAPPINGS: dict[str, type] = {}
