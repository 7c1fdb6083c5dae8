"""The runs of the chapter: random landscapes, trained perceptrons under every schedule, and (on a GPU) residual networks.

The protocol is ours: the paper's (arXiv:1902.02881) could not be read. A training condition is named
`<data>-<plain or bn>-<sgd, sgdw or steps>-<schedule>`, and one of its runs trains the whole grid of L2 coefficients.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from replications.data import cifar10, mnist
from replications.papers.complexity_gradient_descent import counting, equilibrium, fields, resnets, runs
from replications.papers.complexity_gradient_descent.coefficients import MOMENTUM
from replications.papers.complexity_gradient_descent.counting import CountConfig, KacRiceConfig
from replications.papers.complexity_gradient_descent.equilibrium import EquilibriumConfig
from replications.papers.complexity_gradient_descent.fields import AnnealConfig, IndexConfig
from replications.papers.complexity_gradient_descent.resnets import ResNetConfig
from replications.papers.complexity_gradient_descent.runs import TrainConfig
from replications.papers.complexity_gradient_descent.schedules import SCHEDULES
from replications.study import Context, Metric, Outcome, Plan, Study

DATA = ("mnist", "fashion")
DECOUPLED = ("constant", "rate", "inverse", "loss", "complexity", "increasing")  # schedules that SGDW trains with
MAPPED = ("constant", "rate", "inverse")  # schedules of the robustness maps
MAP_RATES = (0.01, 0.03, 0.1, 0.3, 1.0)
MAP_DECAYS = (2.5e-4, 1e-3, 4e-3, 1.6e-2, 6.4e-2)
COUNTED = ((1, 0.3), (1, 1.0), (2, 0.5), (2, 1.0))  # dimension, μ
ON_IMAGES = ("constant", "rate", "inverse", "loss")  # schedules of the residual networks

Config = KacRiceConfig | CountConfig | IndexConfig | AnnealConfig | EquilibriumConfig | TrainConfig | ResNetConfig


def run(config: Config, context: Context) -> Outcome:
    """One condition, one seed."""
    return together([config], [context])[0]


def together(configs: list[Config], contexts: list[Context]) -> list[Outcome]:
    """Runs of one program: perceptrons side by side, the others one after another."""
    training = [config for config in configs if isinstance(config, TrainConfig)]
    if len(training) == len(configs):
        return runs.run_together(training, contexts)
    return [_alone(config, context) for config, context in zip(configs, contexts)]


def _alone(config: Config, context: Context) -> Outcome:
    if isinstance(config, KacRiceConfig):
        return counting.run_kac_rice(config, context)
    if isinstance(config, CountConfig):
        return counting.run_count(config, context)
    if isinstance(config, IndexConfig):
        return fields.run_index(config, context)
    if isinstance(config, AnnealConfig):
        return fields.run_anneal(config, context)
    if isinstance(config, EquilibriumConfig):
        return equilibrium.run(config, context)
    assert isinstance(config, ResNetConfig)
    return resnets.run(config, context)


def program(config: Config) -> Hashable:
    """What runs must share to train as one batched program."""
    return runs.program(config) if isinstance(config, TrainConfig) else config


def dry_run(config: Config, context: Context) -> str:
    """Build the network of the paper profile and take two steps on random input of the real shape."""
    assert isinstance(config, ResNetConfig)
    return resnets.dry_run(config, context)


def _landscapes() -> dict[str, Config]:
    """Random fields: complexity, counts, index, annealing."""
    counts = {f"count-{n}d-{mu:g}": CountConfig(n, mu, 4000 if n == 1 else 400) for n, mu in COUNTED}
    return {"kac-rice": KacRiceConfig(), **counts, "index": IndexConfig(), "anneal": AnnealConfig(fields=16)}


def _equilibria(**fields: object) -> dict[str, Config]:
    """With and without batch norm and momentum, at equal η/(1 − β) and λ."""
    without, with_momentum = ((0.1, 0.03), (0.3, 0.01), (0.3, 0.03)), ((0.01, 0.03), (0.03, 0.01), (0.03, 0.03))
    return {
        f"equilibrium-{net}-{name}": EquilibriumConfig(net == "bn", beta, pairs, "fashion", images=50000, **fields)  # type: ignore[arg-type]
        for net in ("bn", "plain")
        for name, beta, pairs in (("sgd", 0.0, without), ("momentum", MOMENTUM, with_momentum))
    }


def _schedules(data: str, net: str, kind: str, names: tuple[str, ...], **fields: object) -> dict[str, TrainConfig]:
    """Every schedule of `names` for one data set, network and optimiser."""
    base = TrainConfig(
        "constant",
        data,
        net == "bn",
        optimizer="sgdw" if kind == "sgdw" else "sgd",
        annealing="steps" if kind == "steps" else "cosine",
        decays=runs.GRID_NORM if net == "bn" else runs.GRID,
    )
    return {f"{data}-{net}-{kind}-{name}": replace(base, schedule=name, **fields) for name in names}  # type: ignore[arg-type]


def _training(**fields: object) -> dict[str, Config]:
    """Both data sets, with and without batch norm, coupled and decoupled; no decay at all; and steps in place of cosine."""
    found: dict[str, Config] = {}
    for data in DATA:
        for net in ("plain", "bn"):
            found |= _schedules(data, net, "sgd", tuple(SCHEDULES), **fields)
            found |= _schedules(data, net, "sgdw", DECOUPLED, **fields)
            found[f"{data}-{net}-none"] = TrainConfig("constant", data, net == "bn", decays=(0.0,), **fields)  # type: ignore[arg-type]
    return found | _schedules("mnist", "plain", "steps", tuple(SCHEDULES), **fields)


def _maps(**fields: object) -> dict[str, TrainConfig]:
    """Learning rate × L2 coefficient on MNIST."""
    return {
        f"map-{net}-{name}": TrainConfig(
            name, batch_norm=net == "bn", learning_rates=MAP_RATES, decays=MAP_DECAYS, **fields  # type: ignore[arg-type]
        )
        for net in ("plain", "bn")
        for name in MAPPED
    }  # fmt: skip


def _resnets(**fields: object) -> dict[str, Config]:
    return {f"cifar10-resnet-{name}": ResNetConfig(name, **fields) for name in ON_IMAGES}  # type: ignore[arg-type]


def _smoke() -> dict[str, Config]:
    small = {"width": 32, "steps": 60, "images": 1000, "looks": 5}
    found: dict[str, Config] = {
        "kac-rice": KacRiceConfig(sizes=(20, 60), matrices=200),
        "count-1d-0.3": CountConfig(1, 0.3, 200),
        "count-2d-1": CountConfig(2, 1.0, 20),
        "index": IndexConfig(features=2000, fields=4, steps=200, looks=6),
        "anneal": AnnealConfig(mus=(0.2, 1.2), features=1000, fields=2, steps=400),
    }
    for net in ("plain", "bn"):
        for name, config in _schedules("mnist", net, "sgd", tuple(SCHEDULES), **small).items():
            found[name] = replace(config, decays=config.decays[::3])
    for name, config in _maps(**small).items():
        found[name] = replace(config, decays=MAP_DECAYS[::2], learning_rates=MAP_RATES[::2])
    return found


METRICS = {
    "sigma_error": Metric("1/N", "largest |Σ_N(μ) − Σ(μ)|·N over sizes and L2 coefficients, Σ_N = (1/N) ln E(count)"),
    "level_error": Metric("", "largest distance over μ of the maximum over ε of Σ(ε, μ) from Σ(μ)"),
    "count": Metric("points", "mean number of stationary points of a field"),
    "count_ratio": Metric("", "that mean over its exact value"),
    "degree_one": Metric("fraction", "share of fields whose stationary points' signs add up to 1"),
    "index_error": Metric("fraction", "largest |measured − α(V/N, μ)| along descents, averaged over fields"),
    "index_error_blind": Metric("fraction", "the same for α(0, μ), which ignores the energy"),
    **{
        f"energy_{name}_{mu:g}": Metric("per dimension", f"H/N after descent to μ = {mu:g} by the path '{name}'")
        for mu in AnnealConfig().mus
        for name in fields.PATHS
    },
    "norm_error": Metric("", "largest |ratio − 1| of |w|⁴ to ηG²/(2λ(1 − β)), hidden layers and pairs (η, λ)"),
    "angle_error": Metric("", "largest |ratio − 1| of the angle of a step to √(2ηλ/(1 + β))"),
    "norm_error_output": Metric("", "smallest |ratio − 1| of |w|⁴ in the output layer, which no norm follows"),
    "nll": Metric("nats", "test NLL at the L2 coefficient with the smallest validation NLL of the same seed"),
    "accuracy": Metric("fraction", "test accuracy of that network"),
    "best_decay": Metric("", "that coefficient, as its value on the grid"),
    "diverged_share": Metric("fraction", "share of the grid with a loss above 10⁴ nats or not finite"),
}

STUDY = Study(
    paper="complexity_gradient_descent",
    title="Combining learning rate decay and weight decay with complexity gradient descent",
    run=run,
    metrics=METRICS,
    profiles={
        "smoke": Plan(_smoke(), seeds=1, minutes=0.6),
        "laptop": Plan({**_landscapes(), **_equilibria(), **_training(), **_maps()}, seeds=5, minutes=25),
        "gpu": Plan(
            {
                **_landscapes(),
                **_equilibria(width=200),
                **_training(width=200, pool=1, images=10000, steps=1500),
                **_maps(width=200, pool=1, images=10000, steps=1500),
                **_resnets(),
            },
            seeds=5,
            minutes=30,
            hardware="one 24 GB GPU",
            memory_gb=16,
        ),
        "paper": Plan(
            _resnets(network="resnet18", batch=128, epochs=60, decays=resnets.GRID_FINE),
            seeds=5,
            minutes=3000,
            hardware="one 80 GB GPU",
            memory_gb=40,
        ),
    },
    data=(mnist.DATASET, mnist.FASHION, cifar10.DATASET),
    dry_run=dry_run,
    together=together,
    program=program,
    together_limit=3,
)
