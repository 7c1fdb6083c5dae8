"""Why a constant projection is no place to stay: equation (5) of BYOL, checked by autograd on a problem of numbers.

Images are of V kinds. A view of kind v is projected to state k with probability P_vk = softmax(θ_v)_k, and the target
projects another view of it to one of M vectors z'_vm with equal probability. Drawing k makes the loss smooth in θ: with
a deterministic projection of finitely many views, Var(z' | z) would be piecewise constant. As in the paper's argument,
norms are left out. The paper gives no such problem and calls its argument a hypothesis about training; what is exact in
it is here, and how near to its optimum a trained predictor stays is not.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from replications.models import initialise
from replications.models.heads import mlp_head
from replications.models.resnet import tiny_resnet
from replications.papers.byol.method import Network, forward, objective
from replications.study import Context, Metric, Outcome

METRICS = {
    "gradient_gap": Metric("", "largest difference of both sides of equation (5), the predictor being optimal"),
    "gradient_gap_other": Metric("", "the same with another predictor"),
    "gradient_size": Metric("", "largest entry of the gradient of the conditional variance"),
    "constant_gradient": Metric("", "largest entry of that gradient at a constant projection"),
    "constant_curvature": Metric("", "smallest eigenvalue of the conditional variance's Hessian there"),
    "constant_curvature_top": Metric("", "its largest eigenvalue"),
    "curvature_gap": Metric("", "largest difference of its eigenvalues from their closed form"),
    "dead_loss_gap": Metric("", "loss of a constant online network minus that of constant predictions"),
    "dead_gradient": Metric("", "largest gradient of a weight below the zero scales that make it constant"),
    "dead_scale_gradient": Metric("", "largest gradient of those scales"),
}


@dataclass(frozen=True)
class Equilibrium:
    """One random problem, and one random network."""

    kinds: int = 6  # V
    states: int = 4  # K
    targets: int = 3  # M
    width: int = 5  # D, of z'
    offset: float = 0.5  # deviation of what is added to the optimal predictor to make it another


def prediction_loss(logits: torch.Tensor, targets: torch.Tensor, predictor: torch.Tensor) -> torch.Tensor:
    """E‖q(z) - z'‖² of a table q. θ (V, K), z' (V, M, D), q (K, D) → scalar."""
    weights = F.softmax(logits, dim=1) / len(logits)  # (V, K), the joint law of kind and state
    errors = (predictor[None, :, None] - targets[:, None]).square().sum(-1).mean(-1)  # (V, K)
    return (weights * errors).sum()


def optimal_predictor(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """q*(k) = E[z' | z = k]. θ (V, K), z' (V, M, D) → (K, D)."""
    posterior = F.softmax(F.log_softmax(logits, dim=1), dim=0)  # P(v | k), kinds being equally likely
    return posterior.T @ targets.mean(1)


def conditional_variance(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """E[Σ_i Var(z'_i | z)], as second moment minus squared mean in each state. θ (V, K), z' (V, M, D) → scalar."""
    joint = F.softmax(logits, dim=1) / len(logits)
    states = joint.sum(0)  # (K,)
    second = (joint.T @ targets.square().sum(-1).mean(-1)) / states
    first = (joint.T @ targets.mean(1)) / states[:, None]
    return (states * (second - first.square().sum(-1))).sum()


def curvature(targets: torch.Tensor, states: int) -> torch.Tensor:
    """Eigenvalues (V·K,), ascending, of the Hessian of `conditional_variance` at a constant projection, P_vk = 1/K.

    There δP = δθ·C/K with C = I - 11ᵀ/K, and the second-order term is -K Σ_k ‖Σ_v p_v δP_vk (z̄'_v - z̄')‖²: the Hessian is
    -(2/K)·G⊗C with G_uv = p_u p_v ⟨z̄'_u - z̄', z̄'_v - z̄'⟩. None is above zero, and where the kinds differ some are below.
    """
    means = targets.mean(1)
    centred = (means - means.mean(0)) / len(means)
    gram = torch.linalg.eigvalsh(centred @ centred.T)
    values = torch.cat([-2 / states * gram.repeat(states - 1), torch.zeros(len(gram), dtype=gram.dtype)])
    return values.sort().values


def dead_network(generator: torch.Generator) -> tuple[float, float, float]:
    """BYOL's networks with an encoder that is constant because a scale of its last norms is zero.

    Returns how far the loss is from that of constant predictions, the largest gradient of any weight below the zero
    scales, and the largest gradient of those scales themselves.
    """
    online, target = (
        Network(tiny_resnet(4, "3x3/2"), mlp_head(16, 32, 8), mlp_head(8, 32, 8) if own else None).double()
        for own in (True, False)
    )
    for network in (online, target):
        initialise(network, generator)
    for name, p in [*online.projector.named_parameters(), *online.predictor.named_parameters()]:
        if name.endswith("bias"):  # norms send a constant to their bias; at zero all predictions would be zero
            nn.init.normal_(p, generator=generator)
    weights = dict(online.encoder.named_parameters())
    scales = [weights[f"groups.2.0.{norm}.weight"] for norm in ("norm2", "shortcut.1")]
    for scale in scales:
        nn.init.zeros_(scale)
    nn.init.constant_(weights["groups.2.0.norm2.bias"], 0.5)  # the constant; at zero the last ReLU would be shut
    views = [torch.randn(8, 3, 32, 32, generator=generator, dtype=torch.float64) for _ in range(2)]
    predictions, projections = forward(online, target, *views)
    loss = objective(predictions, projections)
    loss.backward()
    constant = predictions[0][:1].detach()
    wanted = 4 - 2 * sum(F.cosine_similarity(constant, t, dim=1).mean().item() for t in projections)
    above = [*scales, *(weights[f"groups.2.0.{norm}.bias"] for norm in ("norm2", "shortcut.1"))]
    below = [p.grad for p in weights.values() if p.grad is not None and all(p is not other for other in above)]
    own = [scale.grad for scale in scales if scale.grad is not None]
    return abs(loss.item() - wanted), *(max(g.abs().max().item() for g in grads) for grads in (below, own))  # type: ignore[return-value]


def check(config: Equilibrium, context: Context) -> Outcome:
    """Both sides of equation (5), and the neighbourhood of a constant projection, on a problem drawn from the seed."""
    draw = context.generator("problem", device="cpu")
    shape = config.kinds, config.targets, config.width
    targets = torch.randn(shape, generator=draw, dtype=torch.float64)
    logits = torch.randn(config.kinds, config.states, generator=draw, dtype=torch.float64, requires_grad=True)
    best = optimal_predictor(logits, targets).detach()
    other = best + config.offset * torch.randn(best.shape, generator=draw, dtype=torch.float64)

    def gradient(value: torch.Tensor) -> torch.Tensor:
        return torch.autograd.grad(value, logits)[0]

    wanted = gradient(conditional_variance(logits, targets))
    level = torch.zeros(config.kinds, config.states, dtype=torch.float64, requires_grad=True)
    (rest,) = torch.autograd.grad(conditional_variance(level, targets), level)
    hessian = torch.autograd.functional.hessian(
        lambda at: conditional_variance(at.view_as(level), targets), level.flatten()
    )
    found = torch.linalg.eigvalsh(hessian)
    loss_gap, dead, alive = dead_network(context.generator("network", device="cpu"))
    return Outcome(
        {
            "gradient_gap": (gradient(prediction_loss(logits, targets, best)) - wanted).abs().max().item(),
            "gradient_gap_other": (gradient(prediction_loss(logits, targets, other)) - wanted).abs().max().item(),
            "gradient_size": wanted.abs().max().item(),
            "constant_gradient": rest.abs().max().item(),
            "constant_curvature": found[0].item(),
            "constant_curvature_top": found[-1].item(),
            "curvature_gap": (found - curvature(targets, config.states)).abs().max().item(),
            "dead_loss_gap": loss_gap,
            "dead_gradient": dead,
            "dead_scale_gradient": alive,
        }
    )
