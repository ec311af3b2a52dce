"""Larger frames (spandrel's super-resolution models). Only ``node.py`` knows ComfyUI."""
