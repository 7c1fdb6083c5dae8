"""Facts that hold to rounding: counts, full rank, scattering, the categorical projection, and K-FAC at vanishing damping."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from replications.papers.bio_inspired_rl import method, published
from replications.papers.bio_inspired_rl.networks import Network, Shape, fit
from replications.papers.bio_inspired_rl.scattering import transform
from replications.study import Context, Outcome

NATURE = Shape("nature", (4, 84, 84), 6, hidden=512, atoms=51, dueling=True)
DER = Shape("der", (4, 84, 84), 6, hidden=256, atoms=51, dueling=True)
TRUNK_COUNTS = {"nature": (77_984, 3136), "der": (54_496, 576)}  # coefficients and features
SCATTERINGS = ((1, 8, 2), (2, 8, 1), (2, 8, 2), (3, 8, 1), (3, 8, 2), (3, 4, 2))  # J, L, order


@dataclass(frozen=True)
class ExactConfig:
    """Identities, on random tensors of each seed."""

    actions: tuple[int, ...] = (3, 4, 6, 9, 18)  # of the networks that are counted
    ratios: tuple[float, ...] = (2.0, 5.0, 10.0)  # of the layers that are counted


def rainbow_total(trunk: str, hidden: int, actions: int) -> int:
    """c + 2 (f h + h) + 51 (h + 1)(|A| + 1): all learned coefficients of a dueling C51 network without noise."""
    convolutions, features = TRUNK_COUNTS[trunk]
    return convolutions + 2 * (features * hidden + hidden) + 51 * (hidden + 1) * (actions + 1)


def built(shape: Shape, generator: torch.Generator) -> int:
    """Numbers in the weights of a network that is really made."""
    return sum(weight.numel() for weight in Network(shape).start(generator).values())


def count_errors(config: ExactConfig, generator: torch.Generator) -> list[int]:
    """Built networks against the closed form (dense) and the layers' formulas (all kinds)."""
    errors = []
    for trunk, base in (("nature", NATURE), ("der", DER)):
        for actions in config.actions:
            shape = replace(base, actions=actions)
            errors.append(built(shape, generator) - rainbow_total(trunk, base.hidden, actions))
    small = Shape("minatar", (4, 10, 10), 3)
    for kind in ("tucker", "cp", "low-rank", "narrow"):
        for ratio in config.ratios:
            shape = fit(small, kind, ratio)
            errors.append(built(shape, generator) - Network(shape).count())
    return errors


def full_rank_error(generator: torch.Generator) -> float:
    """Largest difference of a full-rank Tucker layer to the dense layer that it decomposes, float64."""
    c, h, w, o = 6, 4, 3, 10
    weight = torch.randn(c, h, w, o, generator=generator, dtype=torch.float64)
    x = torch.randn(5, h, w, c, generator=generator, dtype=torch.float64)
    core, *factors, out = method.decompose_tucker(weight, (c, h, w, o))
    found = method.contract_tucker(x[None], core[None], *(factor[None] for factor in factors))[0] @ out
    return float((found - torch.einsum("bhwc,chwo->bo", x, weight)).abs().max())


def kfac_error(generator: torch.Generator) -> float:
    """Relative distance of the K-FAC step to the exact natural gradient of a linear softmax model at weights 0.

    There every example has the same output law, so the Fisher matrix is A ⊗ G exactly.
    """
    n, inputs, classes = 40, 5, 4
    a = torch.randn(n, inputs, generator=generator, dtype=torch.float64)
    labels = torch.randint(classes, (n,), generator=generator)
    p = torch.full((classes,), 1 / classes, dtype=torch.float64)
    gradient = a.T @ (p - torch.nn.functional.one_hot(labels, classes)) / n  # (inputs, classes)
    big_a, big_g = a.T @ a / n, torch.diag(p) - torch.outer(p, p)
    fisher = torch.kron(big_a, big_g)  # of row-major vec(W)
    exact = (torch.linalg.pinv(fisher, rtol=1e-10, hermitian=True) @ gradient.flatten()).view(inputs, classes)
    inverses = method.damped_inverses(big_a[None], big_g[None], 1e-14)
    found = method.precondition(gradient[None], *inverses)[0]
    return float((found - exact).norm() / exact.norm())


def projection_error(generator: torch.Generator) -> float:
    """Largest mass lost by the categorical projection, and the mean's error where nothing is clipped."""
    support = torch.linspace(-10, 10, 51, dtype=torch.float64)
    p = torch.rand(64, 51, generator=generator, dtype=torch.float64)
    p /= p.sum(-1, keepdim=True)
    returns, discounts = 40 * torch.rand(2, 64, generator=generator, dtype=torch.float64) - 20
    lost = (method.project(p, returns, discounts / 20, support).sum(-1) - 1).abs().max()
    inside = returns / 10  # in [-2, 2]: with a discount of 0.8 nothing leaves the support
    discount = torch.full_like(inside, 0.8)
    mean = method.project(p, inside, discount, support) @ support
    return float(torch.maximum(lost, (mean - inside - 0.8 * (p @ support)).abs().max()))


def scattering_errors(generator: torch.Generator) -> tuple[float, float]:
    """Channels and learned parameters against the formula, and S(stack) against the stack of S(frame)."""
    wrong = 0
    frames = torch.rand(2, 32, 32, generator=generator)
    for scales, angles, order in SCATTERINGS:
        module = transform(scales, 32, order, angles)
        found = module(frames)
        wrong += abs(found.shape[1] - method.count_scattering(scales, angles, order))
        wrong += abs(found.shape[2] - 32 // 2**scales) + sum(p.numel() for p in module.parameters())
    module = transform(3, 84, 1)
    stack = torch.rand(4, 84, 84, generator=generator)
    apart = torch.stack([module(frame[None])[0] for frame in stack])
    return float(wrong), float((module(stack[None])[0] - apart).abs().max() / apart.abs().max())


def table_error() -> float:
    """Largest difference of the printed means and medians to those of the printed scores."""

    def errors(printed: dict[str, float], statistic: object) -> list[float]:
        assert callable(statistic)
        return [abs(value - float(statistic(published.normalised(agent)))) for agent, value in printed.items()]

    return max(errors(published.MEANS, np.mean) + errors(published.MEDIANS, np.median))


def run_exact(config: ExactConfig, context: Context) -> Outcome:
    """Every identity of the chapter.

    Raises:
        UserError: kymatio is missing.
    """
    generator = context.generator("exact", "cpu")
    channels, stacks = scattering_errors(generator)
    return Outcome(
        {
            "count_error": float(np.abs(count_errors(config, generator)).max()),
            "full_rank_error": full_rank_error(generator),
            "kfac_error": kfac_error(generator),
            "projection_error": projection_error(generator),
            "scattering_count_error": channels,
            "scattering_stack_error": stacks,
            "table_error": table_error(),
        }
    )


def count_table() -> list[tuple[str, int, Shape]]:
    """Name, coefficients and shape of every network of the coefficient table, six actions."""
    rows: list[tuple[str, Shape]] = [
        ("Rainbow, noisy", replace(NATURE, noisy=True)),
        ("Rainbow", NATURE),
        ("data-efficient Rainbow, noisy", replace(DER, noisy=True)),
        ("data-efficient Rainbow", DER),
        ("DQN", Shape("nature", (4, 84, 84), 6, hidden=512)),
        ("MinAtar network", Shape("minatar", (4, 10, 10), 6)),
    ]
    for kind in ("tucker", "cp", "low-rank", "narrow"):
        for ratio in (2, 5, 10):
            rows.append((f"Rainbow, {kind}, 1/{ratio}", fit(NATURE, kind, ratio)))
    return [(name, Network(shape).count(), shape) for name, shape in rows]
