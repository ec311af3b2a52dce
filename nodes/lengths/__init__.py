"""Clips as long as video models take them, and back. Beside its shells it imports ``video``, and no ComfyUI."""
