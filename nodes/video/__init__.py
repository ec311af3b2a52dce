"""Decode, stream and encode video on the CPU (PyAV, that is FFmpeg's own libraries).

All stages stand on this room. Beside its shells it imports no other room and no ComfyUI.
"""
