"""The tiny video models: ComfyUI's own loaders take them for what they stand for."""

from __future__ import annotations

from pathlib import Path

import comfy.clip_vision
import comfy.sd
import comfy.utils
import pytest
import torch

from . import nets

CONFIGS = {
    "t2v": "WAN21_T2V",
    "i2v": "WAN21_I2V",
    "i2v22": "WAN21_T2V",
    "fun_control": "WAN21_FunControl2V",
    "fun22_control": "WAN21_T2V",
    "vace": "WAN21_Vace",
    "animate": "WAN22_Animate",
    "ltxv": "LTXV",
}


@pytest.mark.parametrize("kind", nets.NETS)
def test_diffusion_nets_are_recognised(kind: str) -> None:
    found = nets.model(kind)
    assert type(found.model.model_config).__name__ == CONFIGS[kind]


def test_vae_is_causal_in_time() -> None:
    vae = nets.vae()
    frames = torch.rand(9, 48, 64, 3)
    latents = vae.encode(frames)
    assert latents.shape == (1, 16, 3, 6, 8)
    assert vae.decode(latents).shape == (1, 9, 48, 64, 3)
    changed = frames.clone()
    changed[5:] = 0
    assert torch.allclose(vae.encode(changed)[:, :, :2], latents[:, :, :2], atol=1e-5)


def test_files_load_through_comfyui(tmp_path: Path) -> None:
    nets.write_all(tmp_path)
    with nets.small_encoders():
        clip = comfy.sd.load_clip(
            [str(tmp_path / "text_encoders" / "tiny_umt5.safetensors")], clip_type=comfy.sd.CLIPType.WAN
        )
        vision = comfy.clip_vision.load(str(tmp_path / "clip_vision" / "tiny_vit_h.safetensors"))
        animate = comfy.utils.load_torch_file(str(tmp_path / "diffusion_models" / "tiny_animate.safetensors"))
        net = comfy.sd.load_diffusion_model_state_dict(dict(animate)).model.diffusion_model
    assert set(net.state_dict()) == set(animate)
    assert net.motion_encoder.get_motion(torch.rand(2, 3, 512, 512)).shape == (2, 512)
    one, other = (clip.encode_from_tokens_scheduled(clip.tokenize(text)) for text in ("a robot", "a king at night"))
    assert one[0][0].shape == (1, 512, 4096)
    assert not torch.equal(one[0][0], other[0][0])
    assert torch.isfinite(one[0][0]).all()
    seen = vision.encode_image(torch.rand(1, 64, 48, 3))
    assert seen.penultimate_hidden_states.shape == (1, 257, 1280)


def test_lora_is_taken() -> None:
    model = nets.model("vace")
    changed, _ = comfy.sd.load_lora_for_models(model, None, nets.lora_weights(), 1.0, 0)
    assert sorted(changed.patches) == [f"diffusion_model.blocks.0.self_attn.{part}.weight" for part in "koqv"]
