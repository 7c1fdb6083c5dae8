"""The paper's propositions as numbers that must vanish, on random matrices in float64 (Richemond et al. 2023).

Each function returns the largest error of one statement; a value that must *not* vanish is named so. References are
SciPy's `sqrtm` and `polar`, never the iteration under test.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.linalg import polar, sqrtm

from replications.papers.edge_of_orthogonality import predictors
from replications.papers.edge_of_orthogonality.method import hat_matrix, krasulina, operator_norm, stiefel_gradient
from replications.study import Context, Metric, Outcome


@dataclass(frozen=True)
class Algebra:
    """One check of all propositions."""

    batch: int = 48  # b, rows of Z
    width: int = 12  # f, columns
    trials: int = 20  # random draws where a bound is tested


ALGEBRA_METRICS = {
    "hat_matrix": Metric("", "Prop. 1: errors of H² = H = Hᵀ, tr H = f and ‖ZP* - Z'‖² = ‖(I - H)Z'‖² (relative)"),
    "predictor_projection": Metric("", "‖P*² - P*‖ of the same P*, which need not vanish"),
    "identity_limit": Metric("", "Prop. 2: error of ‖P* - I‖/σ being constant in σ, and excess over σ/s_min(Z)"),
    "k_pca": Metric(
        "", "Prop. 4: loss of the top-k projection less the discarded eigenvalues; excess over random ones"
    ),
    "krasulina": Metric("", "Prop. 7: increment less ½‖p‖²·∇(xp)²/‖p‖² by autograd, and its component along p"),
    "oja_radial": Metric("", "component of Oja's increment along p, which need not vanish"),
    "stiefel_gradient": Metric("", "Prop. 9: PᵀGrad + GradᵀP, and ⟨Grad, Δ⟩ - dF(Δ) in the canonical metric"),
    "quasi_projection": Metric("", "excess of ‖PPᵀ - P‖ over twice max(‖P² - P‖, ‖P - Pᵀ‖), for ‖P‖ ≤ 1"),
    "iterations": Metric("", "Props. 3, 5, 6, 8: NE, Visser, NS, NS² and Stiefel less their limits, against SciPy"),
    "equivariance": Metric("", "every predictor under Z → ZQ, Z' → Z'Q less QᵀPQ, Q orthogonal"),
    "balance": Metric("", "section 4.2: d/dt(AAᵀ - PᵀP) + 2λ(AAᵀ - PᵀP) under gradient flow"),
}


def normal(draw: torch.Generator, *shape: int) -> torch.Tensor:
    """Standard normal numbers in float64."""
    return torch.randn(*shape, generator=draw, dtype=torch.float64)


def orthogonal(draw: torch.Generator, n: int) -> torch.Tensor:
    """A random orthogonal matrix (n, n)."""
    return torch.linalg.qr(normal(draw, n, n))[0]


def spd(draw: torch.Generator, n: int) -> torch.Tensor:
    """A symmetric matrix (n, n) with eigenvalues from 0.05 to 1."""
    q = orthogonal(draw, n)
    return (q * torch.linspace(0.05, 1, n, dtype=torch.float64)) @ q.T


def biggest(*errors: torch.Tensor | float) -> float:
    """The largest absolute entry; NaN where one is."""
    return float(np.max([np.abs(np.asarray(error, dtype=float)).max() for error in errors]))


def norm(p: torch.Tensor) -> torch.Tensor:
    """The operator norm, from the singular values."""
    return torch.linalg.matrix_norm(p, 2)


def hat_error(z: torch.Tensor, target: torch.Tensor) -> float:
    """Proposition 1."""
    h, p = hat_matrix(z), predictors.regression(z.T @ z, z.T @ target)
    residual = (z @ p - target).square().sum()
    projected = (target - h @ target).square().sum()
    relative = (residual - projected) / target.square().sum()
    return biggest(h @ h - h, h - h.T, h.trace() - z.shape[1], relative)


def identity_error(z: torch.Tensor, gap: torch.Tensor) -> float:
    """Proposition 2: P* - I = σ(ZᵀZ)⁻¹ZᵀG for Z' = Z + σG, so its norm is σ times a constant below 1/s_min(Z)."""
    gap = gap / norm(gap)
    slope, least = norm(torch.linalg.lstsq(z, gap).solution), torch.linalg.svdvals(z)[-1]
    eye, errors = torch.eye(z.shape[1], dtype=z.dtype), []
    for sigma in (1.0, 0.1, 0.01, 0.001):
        off = norm(predictors.regression(z.T @ z, z.T @ (z + sigma * gap)) - eye)
        errors += [off / sigma - slope, (off - sigma / least).clamp(min=0)]
    return biggest(*errors)


def k_pca_error(z: torch.Tensor, draw: torch.Generator, trials: int) -> float:
    """Proposition 4 for every rank k: ‖ZP - Z‖²/b of the top-k projection, and of `trials` random ones."""
    f = z.shape[1]
    values, vectors = torch.linalg.eigh(z.T @ z / len(z))
    errors = []

    def loss(basis: torch.Tensor) -> torch.Tensor:
        return (z @ basis @ basis.T - z).square().sum() / len(z)

    for k in range(1, f):
        least = values[: f - k].sum()
        others = torch.stack([loss(orthogonal(draw, f)[:, :k]) for _ in range(trials)])
        errors += [loss(vectors[:, f - k :]) - least, (least - others.min()).clamp(min=0)]
    return biggest(*errors)


def krasulina_errors(p: torch.Tensor, x: torch.Tensor) -> tuple[float, float]:
    """Proposition 7, and the component along p that Oja's increment has and Krasulina's has not."""
    variable = p.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad((x @ variable).square() / variable.square().sum(), variable)
    found = krasulina(p, x)
    return biggest(found - p.square().sum() / 2 * gradient, found @ p), float((x @ p).square() / p.norm())


def stiefel_error(p: torch.Tensor, gradient: torch.Tensor, free: torch.Tensor) -> float:
    """Proposition 9 at PᵀP = I: tangent, and the gradient in the canonical metric tr Aᵀ(I - ½PPᵀ)B."""
    grad = stiefel_gradient(p, gradient)
    tangent = free - p @ (p.T @ free + free.T @ p) / 2
    canonical = (grad * (tangent - p @ (p.T @ tangent) / 2)).sum()
    return biggest(p.T @ grad + grad.T @ p, canonical - (gradient * tangent).sum())


def quasi_projection_ratio(p: torch.Tensor) -> torch.Tensor:
    """‖PPᵀ - P‖ over max(‖P² - P‖, ‖P - Pᵀ‖)."""
    return norm(p @ p.T - p) / torch.maximum(norm(p @ p - p), norm(p - p.T))


def quasi_projection_error(draw: torch.Generator, f: int, trials: int) -> float:
    """How far an ε-symmetric ε-projection of norm at most 1 is from being a 2ε-orthogonal projection."""
    ratios = []
    for noise in np.geomspace(1e-3, 1, trials):
        basis = orthogonal(draw, f)[:, : f // 2]
        p = basis @ basis.T + float(noise) * normal(draw, f, f)
        ratios.append(quasi_projection_ratio(p / norm(p).clamp(min=1)))
    return biggest((torch.stack(ratios) - 2).clamp(min=0))


def iteration_error(sigma: torch.Tensor, cross: torch.Tensor, square: torch.Tensor) -> float:
    """The iterations run to their ends: Σ^½ (Visser, NS), Σ^-½, Σ^¼ (NS²), the polar factor (Stiefel); NE's remainder."""
    f = len(sigma)
    eye = torch.eye(f, dtype=sigma.dtype)
    root = torch.from_numpy(np.real(sqrtm(sigma.numpy())))
    fourth = torch.from_numpy(np.real(sqrtm(root.numpy())))
    ours, inverse = predictors.newton_schulz(sigma, 30)
    factor = torch.from_numpy(polar(square.numpy())[0]).T
    found = predictors.stiefel(square, 40)
    rest = (eye - sigma) @ (eye - sigma) @ torch.linalg.solve(sigma, cross)  # of Σ⁻¹ = 2I - Σ + (I - Σ)²Σ⁻¹
    return biggest(
        predictors.visser(sigma, 0.5, 300) - root,
        ours - root,
        inverse / torch.linalg.matrix_norm(sigma).sqrt() @ root - eye,
        predictors.newton_schulz_twice(sigma, 30) - fourth,
        found / norm(found) - factor,
        predictors.neumann(sigma, cross) + rest - predictors.regression(sigma, cross),
        operator_norm(sigma) - 1,
    )


def equivariance_error(z: torch.Tensor, target: torch.Tensor, q: torch.Tensor) -> float:
    """Every closed form in the coordinates of Q."""
    errors = []
    for name in predictors.CLOSED_FORMS:
        plain = predictors.closed_form(name, *predictors.covariances([z, z.flip(1)], [target, target.flip(1)]))
        turned = predictors.closed_form(
            name, *predictors.covariances([z @ q, z.flip(1) @ q], [target @ q, target.flip(1) @ q])
        )
        errors.append((turned - q.T @ plain @ q) / norm(plain))
    return biggest(*errors)


def balance_error(a: torch.Tensor, p: torch.Tensor, x: torch.Tensor, target: torch.Tensor, decay: float) -> float:
    """Section 4.2: under gradient flow on ½‖PAx - z'‖² with weight decay λ, AAᵀ - PᵀP decays as e^(-2λt)."""
    a, p = a.clone().requires_grad_(True), p.clone().requires_grad_(True)
    loss = (x @ a.T @ p.T - target).square().sum() / 2 + decay / 2 * (a.square().sum() + p.square().sum())
    da, dp = (-gradient for gradient in torch.autograd.grad(loss, (a, p)))
    rate = da @ a.T + a @ da.T - dp.T @ p - p.T @ dp
    error = rate + 2 * decay * (a @ a.T - p.T @ p)
    return biggest((error / (da @ a.T).norm()).detach())  # relative to what cancels


def run_algebra(config: Algebra, context: Context) -> Outcome:
    """All propositions on matrices of this seed."""
    draw = context.generator("algebra", device="cpu")
    b, f = config.batch, config.width
    z = normal(draw, b, f)
    target = z + 0.1 * normal(draw, b, f)
    rank_one = [krasulina_errors(normal(draw, f), normal(draw, f)) for _ in range(config.trials)]
    p = predictors.regression(z.T @ z, z.T @ target)
    scalars = {
        "hat_matrix": hat_error(z, target),
        "predictor_projection": float(norm(p @ p - p)),
        "identity_limit": identity_error(z, normal(draw, b, f)),
        "k_pca": k_pca_error(z, draw, config.trials),
        "krasulina": max(error for error, _ in rank_one),
        "oja_radial": max(radial for _, radial in rank_one),
        "stiefel_gradient": stiefel_error(
            orthogonal(draw, f)[:, : f // 2], normal(draw, f, f // 2), normal(draw, f, f // 2)
        ),
        "quasi_projection": quasi_projection_error(draw, f, config.trials),
        "iterations": iteration_error(
            spd(draw, f), normal(draw, f, f), spd(draw, f) @ orthogonal(draw, f)
        ),
        "equivariance": equivariance_error(z, target, orthogonal(draw, f)),
        "balance": balance_error(
            normal(draw, f, f), normal(draw, f, f), normal(draw, b, f), normal(draw, b, f), decay=0.3
        ),
    }  # fmt: skip
    context.progress(1.0)
    return Outcome(scalars)
