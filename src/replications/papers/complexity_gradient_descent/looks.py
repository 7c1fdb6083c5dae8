"""What is seen of the members of a batched program on the way, and at the end."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from replications.papers.complexity_gradient_descent.images import CLASSES, Images
from replications.training.batched import Perceptrons

CHUNK = 500  # images of one evaluation step
UNIFORM = float(np.log(CLASSES))  # NLL of a network that knows nothing, in nats: what a diverged one counts as


class Looks:
    """What is seen of the members on the way: the first layer's norm and turning; at the end, NLL and accuracy."""

    def __init__(self, members: int, steps: int, looks: int, data: Images) -> None:
        self.last, self.images = steps, data
        self.starts = np.unique(np.linspace(0, steps - 1, looks).round().astype(int)).tolist()
        self.steps = sorted({*self.starts, *(step + 1 for step in self.starts), steps})
        self.norm = np.full((members, len(self.starts)), np.nan, dtype=np.float32)  # |w| of the first layer
        self.angle = np.full((members, len(self.starts)), np.nan, dtype=np.float32)  # of one step, in radians
        self.nothing = {
            f"{part}_{what}": np.float32(UNIFORM if what == "nll" else 1.0 / CLASSES)
            for part in ("validation", "test")
            for what in ("nll", "accuracy")
        }
        self.ended = {name: np.full(members, value) for name, value in self.nothing.items()}
        self._before: tuple[Tensor, Tensor] | None = None

    def __call__(self, step: int, nets: Perceptrons, alive: Tensor) -> None:
        """Look at the members `alive` before `step`, or after the last."""
        index, w = alive.cpu().numpy(), nets.weights[0].flatten(1)  # (A, in · out)
        if step - 1 in self.starts and self._before is not None:
            members, before = self._before
            old = before[torch.searchsorted(members, alive)]
            # |u − v|/2 = sin(angle/2) for unit vectors: float32 keeps small angles, which the cosine would not
            chord = (functional.normalize(w, dim=1) - functional.normalize(old, dim=1)).norm(dim=1)
            self.angle[index, self.starts.index(step - 1)] = (2.0 * (0.5 * chord).asin()).cpu().numpy()
        if step in self.starts:
            self.norm[index, self.starts.index(step)] = w.norm(dim=1).cpu().numpy()
            self._before = alive, w.clone()
        if step == self.last:
            for part in ("validation", "test"):
                found = evaluate(nets, getattr(self.images, part), getattr(self.images, f"{part}_labels"))
                self.ended[f"{part}_nll"][index], self.ended[f"{part}_accuracy"][index] = found


def evaluate(nets: Perceptrons, x: Tensor, labels: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Mean NLL in nats and accuracy of every member on x (n, features) with labels (n,)."""
    nll = torch.zeros(nets.members, device=x.device)
    right = torch.zeros_like(nll)
    for part, answers in zip(x.split(CHUNK), labels.split(CHUNK)):
        log_p = functional.log_softmax(nets.logits(part.expand(nets.members, -1, -1)), dim=-1)  # (M, B, classes)
        picked = answers[None, :, None].expand(nets.members, -1, 1)
        nll -= log_p.gather(2, picked).sum((1, 2))
        right += (log_p.argmax(-1) == answers).sum(1)
    return (nll / len(x)).cpu().numpy(), (right / len(x)).cpu().numpy()
