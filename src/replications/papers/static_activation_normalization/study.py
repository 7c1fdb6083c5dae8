"""The runs of the chapter: random-matrix spectra, signals at initialisation, and sweeps over depth and learning rate.

The protocol is ours: the paper's (arXiv:1905.01369) could not be read. A depth sweep's condition is named
`<data>-<depth>-<network>`, and one of its runs trains the whole grid of learning rates.
"""

from __future__ import annotations

from collections.abc import Hashable

import torch

from replications.data import cifar10, mnist
from replications.papers.static_activation_normalization import exact, networks, probes, runs
from replications.papers.static_activation_normalization.exact import ExactConfig
from replications.papers.static_activation_normalization.probes import SignalConfig, SpectrumConfig
from replications.papers.static_activation_normalization.runs import TrainConfig
from replications.study import Context, Metric, Outcome, Plan, Study

DEPTHS = (5, 10, 20, 30, 50)
SWEPT = ("relu-lecun", "relu-he", "sanf-a", "sanf-a-critical", "sanf-t", "selu", "batch-norm", "lsuv")  # at all depths
SHALLOW = ("sanf-z", "sanf-c-0.25", "sanf-c-0.5", "sanf-t-2")  # to depth 20: they diverge there at every rate
ELSEWHERE = ("relu-lecun", "relu-he", "sanf-a", "sanf-t", "selu", "batch-norm")  # on the other data sets
COARSE = (1e-4, 1e-3, 3e-3, 1e-2, 3e-2)  # learning rates there
SPECTRA_DEPTH = 10  # where trained spectra are taken

Config = ExactConfig | SpectrumConfig | SignalConfig | TrainConfig


def run(config: Config, context: Context) -> Outcome:
    """One condition, one seed."""
    return together([config], [context])[0]


def together(configs: list[Config], contexts: list[Context]) -> list[Outcome]:
    """Runs of one program: training runs side by side, the others one after another."""
    training = [config for config in configs if isinstance(config, TrainConfig)]
    if len(training) == len(configs):
        return runs.run_together(training, contexts)
    return [_probe(config, context) for config, context in zip(configs, contexts)]


def _probe(config: Config, context: Context) -> Outcome:
    if isinstance(config, ExactConfig):
        return exact.run_exact(config, context)
    if isinstance(config, SpectrumConfig):
        return probes.run_spectrum(config, context)
    assert isinstance(config, SignalConfig)
    return probes.run_signal(config, context)


def program(config: Config) -> Hashable:
    """What runs must share to train as one batched program."""
    return runs.program(config) if isinstance(config, TrainConfig) else config


def dry_run(config: Config, context: Context) -> str:
    """Build the largest network of the paper profile and take two steps on random input of the real shape."""
    assert isinstance(config, TrainConfig)
    sizes = networks.layer_sizes(784 // config.pool**2, config.width, config.depth, runs.CLASSES)
    x = torch.randn(config.batch, sizes[0][0], generator=context.generator(device="cpu"))
    labels = torch.arange(config.batch) % runs.CLASSES
    nets, optimizer = runs.members([config], [context], sizes, [x])
    batch = [part.to(context.device).expand(nets.members, *part.shape) for part in (x, labels)]
    with torch.no_grad():
        losses = [nets.step(batch[0], batch[1], optimizer) for _ in range(2)]
    count = sum(a * b + b for a, b in sizes)
    return (
        f"{config.network}: {nets.members} members of {config.depth} layers of {config.width}, {count:,} parameters each, "
        f"loss {losses[0].mean():.3f} then {losses[1].mean():.3f} nats"
    )


def _init_conditions(scale: float = 1.0) -> dict[str, Config]:
    """Spectra and signals; `scale` shrinks the matrices."""
    n0, n1, m = (round(scale * size) for size in (1000, 2000, 3000))
    found: dict[str, Config] = {"exact": ExactConfig()}
    for name, form in (("relu", "raw"), ("relu", "a"), ("relu", "c0.5"), ("relu", "z")):
        found[f"spectrum-{name}-{form}"] = SpectrumConfig(name, form, n0, n1, m)
    for name in ("SELU", "tanh", "GELU"):
        found[f"spectrum-{name.lower()}-a"] = SpectrumConfig(name, "a", n0, n1, m)
    found["spectrum-tanh-z"] = SpectrumConfig("tanh", "z", n0, n1, m)
    for network in ("relu-he", "sanf-a", "sanf-z", "sanf-t", "selu", "batch-norm"):
        found[f"signal-{network}"] = SignalConfig(network, width=round(1000 * scale))
    return found


def _sweep(**fields: object) -> dict[str, Config]:
    """MNIST at every depth."""
    found: dict[str, Config] = {}
    for depth in DEPTHS:
        for network in SWEPT + (SHALLOW if depth <= 20 else ()):
            found[f"mnist-{depth}-{network}"] = TrainConfig(
                network, depth, spectra=depth == SPECTRA_DEPTH, **fields  # type: ignore[arg-type]
            )  # fmt: skip
    return found


def _elsewhere(**fields: object) -> dict[str, Config]:
    """Fashion-MNIST and CIFAR-10 at two depths."""
    return {
        f"{data}-{depth}-{network}": TrainConfig(network, depth, data, learning_rates=COARSE, **fields)  # type: ignore[arg-type]
        for data in ("fashion-mnist", "cifar10")
        for depth in (10, 30)
        for network in ELSEWHERE
    }


def _controls() -> dict[str, Config]:
    """Measured effects of our own choices: optimiser, width, pooling."""
    found: dict[str, Config] = {}
    for network in ("relu-he", "sanf-a", "sanf-t"):
        found[f"adam-20-{network}"] = TrainConfig(
            network, 20, optimizer="adam", learning_rates=(1e-4, 3e-4, 1e-3, 3e-3)
        )
    for network in ("relu-lecun", "relu-he", "sanf-a", "sanf-t"):
        found[f"width64-20-{network}"] = TrainConfig(network, 20, width=64)
    for network in ("relu-he", "sanf-a"):
        found[f"full-10-{network}"] = TrainConfig(network, 10, pool=1)
    return found


def _smoke() -> dict[str, Config]:
    found = _init_conditions(0.25)
    for depth in (2, 5):
        for network in ("relu-lecun", "relu-he", "sanf-a", "sanf-t", "selu", "batch-norm"):
            found[f"mnist-{depth}-{network}"] = TrainConfig(
                network, depth, width=32, learning_rates=(1e-3, 1e-2), steps=60, looks=5, spectra=depth == 5
            )
    return found


METRICS = {
    "accuracy": Metric(
        "fraction", "test accuracy after training, at the learning rate with the best validation accuracy"
    ),
    "best_learning_rate": Metric("", "learning rate with the best validation accuracy"),
    "anytime": Metric(
        "fraction", "validation accuracy at that rate, mean over the looks after step 0 (even in log step)"
    ),
    "trained_share": Metric(
        "fraction", f"share of the learning rates with a final test accuracy of {runs.TARGET} or more"
    ),
    "diverged_share": Metric("fraction", "share of the learning rates with a loss above 10⁴ nats or not finite"),
    "condition_initial": Metric("log10", "condition number of (1/m) Y Yᵀ before training, mean of log10 over layers"),
    "condition_trained": Metric(
        "log10",
        "the same after training, at the best learning rate; at most 7 a layer, which one dead unit is enough for",
    ),
    "condition_trained_centred": Metric("log10", "the same of the covariance: the mean activation is taken out"),
    "rank_trained": Metric("fraction", "(Σλ)²/(n Σλ²) of the covariance after training, mean over layers"),
    "density_error": Metric("", "largest |histogram − density|·η over bins of 0.1 η, the two smallest bins excepted"),
    "log_condition": Metric("log10", "condition number of (1/m) Y Yᵀ"),
    "largest": Metric("η", "largest eigenvalue"),
    "edge": Metric("η", "right edge of the limiting bulk"),
    "outliers": Metric("eigenvalues", "eigenvalues more than 2 % beyond the edge"),
    "second_moment_error": Metric("", "tr M²/n₁ over its limit, less 1"),
    "zeta": Metric("", "ζ/η of the activation"),
    "growth": Metric("", "growth of the squared gradient per layer, geometric mean"),
    "growth_expected": Metric("", "its mean-field value σ_w² E f'²; π/(π − 1) for batch-normalised ReLU"),
    "correlation_map_error": Metric("", "largest difference between a layer's correlation map and C(c)"),
    "variance_map_error": Metric("", "largest relative difference between a layer's variance map and V(q)"),
    **exact.METRICS,
}

STUDY = Study(
    paper="static_activation_normalization",
    title="Static activation function normalization",
    run=run,
    metrics=METRICS,
    profiles={
        "smoke": Plan(_smoke(), seeds=1, minutes=0.6, memory_gb=1.5),
        "laptop": Plan(
            {**_init_conditions(), **_sweep(), **_elsewhere(), **_controls()}, seeds=5, minutes=20, memory_gb=2.5
        ),
        "gpu": Plan(
            {
                **_init_conditions(2.0),
                **_sweep(width=512, batch=128, steps=900, pool=1),
                **_elsewhere(width=512, batch=128, steps=900, pool=1),
            },
            seeds=5,
            minutes=25,
            hardware="one 24 GB GPU",
            memory_gb=16,
        ),
        "paper": Plan(
            {
                f"mnist-{depth}-{network}": TrainConfig(network, depth, width=512, batch=128, steps=4600, pool=1)
                for depth in reversed(DEPTHS)  # the largest first: it is the one that a dry run builds
                for network in SWEPT
            },
            seeds=5,
            minutes=120,
            hardware="one 24 GB GPU",
            memory_gb=16,
        ),
    },
    data=(mnist.DATASET, mnist.FASHION, cifar10.DATASET),
    dry_run=dry_run,
    together=together,
    program=program,
    together_limit=3,
)
