"""What a VAE, a text encoder and a vision encoder have encoded, remembered by what went in and by their weights."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any
from weakref import ref

from ..host.frugal_node import Stage, run_id
from ..host.models import results_device
from ..host.progress import NodeNotes, duration
from .configured import digests, never_fatal
from .content import UnknownContent, content_key
from .entry import Spent
from .memoize import found, kept
from .statistics import statistics

logger = logging.getLogger(__name__)

KIND = "encode"
"""Of entries, for those who look after the cache."""


class Tally:
    """What a node's encoders have found and made in the run that is executing, told on that node.

    It is made while the node is executed; the encoders are used later, by the nodes behind it.
    """

    def __init__(self) -> None:
        self._notes = NodeNotes(logging.DEBUG)
        self._run = ""
        self._counts: dict[str, Counter[str]] = {}
        self._saved = 0.0

    def add(self, what: str, outcome: str, saved: float = 0.0) -> None:
        """Count one encode.

        Args:
            what: the encoder.
            outcome: ``"found"``, ``"new"`` or ``"not remembered"``.
            saved: seconds.
        """
        if self._run != run_id():
            self._run, self._counts, self._saved = run_id(), {}, 0.0
        self._counts.setdefault(what, Counter())[outcome] += 1
        self._saved += saved
        told = [f"{name}: {_in_words(counts)}" for name, counts in self._counts.items()]
        if self._saved >= 1:
            told.append(f"{duration(self._saved)} saved")
        self._notes("encodes", "\n".join(told))

    def counts(self) -> dict[str, dict[str, int]]:
        """Outcomes by encoder."""
        return {what: dict(counts) for what, counts in self._counts.items()}


def _in_words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {outcome}" for outcome, number in counts.items())


class Encodes:
    """The encodes of one model.

    Args:
        what: the model, for people.
        weights: a key of what made it.
        model: ComfyUI's, as it was made.
        stage: the node that remembers.
        tally: told of every encode.
    """

    def __init__(self, what: str, weights: str, model: Any, stage: Stage, tally: Tally) -> None:
        self._what, self._weights, self._stage, self._tally = what, weights, stage, tally
        self._net, self._patches = ref(_net(model)), model.patcher.patches_uuid

    def of(self, model: _Remembering, encode: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """What ``encode`` gives: as it gave it before for the same, else made and kept.

        Args:
            model: as it is now.
            encode: of the model.
        """
        key = self._key(model, encode, args, named)
        if key is None:
            self._tally.add(self._what, "not remembered")
            return encode(*args, **named)
        if read := found(key, self._stage, str(results_device())):
            entry, value = read
            with self._stage.charged() as cost:
                cost.hits += 1
            statistics.hit(entry.spent)
            self._tally.add(self._what, "found", entry.spent.seconds)
            return value
        with self._stage.charged() as cost:
            cost.misses += 1
        statistics.miss()
        started = time.perf_counter()
        value = encode(*args, **named)
        seconds = time.perf_counter() - started
        on_gpu = 0.0 if _device(model) == "cpu" else seconds
        kept(key, self._stage, value, Spent(seconds, on_gpu), KIND)
        self._tally.add(self._what, "new")
        return value

    def _key(self, model: _Remembering, encode: Callable[..., Any], args: Any, named: Any) -> str | None:
        """``None`` where nothing says what will come out."""
        with never_fatal(self._stage.name, "it is not remembered"):
            if not self._is_as_made(model):
                logger.debug("%s: the %s has been changed behind it", self._stage.name, self._what)
                return None
            asked = signature(encode).bind(*args, **named)
            asked.apply_defaults()
            made = [self._stage.name, self._what, self._weights, _device(model), model.frugal_options()]
            try:
                return content_key([*made, encode.__name__, asked.arguments], digests().of)
            except UnknownContent as error:
                logger.debug("%s does not remember: %s", self._stage.name, error)
        return None

    def _is_as_made(self, model: Any) -> bool:
        """Patches, such as a LoRA's, give it another id."""
        patcher = model.patcher
        return _net(model) is self._net() is patcher.model and bool(patcher.patches_uuid == self._patches)


def _net(model: Any) -> Any:
    return next(vars(model)[name] for name in ("first_stage_model", "cond_stage_model", "model") if name in vars(model))


def _device(model: Any) -> str:
    return str(model.patcher.load_device.type)


def remembering(model: Any, encodes: Encodes) -> Any:
    """A model that is like another in all, but looks first whether it has encoded something before.

    It is of a class below the other's own, and shares its weights.

    Args:
        model: ComfyUI's VAE, CLIP or CLIP_VISION, or one that behaves like it.

    Raises:
        TypeError: it is none of these.
    """
    cls = type(model) if isinstance(model, _Remembering) else _class_below(type(model))
    copied = cls.__new__(cls)
    vars(copied).update(vars(model), frugal_encodes=encodes)
    return copied


class _Remembering:
    frugal_encodes: Encodes

    def frugal_options(self) -> dict[str, Any]:
        """What of the model, besides its weights, changes what it gives."""
        raise NotImplementedError


class _Vae(_Remembering):
    vae_dtype: Any

    def encode(self, *args: Any, **named: Any) -> Any:
        return self.frugal_encodes.of(self, super().encode, *args, **named)  # type: ignore[misc]

    def encode_tiled(self, *args: Any, **named: Any) -> Any:
        return self.frugal_encodes.of(self, super().encode_tiled, *args, **named)  # type: ignore[misc]

    def frugal_options(self) -> dict[str, Any]:
        return {"dtype": str(self.vae_dtype)}


class _Clip(_Remembering):
    cond_stage_model: Any
    patcher: Any
    layer_idx: Any
    apply_hooks_to_conds: Any

    def encode_from_tokens(self, *args: Any, **named: Any) -> Any:
        encode = super().encode_from_tokens  # type: ignore[misc]
        if self.apply_hooks_to_conds or self.patcher.forced_hooks:  # patches that come and go
            return encode(*args, **named)
        return self.frugal_encodes.of(self, encode, *args, **named)

    def clone(self, *args: Any, **named: Any) -> Any:
        """Nodes clone it before they change it: what they change is noticed, or part of the key."""
        return remembering(super().clone(*args, **named), self.frugal_encodes)  # type: ignore[misc]

    def frugal_options(self) -> dict[str, Any]:
        return {"layer": self.layer_idx, "dtypes": sorted(map(str, self.cond_stage_model.dtypes))}


class _ClipVision(_Remembering):
    dtype: Any

    def encode_image(self, *args: Any, **named: Any) -> Any:
        return self.frugal_encodes.of(self, super().encode_image, *args, **named)  # type: ignore[misc]

    def frugal_options(self) -> dict[str, Any]:
        return {"dtype": str(self.dtype)}


def _class_below(base: type) -> Any:
    for method, above in (("encode_from_tokens", _Clip), ("encode_image", _ClipVision), ("encode_tiled", _Vae)):
        if hasattr(base, method):
            return type(base.__name__, (above, base), {})
    raise TypeError(f"{base} encodes nothing that can be remembered")
