"""Frugal Motion: one folder per stage of the pipeline, in the order the data flows."""
