"""Decode, stream and encode video on the CPU (PyAV, that is FFmpeg's own libraries)."""
