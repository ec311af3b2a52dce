"""What runs have cost, what a GPU costs, and letting go of it or warming it up in time.

``idle_watch``, ``local_price``, ``prewarming`` and ``run_keeper`` tie it to ComfyUI; all other files are plain. It
imports ``metering``, and what ``motion`` draws charts with.
"""
