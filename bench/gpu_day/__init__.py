"""The GPU day: what a card really does, measured in a few minutes on a machine that has nothing but PyTorch.

``parts`` says what is measured, in which order; each part is a process of its own (``part_process``), so that one which
crashes, hangs or spoils the card's state ends alone. ``day`` gives out the time, ``results`` keeps what is found.
Everything here but the parts themselves is standard library only.
"""
