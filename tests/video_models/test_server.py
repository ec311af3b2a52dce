"""ComfyUI's own nodes from models to a video, on the tiny ones, in a real server."""

from __future__ import annotations

import av

from frugal_motion.tools.server import Server

from .graphs import model, ran, video

VACE = {
    **model("vace"),
    "control": {
        "class_type": "WanVaceToVideo",
        "inputs": {
            "positive": ["positive", 0],
            "negative": ["negative", 0],
            "vae": ["vae", 0],
            "width": 64,
            "height": 48,
            "length": 9,
            "batch_size": 1,
            "strength": 1.0,
        },
    },
    "sampler": {
        "class_type": "KSampler",
        "inputs": {
            "model": ["model", 0],
            "positive": ["control", 0],
            "negative": ["control", 1],
            "latent_image": ["control", 2],
            "seed": 1,
            "steps": 2,
            "cfg": 1.0,
            "sampler_name": "uni_pc",
            "scheduler": "simple",
            "denoise": 1.0,
        },
    },
    "trim": {"class_type": "TrimVideoLatent", "inputs": {"samples": ["sampler", 0], "trim_amount": ["control", 3]}},
    "decode": {"class_type": "VAEDecode", "inputs": {"samples": ["trim", 0], "vae": ["vae", 0]}},
    "video": {"class_type": "CreateVideo", "inputs": {"images": ["decode", 0], "fps": 16.0}},
    "save": {
        "class_type": "SaveVideo",
        "inputs": {"video": ["video", 0], "filename_prefix": "vace", "format": "auto", "codec": "auto"},
    },
}


def test_vace_makes_a_video(video_server: Server) -> None:
    with av.open(str(video(video_server, ran(video_server, VACE)))) as found:
        stream = found.streams.video[0]
        assert (stream.width, stream.height, stream.average_rate) == (64, 48, 16)
        assert len(list(found.decode(stream))) == 9
