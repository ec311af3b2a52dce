"""Remember Encodes: what has been encoded is not encoded again, and nothing else changes."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import comfy.clip_vision
import comfy.model_management
import comfy.sd
import folder_paths
import pytest
import torch
from comfy.hooks import create_hook_lora
from comfy_execution.graph import DynamicPrompt
from comfy_execution.utils import CurrentNodeContext
from comfy_extras.nodes_hooks import SetClipHooks
from comfy_extras.nodes_wan import WanAnimateToVideo, WanFunControlToVideo, WanVaceToVideo

from frugal_motion.nodes.caching.configured import cache
from frugal_motion.nodes.caching.node import FrugalRememberEncodes
from frugal_motion.nodes.caching.store import EntryStore
from frugal_motion.nodes.caching.values import VALUES
from frugal_motion.nodes.host import progress
from frugal_motion.nodes.host.frugal_node import run_costs
from frugal_motion.nodes.jobs.comfy_queue import kind_of
from frugal_motion.nodes.jobs.merge import merged
from nodes import (
    CLIPSetLastLayer,
    CLIPTextEncode,
    CLIPVisionEncode,
    InpaintModelConditioning,
    VAEEncode,
    VAEEncodeTiled,
)

from ..jobs.graphs import workflow
from ..video_models import nets
from .test_codecs import alike

LOADERS = {
    "vae": ("VAELoader", {"vae_name": "tiny_wan_vae.safetensors"}),
    "clip": ("CLIPLoader", {"clip_name": "tiny_umt5.safetensors", "type": "wan"}),
    "clip_vision": ("CLIPVisionLoader", {"clip_name": "tiny_vit_h.safetensors"}),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of tiny models."""
    folder = tmp_path_factory.mktemp("models")
    nets._write(folder / "vae" / "tiny_wan_vae.safetensors", nets.vae_weights())
    nets._write(folder / "vae" / "other.safetensors", nets.vae_weights(seed=9))
    nets._write(folder / "text_encoders" / "tiny_umt5.safetensors", nets.text_encoder_weights())
    nets._write(folder / "clip_vision" / "tiny_vit_h.safetensors", nets.vision_weights())
    return folder


@pytest.fixture(autouse=True)
def _known_files(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("vae", "text_encoders", "clip_vision"):
        monkeypatch.setitem(folder_paths.folder_names_and_paths, name, ([str(files / name)], {".safetensors"}))


@pytest.fixture(autouse=True)
def counts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Calls of the nets themselves, and of ComfyUI's bringing them to their device."""
    found: Counter[str] = Counter()

    def counted(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*args: Any, **named: Any) -> Any:
            found[name] += 1
            return call(*args, **named)

        return counting

    from comfy.clip_model import CLIPVisionModelProjection
    from comfy.ldm.wan.vae import WanVAE
    from comfy.sd1_clip import SD1ClipModel

    monkeypatch.setattr(WanVAE, "encode", counted("vae", WanVAE.encode))
    monkeypatch.setattr(SD1ClipModel, "encode_token_weights", counted("text", SD1ClipModel.encode_token_weights))
    monkeypatch.setattr(CLIPVisionModelProjection, "forward", counted("vision", CLIPVisionModelProjection.forward))
    load = comfy.model_management.load_models_gpu
    monkeypatch.setattr(comfy.model_management, "load_models_gpu", counted("loads", load))
    yield found


def load_vae(files: Path, name: str = "tiny_wan_vae.safetensors") -> Any:
    return comfy.sd.VAE(sd=comfy.utils.load_torch_file(str(files / "vae" / name)))


def load_clip(files: Path) -> Any:
    with nets.small_encoders():
        path = str(files / "text_encoders" / "tiny_umt5.safetensors")
        return comfy.sd.load_clip([path], clip_type=comfy.sd.CLIPType.WAN)


def load_vision(files: Path) -> Any:
    with nets.small_encoders():
        return comfy.clip_vision.load(str(files / "clip_vision" / "tiny_vit_h.safetensors"))


def remembering(run: str = "run", wires: dict[str, Any] | None = None, **models: Any) -> Any:
    """What the node gives for the models, which come from ``LOADERS`` in its prompt."""
    prompt = {name: {"class_type": kind, "inputs": inputs} for name, (kind, inputs) in LOADERS.items()} | (wires or {})
    inputs = {name: [name, 0] for name in models}
    prompt["node"] = {"class_type": "FrugalRememberEncodes", "inputs": inputs}
    node = FrugalRememberEncodes.PREPARE_CLASS_CLONE(None)
    node.hidden = SimpleNamespace(unique_id="node", dynprompt=DynamicPrompt(prompt))
    with CurrentNodeContext(run, "node"):
        found = dict(zip(("vae", "clip", "clip_vision"), node.execute(**models).args, strict=True))
    return SimpleNamespace(**found)


CLIP = torch.rand(5, 32, 48, 3, generator=torch.Generator().manual_seed(1))
PICTURE = torch.rand(1, 32, 48, 3, generator=torch.Generator().manual_seed(2))
SIZE = {"width": 48, "height": 32, "length": 5, "batch_size": 1}


def edit(models: Any, prompt: str) -> list[Any]:
    """What three kinds of Wan are given, by ComfyUI's own nodes."""
    positive, negative = (CLIPTextEncode().encode(models.clip, text)[0] for text in (prompt, "blurry"))
    seen = CLIPVisionEncode().encode(models.clip_vision, PICTURE, "center")[0]
    vace = WanVaceToVideo.execute(
        positive, negative, models.vae, **SIZE, strength=1.0, control_video=CLIP, reference_image=PICTURE
    )
    animate = WanAnimateToVideo.execute(
        positive,
        negative,
        models.vae,
        **SIZE,
        continue_motion_max_frames=5,
        video_frame_offset=0,
        reference_image=PICTURE,
        clip_vision_output=seen,
        pose_video=CLIP,
    )
    fun = WanFunControlToVideo.execute(
        positive, negative, models.vae, **SIZE, start_image=PICTURE, clip_vision_output=seen, control_video=CLIP
    )
    return [list(one.args) for one in (vace, animate, fun)]


def test_a_second_prompt_over_the_same_clip_encodes_its_prompt_alone(files: Path, counts: Counter[str]) -> None:
    stock = SimpleNamespace(vae=load_vae(files), clip=load_clip(files), clip_vision=load_vision(files))
    expected, other = edit(stock, "a robot"), edit(stock, "a king at night")
    calls = Counter(counts)
    counts.clear()
    models = remembering(**vars(stock))
    assert alike(edit(models, "a robot"), expected)
    first = Counter(counts)
    assert first["text"] == 2 and first["vision"] == 1
    assert 0 < first["vae"] < calls["vae"] / 2, "grey frames and the same control video are encoded once"
    counts.clear()
    assert alike(edit(models, "a robot"), expected)
    assert not counts, "a repeated edit: no net is even brought to its device"
    assert alike(edit(models, "a king at night"), other)
    assert counts == {"text": 1, "loads": 1}


def test_also_in_another_process(files: Path, counts: Counter[str]) -> None:
    stock = SimpleNamespace(vae=load_vae(files), clip=load_clip(files), clip_vision=load_vision(files))
    expected = edit(remembering(**vars(stock)), "a robot")
    again = SimpleNamespace(vae=load_vae(files), clip=load_clip(files), clip_vision=load_vision(files))
    counts.clear()
    assert alike(edit(remembering("another run", **vars(again)), "a robot"), expected)
    assert not counts


def test_other_weights_are_another_encode(files: Path, counts: Counter[str]) -> None:
    one = remembering(vae=load_vae(files)).vae.encode(CLIP)
    other = load_vae(files, "other.safetensors")
    wires = {"vae": {"class_type": "VAELoader", "inputs": {"vae_name": "other.safetensors"}}}
    counts.clear()
    encoded = remembering(wires=wires, vae=other).vae.encode(CLIP)
    assert counts["vae"] == 1 and not torch.equal(encoded, one)
    assert torch.equal(encoded, other.encode(CLIP))


def test_options_that_change_what_comes_out_are_part_of_the_key(files: Path, counts: Counter[str]) -> None:
    stock = load_vae(files)
    vae = remembering(vae=stock).vae
    tiles = [{"tile_size": 64, "overlap": overlap, "temporal_size": 8, "temporal_overlap": 4} for overlap in (16, 32)]
    wide = torch.rand(5, 64, 96, 3)
    encoded = [VAEEncodeTiled().encode(vae, wide, **tile)[0]["samples"] for tile in tiles]
    plain = VAEEncode().encode(vae, wide)[0]["samples"]
    counts.clear()
    for tile, one in zip(tiles, encoded, strict=True):
        assert torch.equal(VAEEncodeTiled().encode(vae, wide, **tile)[0]["samples"], one)
    assert torch.equal(VAEEncode().encode(vae, wide)[0]["samples"], plain)
    assert not counts
    for tile, one in zip(tiles, encoded, strict=True):
        assert torch.equal(VAEEncodeTiled().encode(stock, wide, **tile)[0]["samples"], one)
    assert not torch.equal(encoded[0], encoded[1]) and not torch.equal(encoded[0], plain)
    vae.vae_dtype = torch.float64  # as another ComfyUI may choose
    counts.clear()
    with pytest.raises(RuntimeError):  # the weights are in single precision
        vae.encode(wide)
    assert counts["vae"] == 1


def test_other_nodes_that_take_a_vae(files: Path, counts: Counter[str]) -> None:
    stock = load_vae(files)
    vae, mask = remembering(vae=stock).vae, torch.zeros(1, 32, 48)
    mask[:, 8:] = 1
    nothing = [[torch.zeros(1, 1, 1), {}]]

    def inpainted(vae: Any) -> Any:
        return list(InpaintModelConditioning().encode(nothing, nothing, PICTURE, vae, mask))

    expected = inpainted(stock)
    assert alike(inpainted(vae), expected)
    counts.clear()
    assert alike(inpainted(vae), expected) and not counts


def test_models_are_what_they_were_in_all_else(files: Path) -> None:
    stock = SimpleNamespace(vae=load_vae(files), clip=load_clip(files), clip_vision=load_vision(files))
    models = remembering(**vars(stock))
    for name, model in vars(stock).items():
        made = getattr(models, name)
        assert isinstance(made, type(model)) and made.patcher is model.patcher
        assert {key: value for key, value in vars(made).items() if key != "frugal_encodes"} == vars(model)
    latents = stock.vae.encode(CLIP)
    assert torch.equal(models.vae.decode(latents), stock.vae.decode(latents))
    assert models.vae.get_sd().keys() == stock.vae.get_sd().keys()
    assert models.clip.tokenize("a robot") == stock.clip.tokenize("a robot")
    assert remembering(vae=None).vae is None
    assert type(remembering("again", vae=models.vae).vae) is type(models.vae), "one node behind another"


def test_what_is_done_to_a_text_encoder_behind_the_node(files: Path, counts: Counter[str]) -> None:
    clip = remembering(clip=load_clip(files)).clip
    plain = CLIPTextEncode().encode(clip, "a robot")[0]
    assert torch.equal(clip.encode("a robot"), clip.encode("a robot"))

    layer = CLIPSetLastLayer().set_last_layer(clip, -2)[0]
    counts.clear()
    CLIPTextEncode().encode(layer, "a robot")
    assert counts["text"] == 1, "another layer is another encode"
    CLIPTextEncode().encode(layer, "a robot")
    assert counts["text"] == 1, "and remembered too"

    patched = clip.clone()  # as a LoRA's loader does it
    name = next(key for key in patched.patcher.model_state_dict() if key.endswith("layer.0.layer_norm.weight"))
    patched.add_patches({name: (torch.full((4096,), 5.0),)}, 1.0)
    for _ in range(2):
        changed = CLIPTextEncode().encode(patched, "a robot")[0]
    assert counts["text"] == 3 and not torch.equal(changed[0][0], plain[0][0]), "not remembered, and right"
    assert alike(CLIPTextEncode().encode(clip, "a robot")[0], plain) and counts["text"] == 3


def test_with_hooks_all_is_as_it_was(files: Path, counts: Counter[str]) -> None:
    """Weights that change in the run: nothing is remembered."""
    stock = load_clip(files)
    CLIPTextEncode().encode(remembering(clip=stock).clip, "a robot")
    hooks = create_hook_lora({}, 1.0, 1.0)
    for is_scheduled, reaches_sampler in ((False, True), (True, False), (False, False)):
        options = {"schedule_clip": is_scheduled, "apply_to_conds": reaches_sampler, "hooks": hooks}
        hooked = SetClipHooks().apply_hooks(stock, **options)[0]
        behind = remembering(clip=hooked).clip
        in_front = SetClipHooks().apply_hooks(remembering(clip=stock).clip, **options)[0]
        counts.clear()
        wanted, *made = (CLIPTextEncode().encode(one, "a robot")[0] for one in (hooked, behind, behind, in_front))
        assert counts["text"] == 4
        for one in made:
            assert one[0][1].get("hooks") is wanted[0][1].get("hooks") and torch.equal(one[0][0], wanted[0][0])


def test_models_that_are_not_as_expected_work(files: Path, counts: Counter[str]) -> None:
    """Another ComfyUI, or another pack: without what is looked at here."""
    clip = remembering(clip=load_clip(files)).clip
    expected = clip.encode("a robot")
    counts.clear()
    del clip.cond_stage_model.dtypes
    assert torch.equal(clip.encode("a robot"), expected) and counts["text"] == 1


def test_a_copy_with_other_weights_is_not_taken_for_the_original(files: Path, counts: Counter[str]) -> None:
    """As nodes do that make a VAE seamless."""
    vae = remembering(vae=load_vae(files)).vae
    before = vae.encode(CLIP)
    changed = copy.deepcopy(vae)
    with torch.no_grad():
        changed.first_stage_model.conv1.weight.mul_(2)
    assert not torch.equal(changed.encode(CLIP), before)
    assert torch.equal(vae.encode(CLIP), before)
    other = copy.copy(vae)
    other.first_stage_model = changed.first_stage_model
    assert not torch.equal(other.encode(CLIP), before)


def test_frames_that_differ_in_one_value_are_encoded(files: Path, counts: Counter[str]) -> None:
    vae = remembering(vae=load_vae(files)).vae
    changed = CLIP.clone()
    changed[3, 5, 7, 1] += 1e-6
    counts.clear()
    for frames in (CLIP, changed, CLIP[:1], CLIP.flip(0), CLIP.to(torch.bfloat16).float(), CLIP.half()):
        vae.encode(frames)
        vae.encode(frames.clone())
    assert counts["vae"] == 6


def test_where_nothing_says_which_weights_there_are(
    files: Path, counts: Counter[str], caplog: pytest.LogCaptureFixture
) -> None:
    stock = load_vae(files)
    wires = {"vae": {"class_type": "VAELoader", "inputs": {"vae_name": float("nan")}}}
    models = remembering(wires=wires, vae=stock)
    assert models.vae is stock
    assert "it does not remember what the vae encodes" in caplog.text


def test_the_node_tells_what_was_found(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    monkeypatch.setattr(progress, "_show", lambda text, node_id: shown.append((node_id, text)))
    models = remembering("first", vae=load_vae(files), clip_vision=load_vision(files))
    with CurrentNodeContext("first", "behind"):
        for frames in (CLIP, CLIP, PICTURE):
            models.vae.encode(frames)
        models.clip_vision.encode_image(PICTURE)
    assert shown[-1] == ("node", "VAE: 2 new, 1 found\nvision: 1 new")
    with CurrentNodeContext("second", "behind"):
        models.vae.encode(CLIP)
    assert shown[-1] == ("node", "VAE: 1 found")
    assert run_costs_of("second")["node"].hits == 1


def run_costs_of(run: str) -> Any:
    with CurrentNodeContext(run, "behind"):
        return run_costs()


def test_entries_can_be_told_apart(files: Path) -> None:
    remembering(vae=load_vae(files)).vae.encode(CLIP)
    (entry,) = cache().entries()
    assert (entry.kind, entry.made) == ("encode", "Remember Encodes") and entry.spent.seconds > 0


def test_a_full_disk_stops_nothing(files: Path, monkeypatch: pytest.MonkeyPatch, counts: Counter[str]) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(EntryStore, "add", full)
    stock = load_vae(files)
    assert torch.equal(remembering(vae=stock).vae.encode(CLIP), stock.encode(CLIP))


def test_conditioning_of_video_models_is_kept_exactly(files: Path, tmp_path: Path) -> None:
    """With what a vision encoder has seen, and lists of tensors: Hash Cache keeps it."""
    models = SimpleNamespace(vae=load_vae(files), clip=load_clip(files), clip_vision=load_vision(files))
    made = edit(models, "a robot")
    VALUES.save(made, tmp_path / "a.safetensors")
    assert alike(VALUES.load(tmp_path / "a.safetensors"), made)
    seen = models.clip_vision.encode_image(PICTURE)
    VALUES.save([seen], tmp_path / "b.safetensors")
    (back,) = VALUES.load(tmp_path / "b.safetensors")
    assert alike(back, seen) and torch.equal(back["penultimate_hidden_states"], seen.penultimate_hidden_states)


def test_jobs_of_one_batch_share_the_models(pack: list[Any]) -> None:
    """They must: the sampler takes one VAE for all of them."""
    inputs = {"vae": ["2", 2], "clip": ["2", 1]}
    prompts = []
    for text in ("a robot", "a king"):
        prompt = {**workflow(text=text), "9": {"class_type": "FrugalRememberEncodes", "inputs": inputs}}
        prompt["3"] = {**prompt["3"], "inputs": {**prompt["3"]["inputs"], "clip": ["9", 1]}}
        prompts.append(prompt)
    found = merged(prompts, kind_of)
    kinds = [node["class_type"] for node in found.prompt.values()]
    assert kinds.count("FrugalRememberEncodes") == 1 and kinds.count("CLIPTextEncode") == 3
