"""The study of "On Wasserstein reinforcement learning and the Fokker-Planck equation".

The paper is a theory note; no experiment of it is known. Each seed draws another bandit, so that orders of convergence
come with an interval over bandits. float64 throughout; only the particles use the GPU where there is one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from replications.papers.wasserstein_rl import arm_experiments, experiments, particle_experiments
from replications.study import Context, Metric, Outcome, Plan, Study


@dataclass(frozen=True)
class Config:
    """One experiment; fields that it does not name are not read."""

    experiment: str  # gaussian, wells, particles, arms or entropic
    steps: tuple[int, ...] = ()  # JKO steps to time 1, one a resolution
    radii: tuple[float, ...] = ()  # trust regions, units of action
    quantiles: int = 0  # of the JKO scheme in the double well
    trust_quantiles: int = 0  # of its trust-region form
    trust_curve: int = 400  # steps a unit of time of the flow curve that trust-region paths are held against
    cells: int = 1200  # of the Fokker-Planck solver on [-3, 3]
    solver_steps: int = 1000  # time steps of the solver to time 1
    frames: int = 61  # densities kept for the animation
    particles: int = 0  # independent Langevin particles
    langevin_step: float = 0.03  # time step of the corrected scheme
    langevin_steps: int = 1200  # of it: 36 units of time
    arms: int = 6  # on a line
    states: int = 5  # reward fields whose limits are compared
    arm_radii: tuple[float, ...] = ()  # trust regions in the metric of Maas
    epsilons: tuple[float, ...] = ()  # entropic transport, units of reward; the last is half the last but one
    grid: int = 161  # points of the line in entropic transport


EXPERIMENTS: dict[str, Callable[[Config, Context], Outcome]] = {
    "gaussian": experiments.gaussian,
    "wells": experiments.wells,
    "particles": particle_experiments.particles,
    "arms": arm_experiments.arms,
    "entropic": arm_experiments.entropic,
}


def run(config: Config, context: Context) -> Outcome:
    """Run one experiment.

    Raises:
        ValueError: an unknown experiment.
    """
    if config.experiment not in EXPERIMENTS:
        raise ValueError(f"unknown experiment '{config.experiment}': choose from {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[config.experiment](config, context)


def conditions(quantiles: int, finest: int, trust_quantiles: int, particles: int) -> dict[str, Config]:
    """The conditions at a size: quantiles and JKO steps of the double well, quantiles of its trust region, particles."""
    doublings = tuple(2**i for i in range(2, finest + 1))
    return {
        "gaussian": Config("gaussian", steps=(8, 16, 32, 64, 128, 256), radii=(0.08, 0.04, 0.02, 0.01)),
        "wells": Config(
            "wells",
            steps=doublings,
            radii=(0.02, 0.01, 0.005),
            quantiles=quantiles,
            trust_quantiles=trust_quantiles,
            trust_curve=trust_quantiles,
        ),
        "particles": Config("particles", particles=particles),
        "arms": Config("arms", steps=(8, 16, 32, 64, 128), arm_radii=(0.05, 0.025, 0.0125)),
        "entropic": Config("entropic", epsilons=(0.1, 0.05, 0.025)),
    }


def dry_run(config: Config, context: Context) -> str:
    """The chosen experiment at the paper profile's resolution, with its fewest steps."""
    run(replace(config, steps=config.steps[:2], radii=config.radii[:2]), context)
    return f"{config.experiment}: float64, {' and '.join(map(str, config.steps[:2]))} JKO steps to time 1"


_ORDER = "slope of log distance to the flow at time 1 against log h"
_DOUBLED = "the same with penalty W₂²/h in place of W₂²/2h; 0 where the error does not fall"
_TRUST = "slope of log distance of the trust-region path to the flow curve against log radius"

METRICS = {
    "order": Metric("1", f"{_ORDER}: against the closed form (gaussian), or the Fokker-Planck solver (wells)"),
    "doubled_penalty_order": Metric("1", _DOUBLED),
    "trust_order": Metric("1", _TRUST),
    "dissipation_excess": Metric("reward", "largest F(π_{n+1}) + W₂²/2h - F(π_n) over all steps, 0 where none is positive"),
    "energy_drop": Metric("reward", "F at time 0 less F at time 1"),
    "contraction_excess": Metric("fraction", "largest W₂(π_{n+1}, π_∞)(1 + hk)/W₂(π_n, π_∞) - 1, 0 where none is positive"),
    "fixed_point_error": Metric("action", "largest move of the stationary std in one step, h = 0.01, 0.5, 5"),
    "heat_error": Metric("action²", "flat reward: largest |s'² - s's - βh| of a step, and |s²(t) - s² - 2βt| of the flow"),
    "kl_bound_excess": Metric("fraction", "largest KL_t / (e^{-2kt} KL_0) - 1, 0 where none is positive"),
    "floor": Metric("action", "W₂ to the solver left at h → 0 (extrapolated): the quantile grid and the cells"),
    "floor_share": Metric("fraction", "that floor over the error at the smallest h"),
    "stationary_tv": Metric("fraction", "total variation to softmax(r/β) after a long time; arms: the worst state"),
    "gibbs_residual": Metric("fraction", "largest |∂π/∂t| at the Gibbs law, relative to the largest flux of a cell"),
    "advection_error": Metric("action/time", "|d/dt E[a] - E[r']| of the solver at the start"),
    "diffusion_error": Metric("action²/time", "|d/dt E[a²] - 2 E[a r'] - 2β| of the solver at the start"),
    "near_start": Metric("fraction", "mass within 0.35 of the best action at time 0"),
    "near_end": Metric("fraction", "the same at time 30"),
    "concentration": Metric("nats", "log of that mass at time 30 over the mass of a uniform policy on [-3, 3]"),
    "wrong_drift_concentration": Metric("nats", "the same where the drift has the wrong sign"),
    "variance_ratio": Metric("1", "variance of Euler-Maruyama particles over β/k / (1 - hk/2)"),
    "uncorrected_ratio": Metric("1", "the same variance over β/k"),
    "halved_noise_ratio": Metric("1", "variance_ratio with noise √(βh) in place of √(2βh)"),
    "no_noise_ratio": Metric("1", "variance_ratio without noise"),
    "transient_tv": Metric("fraction", "total variation of a histogram of particles to the solver at time 1"),
    "transient_z": Metric("standard errors", "by how much it exceeds what sampling alone gives"),
    "stationary_z": Metric("standard errors", "particles at time 37: by how much stationary_tv exceeds what sampling gives"),
    "maas_identity": Metric("1/time", "largest |K(ρ) ∇F + ρQ|"),
    "flow_defect": Metric("fraction", "largest |Σρ - 1| or negative mass along ρe^{tQ}"),
    "implicit_order": Metric("1", f"{_ORDER}, implicit Euler; total variation"),
    "jko_order": Metric("1", f"{_ORDER}, JKO in the frozen metric of Maas; total variation"),
    "pinned_moved": Metric("fraction", "static cost: mass moved at up to 0.95 of the predicted threshold"),
    "freed_moved": Metric("fraction", "static cost: mass moved at 1.05 of it"),
    "threshold_ratio": Metric("1", "static cost: threshold found by bisection over the predicted one"),
    "paths_apart": Metric("fraction", "largest Euclidean distance of the Fisher-Rao path to the Wasserstein path"),
    "fisher_rao_tv": Metric("fraction", "total variation of the Fisher-Rao flow to softmax(r/β) after a long time, worst state"),
    "fisher_rao_reach": Metric("fraction", "largest mass that Fisher-Rao gives to an arm that starts with none"),
    "wasserstein_reach": Metric("fraction", "mass that the Maas flow gives to that arm by time 1 over its Gibbs mass, least state"),
    "closed_form_error": Metric("action²", "largest |variance by POT - closed form| over ε and both penalties"),
    "entropy_slope": Metric("1", "penalty ε Σ Γ log Γ: d(k variance - β)/dε at ε → 0"),
    "kl_slope": Metric("1", "penalty ε KL(Γ‖ρ ⊗ ρ'): the same"),
    "extrapolated_share": Metric("fraction", "bias left by extrapolation from ε and 2ε, over the bias at ε"),
}  # fmt: skip

STUDY = Study(
    paper="wasserstein_rl",
    title="On Wasserstein reinforcement learning and the Fokker-Planck equation",
    run=run,
    metrics=METRICS,
    profiles={
        "smoke": Plan(conditions(6400, 6, 200, 20_000), seeds=1, minutes=0.4, memory_gb=1.0),
        "laptop": Plan(conditions(25_600, 6, 400, 1_000_000), seeds=5, minutes=4.0, memory_gb=1.0),
        "gpu": Plan(conditions(51_200, 7, 400, 10_000_000), seeds=10, minutes=15.0, hardware="one GPU with float64"),
        "paper": Plan(conditions(102_400, 8, 800, 10_000_000), seeds=20, minutes=60.0, hardware="one GPU with float64"),
    },
    dry_run=dry_run,
)
