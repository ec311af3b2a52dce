"""Frames between frames, at any rate. Only ``node.py`` knows ComfyUI."""
