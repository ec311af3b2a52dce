"""What a workflow will cost, before it runs: its nodes' work, seconds and dollars, and how to spend less.

``walk`` follows a workflow's wires and asks each class of nodes for its forecast: ours stand in the stages'
``forecast.py``, those of ComfyUI in ``core_nodes``. It may import every room but ``server``.
"""
