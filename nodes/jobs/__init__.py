"""Jobs: clips of many people that share the batches of one run. Nothing but ``node.py`` here knows ComfyUI."""
