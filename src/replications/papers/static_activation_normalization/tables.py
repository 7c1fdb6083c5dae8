"""Tables of the chapter, from records."""

from __future__ import annotations

import numpy as np

from replications.papers.static_activation_normalization import networks
from replications.papers.static_activation_normalization.activations import ACTIVATIONS
from replications.papers.static_activation_normalization.claims import READINGS, trainable_depth, within_two_points
from replications.papers.static_activation_normalization.figures import depths, label
from replications.papers.static_activation_normalization.method import (
    gaussian_coefficients,
    interpolated,
    normalised,
)
from replications.study import MissingRecords, Records

Row = dict[str, object]


def constants() -> list[Row]:
    """Gaussian coefficients of every activation and of its normal forms."""
    rows: list[Row] = []
    for name, base in ACTIVATIONS.items():
        if name == "linear":
            continue
        found = gaussian_coefficients(base)
        a, z = (normalised(found, interpolated(found, c)) for c in (0.0, 1.0))
        rows.append(
            {
                "f": name,
                "μ": f"{found.mu:.10f}",
                "√v": f"{found.v**0.5:.10f}",
                "ν": f"{found.nu:.10f}",
                "ζ of A": f"{a.zeta:.6f}",
                "χ of A": f"{a.chi:.6f}",
                "χ of Z": f"{z.chi:.6f}",
            }
        )
    return rows


def sweep(records: Records) -> list[Row]:
    """Accuracy by depth of every network of the MNIST sweep, and how deep it trains."""
    rows: list[Row] = []
    for name in networks.networks():
        found: Row = {"network": label(name)}
        for depth in depths(records):
            condition = f"mnist-{depth}-{name}"
            if condition in records:
                accuracy, rates = (records.scalars(condition, m) for m in ("accuracy", "best_learning_rate"))
                found[f"depth {depth}"] = f"{accuracy.mean():.3f} ({np.median(rates):g})"
        if len(found) == 1:
            continue
        for title, estimand in (("learned to", trainable_depth), ("within 2 points to", within_two_points)):
            try:
                found[title] = f"{estimand(name)(records).mean():.1f}"
            except MissingRecords:
                found[title] = None
        rows.append(found)
    return rows


def divergences(records: Records) -> list[Row]:
    """Share of diverged runs and the median step of divergence, by network and depth, over learning rates and seeds."""
    rows: list[Row] = []
    for name in networks.networks():
        for depth in depths(records):
            condition = f"mnist-{depth}-{name}"
            if condition in records:
                at = np.concatenate(records.arrays(condition, "diverged_at"))
                gone = at[at >= 0]
                if len(gone):
                    share = f"{len(gone)} of {len(at)}"
                    rows.append(
                        {"network": label(name), "depth": depth, "diverged": share, "median step": np.median(gone)}
                    )
    return rows


def equal_rate(records: Records, rate: float = 1e-3) -> list[Row]:
    """Accuracy of SANF-A and both ReLUs at one learning rate instead of the best: the confound of the step size."""
    rows: list[Row] = []
    for depth in depths(records):
        row: Row = {"depth": depth}
        for name in ("relu-lecun", "relu-he", "sanf-a", "sanf-t"):
            condition = f"mnist-{depth}-{name}"
            rates = list(records[condition][0].config["learning_rates"])
            values = np.array(records.arrays(condition, "accuracy_by_rate"))
            row[label(name)] = f"{values[:, rates.index(rate)].mean():.3f} (best rate {values.max(1).mean():.3f})"
        rows.append(row)
    return rows


def controls(records: Records) -> list[Row]:
    """What our own choices change: optimiser, width, and resolution, beside the run of the sweep."""
    rows: list[Row] = []
    for control, depth in (("adam", 20), ("width64", 20), ("full", 10)):
        for name in networks.networks():
            condition, plain = f"{control}-{depth}-{name}", f"mnist-{depth}-{name}"
            if condition in records and plain in records:
                values = [records.scalars(c, "accuracy").mean() for c in (plain, condition)]
                rows.append(
                    {
                        "network": label(name),
                        "depth": depth,
                        "choice": control,
                        "sweep": values[0],
                        "changed": values[1],
                    }
                )
    return rows


def elsewhere(records: Records) -> list[Row]:
    """Accuracy on the other data sets: each reading less each baseline, mean over seeds."""
    rows: list[Row] = []
    for data in ("fashion-mnist", "cifar10"):
        for depth in depths(records, data):
            for ours, reading in READINGS.values():
                row: Row = {"data": data, "depth": depth, "reading": reading}
                for theirs in ("relu-lecun", "relu-he", "selu", "batch-norm"):
                    one, two = f"{data}-{depth}-{ours}", f"{data}-{depth}-{theirs}"
                    row[f"less {label(theirs)}"] = float(records.paired(one, two, "accuracy").mean())
                rows.append(row)
    return rows
