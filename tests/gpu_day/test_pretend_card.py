"""The pretended card refuses what a card refuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
sys.path.insert(0, {root!r})
from tools.pack import import_pack
from pathlib import Path
import_pack(Path({comfyui!r}), fp32=True)
import torch
from frugal_motion.tests.pretend_card import CARD, put_in
from frugal_motion.nodes.host.models import compute_device

def refused(work):
    try:
        work()
    except (RuntimeError, TypeError):
        return
    raise SystemExit(f"not refused: {{work.__name__}}")

put_in()
assert compute_device() == CARD
net = torch.nn.Conv2d(3, 4, 3).requires_grad_(False)
picture = torch.rand(1, 3, 8, 8)
wanted = net(picture)
there = picture.to(CARD)
refused(lambda: net(there))
refused(lambda: there + picture)
refused(lambda: torch.cat([there, picture]))
refused(lambda: there.numpy())
refused(lambda: torch.arange(3)[torch.zeros(1, dtype=torch.long, device=CARD)])
net.to(CARD)
refused(lambda: net(picture))
made = net(there)
assert made.device == CARD and made.cpu().device.type == "cpu"
assert torch.equal(made.cpu(), wanted)
made[0, 0] = 7
made.mul_(torch.tensor(2.0))
made[:, [1]] += 1
assert (made[0, 0] == 14).all().item() and torch.equal(made.cpu()[:, 1], wanted[:, 1] * 2 + 1)
assert not torch.equal(there.exp().cpu(), picture.exp()) and torch.allclose(there.exp().cpu(), picture.exp())
assert torch.zeros_like(made, device="cpu").device.type == "cpu" and made.new_zeros(2).device == CARD
"""


def test_it_refuses_what_a_card_refuses(comfyui: Path) -> None:
    program = PROGRAM.format(root=str(ROOT), comfyui=str(comfyui))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
