"""Jobs: clips of many people that share the batches of one run.

``comfy_queue``, ``merged_runs``, ``precompute`` and ``together`` tie it to ComfyUI; all other files are plain. Of the
other rooms it imports ``metering`` alone.
"""
