"""Frugal Motion: one folder per stage of the pipeline, found by ``stages.py``, beside what stages share."""
