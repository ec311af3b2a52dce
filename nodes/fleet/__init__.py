"""Jobs on many machines, under Ray Serve: a gateway that gathers them, and workers that own a ComfyUI each.

It imports ``jobs`` and what is below it, and no ComfyUI. Only ``driver`` and ``replica`` import ray, each in a process
of its own.
"""
