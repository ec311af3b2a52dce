"""Half precision on the card against fp32 on the CPU, within stated limits; and the pack's own tests on the card."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator, Mapping

import comfy.model_management
import torch

from .card_tests import CardTests, Tally
from .likeness import EQUAL_DB, SPOILED_DB, SPOILED_L2
from .measurement import Finding, Measurement
from .precision_reference import THREADS, TOLD, Reference
from .precision_works import Comparison, Side, Tensors, Works, chosen, difference, done
from .setting import Setting

LAST_SECONDS = 6.0
"""Of the part's time, what is kept to say what was not done: tests that are stopped take some to sum up."""


def measure(setting: Setting) -> Iterator[Finding]:
    """Differences of the card to the CPU, and what becomes of the pack's tests there.

    What raises is told at once, and does not keep the others from being compared.

    Raises:
        RuntimeError: at last, if one has raised.
    """
    end = time.monotonic() + setting.seconds - LAST_SECONDS
    wanted = chosen(setting.assets)
    raised: list[str] = []
    torch.set_num_threads(THREADS)
    reference = Reference(setting)
    tests = None
    try:
        yield {"precision": _about()}
        tests = CardTests(setting)  # they take long to be imported, and have cores of their own
        mine: dict[str, Tensors] = {}
        works = Works(_side_of(setting))
        for one in wanted:
            yield from _tried(one, _on_card(works, one, mine), raised)
        for one in (one for one in wanted if not one.alone and one.name in mine):
            yield from _tried(one, _against_cpu(reference, one, mine[one.name], end), raised)
        yield from _of_tests(tests.finished(end - time.monotonic()))
    finally:
        reference.close()
        if tests:
            tests.close()
    if raised:
        raise RuntimeError(f"{len(raised)} of {len(wanted)} comparisons raised: {', '.join(raised)}")


def _tried(one: Comparison, findings: Iterator[Finding], raised: list[str]) -> Iterator[Finding]:
    """The findings; if that raises, what did, and the others are compared all the same."""
    try:
        yield from findings
    except Exception:  # noqa: BLE001  whatever it is, it is told
        traceback.print_exc()
        raised.append(one.name)
        yield {f"{one.name}.raised": traceback.format_exc()[-TOLD:]}


def _on_card(works: Works, one: Comparison, mine: dict[str, Tensors]) -> Iterator[Finding]:
    mine[one.name] = done(works, one)
    if one.alone:
        yield _measurement(one, _halves(mine[one.name]))


def _against_cpu(reference: Reference, one: Comparison, mine: Tensors, end: float) -> Iterator[Finding]:
    theirs = reference.result(one.name, end - time.monotonic())
    if theirs is None:
        yield {f"{one.name}.left_out": "the CPU was not ready in time"}
        return
    yield _measurement(one, (mine, theirs))


def _side_of(setting: Setting) -> Side:
    """The card as ComfyUI uses it with fp16 weights; in a rehearsal the CPU, in the precisions of a card."""
    return Side(torch.float16, torch.bfloat16 if setting.rehearse else None, setting.rehearse, setting.assets)


def _about() -> dict[str, str]:
    device = comfy.model_management.get_torch_device()
    return {
        "device": str(device),
        "vae": str(comfy.model_management.vae_dtype(device, [torch.bfloat16, torch.float32])),
        "convolutions": "fp16" if comfy.model_management.should_use_fp16(device) else "of the CPU",
    }


def _halves(tensors: Tensors) -> tuple[Tensors, Tensors]:
    return {"both": tensors["found"]}, {"both": tensors["expected"]}


def _measurement(one: Comparison, sides: tuple[Mapping[str, torch.Tensor], Mapping[str, torch.Tensor]]) -> Measurement:
    value = difference(one, *sides)
    said = {EQUAL_DB: "Equal to the bit.", SPOILED_DB: "NaN or infinite numbers came out."}
    said[SPOILED_L2] = said[SPOILED_DB]
    note = " ".join(filter(None, [one.note, said.get(value)]))
    unit = "dB" if one.unit == "dB" else "of its L2"
    return Measurement(one.name, value, unit, one.goal, "higher" if one.unit == "dB" else "lower", note)


def _of_tests(tally: Tally) -> Iterator[Finding]:
    if tally.why_not:
        yield {"tests.left_out": tally.why_not}
        return
    cut = "" if tally.ended else "Their time was used up before all were run."
    yield Measurement("tests.passed", tally.passed, "", note=cut)
    yield Measurement("tests.failed", len(tally.failed), "", 0, "lower", cut)
    yield Measurement("tests.skipped", tally.skipped, "")
    if tally.failed or not tally.ended:
        yield {"tests.failed": tally.failed, "tests.last_lines": tally.last_lines}
