"""The study of "A short variational proof of equivalence between policy gradients and soft Q learning".

The paper is a theory note without experiments: its `paper` profile is the identities at our largest size. All numbers
are in float64; every identity is judged at profile smoke already.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from replications.papers.policy_gradients_soft_q import experiments
from replications.papers.policy_gradients_soft_q.learning import learning
from replications.study import Context, Metric, Outcome, Plan, Study


@dataclass(frozen=True)
class Config:
    """One experiment; fields that it does not name are not read."""

    experiment: str  # duality, process, candidates, limits or learning
    draws: int = 0  # random cases for each setting (candidates: in all)
    chunk: int = 5000  # cases held in memory at a time
    actions: tuple[int, ...] = (4,)  # numbers of actions
    taus: tuple[float, ...] = (0.01, 0.1, 1.0, 10.0)  # temperatures, units of reward
    hidden: int = 8  # units of the random two-layer networks
    world: str = ""  # process: random, grid or chain
    states: int = 20  # of a random process
    gamma: float = 0.9  # discount; the chain has 0.5 of its own
    steps: tuple[int, ...] = (1, 3, 10)  # n of the n-step targets
    tau: float = 0.2  # learning: temperature, units of reward
    updates: int = 1000  # learning: steps of SGD
    batch: int = 16  # learning: environments
    rollout: int = 5  # learning: steps of each environment between updates
    rate: float = 0.5  # learning: of plain SGD; large, since the policy part carries a factor τ
    cosine_power: int = 8  # learning: 4 to this power samples for a round of the cosines
    cosine_rounds: int = 1  # learning


EXPERIMENTS: dict[str, Callable[[Config, Context], Outcome]] = {
    "duality": experiments.duality,
    "process": experiments.process,
    "candidates": experiments.candidates,
    "limits": experiments.limits,
    "learning": learning,
}


def run(config: Config, context: Context) -> Outcome:
    """Run one experiment.

    Raises:
        ValueError: an unknown experiment.
    """
    if config.experiment not in EXPERIMENTS:
        raise ValueError(f"unknown experiment '{config.experiment}': choose from {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[config.experiment](config, context)


def conditions(
    bandits: int, processes: int, cases: int, cosine_power: int, cosine_rounds: int, at_a_time: int = 1
) -> dict[str, Config]:
    """The conditions at a size: bandits for each (n, τ), processes for each τ, cases for the inequalities.

    `at_a_time` multiplies the cases held in memory: a GPU wants many.
    """
    return {
        "duality": Config("duality", bandits, chunk=5000 * at_a_time, actions=(2, 5, 50)),
        "random": Config("process", processes, chunk=200 * at_a_time, world="random"),
        "grid": Config("process", processes, chunk=200 * at_a_time, world="grid"),
        "chain": Config("process", processes, chunk=200 * at_a_time, world="chain"),
        "candidates": Config("candidates", cases, chunk=20_000 * at_a_time, actions=tuple(range(2, 13))),
        "limits": Config("limits", 1000, actions=(5,)),
        "learning": Config("learning", hidden=32, cosine_power=cosine_power, cosine_rounds=cosine_rounds),
    }


def dry_run(config: Config, context: Context) -> str:
    """Two updates of the walkers, or a handful of cases of the other experiments."""
    run(replace(config, draws=min(config.draws, 20), updates=2, cosine_power=8, cosine_rounds=1), context)
    return f"{config.experiment}: float64, {config.draws or config.updates} {'cases' if config.draws else 'updates'}"


_GRADIENT = "largest absolute difference of the two gradients over all draws and parameters"
_SLIP = "median over draws of |wrong - right| / |right| of the gradient, at τ = 1, the least over the settings"
_RATIO = "left/right at the case that attains the constant, the least over the parts of the inequality"
_INEQUALITIES = {
    "i1": "Fenchel-Young",
    "i2": "bounds on the soft value",
    "i3": "performance gap, an identity",
    "i4": "soft policy improvement, an identity",
    "i5": "monotonicity, an identity",
    "i6": "smoothness",
    "i7": "Lipschitz policy",
    "i8": "transport",
    "i9": "change of measure",
}

METRICS = {
    "gap_identity": Metric("reward", "largest |V_τ(q) - η(π) - τ KL(π‖π_q)|"),
    "dv_kl": Metric("nats", "largest |E_π φ - log E_μ exp φ - KL(π‖μ)| at φ = log π/μ + c"),
    "dv_log_mean": Metric("reward", "largest τ |E_π φ - KL(π‖μ) - log E_μ exp φ| at π = π_q, φ = q/τ"),
    "dv_excess": Metric("reward", "largest amount by which a random φ or π exceeds its Donsker-Varadhan supremum"),
    "dv_miss": Metric(
        "nats", "KL(π‖μ) - [E_π φ - log E_μ exp φ] at φ = 2 log π/μ: median over draws, least over settings"
    ),
    "conjugate_gradient": Metric("probability", "largest |∇V_τ(q) - π_q|, the gradient by automatic differentiation"),
    "bandit_gradient": Metric("reward²", f"{_GRADIENT}; bandit"),
    "n_step_gradient": Metric("reward²", f"{_GRADIENT}; n-step, in expectation"),
    "sample_gradient": Metric("reward²", f"{_GRADIENT}; n-step, at one sampled action of every state"),
    "behaviour_error": Metric("fraction", f"actions drawn from μ, not π_θ: {_SLIP}"),
    "through_sampling_error": Metric("fraction", f"gradient through the sampling weights: {_SLIP}"),
    "wrong_kl_error": Metric("fraction", f"KL coefficient doubled: {_SLIP}"),
    "bellman_residual": Metric("reward", "largest |T V - V| after soft value iteration"),
    "consistency": Metric("reward", "largest |V* + τ log π*/μ - Q*|, V* by value and π*, Q* by policy iteration"),
    "wrong_trajectory_error": Metric(
        "fraction", "I3 with the states of π*: median relative error, least over settings"
    ),
    "closed_form": Metric("reward", "largest |V*(0) - closed form| of the two-state chain over four prizes"),
    "cold_error": Metric("fraction", "largest |V_τ - max q - τ log μ(a*)| / (1 + |max q|) at τ = gap/50"),
    "hot_order": Metric("1", "slope of log |V_τ - mean - variance/2τ| against log τ, τ from 100 to 1000"),
    "bonus_identity": Metric("reward", "largest |V_bonus - V_KL - τ log n/(1-γ)| on the grid"),
    "episodic_spread": Metric(
        "reward", "osc(V_bonus - V_KL) over cells where the paying corner ends the episode, τ = 0.1"
    ),
    "reach_ratio": Metric("fraction", "E γ^(T-1) of the paying corner at τ = 0.3: entropy bonus over KL penalty"),
    "walk_distance": Metric("weights", "largest |θ - θ'| of soft Q-learning and policy gradient over all updates"),
    "policy_distance": Metric("probability", "largest |π - π'| of the same two at the 101 recorded updates"),
    "analytic_distance": Metric("weights", "largest |θ - θ'| of soft Q-learning and analytic-KL A2C at the end"),
    "wrong_kl_distance": Metric("weights", "largest |θ - θ'| of soft Q-learning and A2C with KL weight τ at the end"),
    "progress": Metric(
        "fraction", "(V^π(start) at the end - at the start) / (V*(start) - at the start), soft Q-learning"
    ),
    "cosine_slope": Metric("1", "slope of log mean(1 - cosine) against log batch size, from batch 256 on"),
    "cosine_miss": Metric("1", "mean of 1 - cosine at the largest batch"),
    "plane_share": Metric("fraction", "variance of the policy walk that the plane of the figure holds"),
}
METRICS |= {
    f"{name}_excess": Metric("fraction", f"{what}: largest violation on random cases, relative to the largest term")
    for name, what in _INEQUALITIES.items()
}
METRICS |= {
    f"{name}_attained": Metric("fraction", f"{what}: {_RATIO}")
    for name, what in _INEQUALITIES.items()
    if name not in ("i3", "i4", "i5")
}

STUDY = Study(
    paper="policy_gradients_soft_q",
    title="A short variational proof of equivalence between policy gradients and soft Q learning",
    run=run,
    metrics=METRICS,
    profiles={
        "smoke": Plan(conditions(1000, 20, 20_000, 8, 1), seeds=1, minutes=0.25, memory_gb=1.0),
        "laptop": Plan(conditions(100_000, 500, 100_000, 9, 4), seeds=5, minutes=3.0, memory_gb=1.5),
        # Nothing here needs a GPU: the profile shows that the identities hold in its arithmetic too.
        "gpu": Plan(
            conditions(1_000_000, 5000, 1_000_000, 9, 16, at_a_time=10),
            seeds=5,
            minutes=15.0,
            hardware="one GPU",
            memory_gb=6.0,
        ),
        # No published setting exists: these are the identities at our largest size.
        "paper": Plan(conditions(1_000_000, 10_000, 10_000_000, 9, 64), seeds=5, minutes=40.0, memory_gb=1.5),
    },
    dry_run=dry_run,
)
