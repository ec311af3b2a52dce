"""The GPU day: what a card really does, measured in a few minutes on a machine that has nothing but PyTorch.

``bench/gpu.py`` runs it. ``parts`` says what is measured, in which order; ``day`` gives out the time, ``results`` keeps
what is found, ``processes`` starts each part as a ``part_process`` of its own, so that one which crashes, hangs or
spoils the card's state ends alone. These, and the ``measurement``, ``setting``, ``machine`` and ``goals`` that they
speak of, import the standard library only: the day begins at once, and no package can keep it from its end.

A part imports the pack as ``frugal_motion``, ComfyUI, ``bench`` and ``tools``; of ``tests`` what makes motions, scenes
and small nets, which are proved there, and are carried anyway since the pack's tests run on the card too. Parts share

- ``nets`` (random ones in full size), ``drawn_clip``, ``serving`` (a real server, and the edits that it is asked for);
- ``timing``, ``net_clock``, ``likeness``, ``steps``;
- ``upscaling``, ``interpolating``, ``reading_back`` and ``less_memory``, the steps of ``finishing``;
- ``precision_works``, ``precision_reference`` and ``card_tests``, of ``precision``.

``page`` takes results into the docs, and into what Cost Estimate knows. ``make gpu-day`` (``tools/gpu_day.py``) carries
``start.py``, and of packages what ``needs.txt`` lists and ``there.txt`` lacks.
"""
