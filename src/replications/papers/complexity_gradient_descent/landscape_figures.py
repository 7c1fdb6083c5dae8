"""Figures of the random landscapes: complexity, counts, Hessian spectra and index, annealing. All from the records of one profile."""

from __future__ import annotations

import numpy as np

from replications.figures import band, figure, palette
from replications.papers.complexity_gradient_descent import method
from replications.papers.complexity_gradient_descent.fields import BINS, HIGH, PATHS, mu_path
from replications.papers.complexity_gradient_descent.study import COUNTED
from replications.study import Records

TITLES = {
    "fixed": "constant",
    "down": f"down from {HIGH:g}",
    "up": "up from 0",
    "jump": f"{HIGH:g}, then jump",
    "origin": "constant, from w = 0",
}
GUIDES = (1.0, 0.5, 0.25)  # (μ − ε)/2 along which the index is drawn


def scale(records: Records) -> str:
    """The scale of the descents in words, for captions."""
    config, seeds = records["anneal"][0].config, len(records["anneal"])
    return (
        f"profile {records.profile}: N = {config['dimension']}, {config['features']} random features, "
        f"{seeds} seed{'s' if seeds > 1 else ''} of {config['fields']} fields"
    )


def sigma(records: Records) -> None:
    """Σ(μ) and its Monte Carlo estimates; what is missing to the limit, times N."""
    config = records["kac-rice"][0].config
    sizes, mus = config["sizes"], np.array(config["mus"])
    found = np.array(records.arrays("kac-rice", "sigma"))  # (seeds, sizes, μ)
    excess = np.array(records.arrays("kac-rice", "excess"))
    alt = (
        "Left: the complexity Σ of the random landscape against the L2 coefficient μ, falling to 0 at the critical value 1, with "
        "Monte Carlo estimates at several dimensions N. Right: N times the difference of estimate and limit, against N, a line for each μ."
    )
    with figure(alt, name="cgd-sigma", width=7.4, height=3.0) as fig:
        left, right = fig.subplots(1, 2)
        grid = np.linspace(0.1, 1.4, 131)
        left.plot(grid, method.sigma(grid), color="black", label="limit")
        for index, size in enumerate(sizes):
            line = palette.line(index) | {"linestyle": "none"}
            left.plot(mus, found[:, index].mean(0), label=f"N = {size}", **line)
        left.set(xlabel="μ/μ_c", ylabel="(1/N) ln E(stationary points)")
        left.legend(fontsize=7)
        for index, mu in enumerate(mus):
            band(right, sizes, excess[:, :, index], f"μ = {mu:g}", index)
        x = np.array(sizes, dtype=float)
        right.plot(x, 1.0 + 0.5 * np.log(x / x[0]), color="grey", linewidth=0.8, linestyle=":", label="1 + ½ ln(N/N₀)")
        right.set(xscale="log", xlabel="N", ylabel="N (Σ_N − Σ)", ylim=(0, None))
        right.set_xticks(x, [str(size) for size in sizes])
        right.minorticks_off()
        right.legend(fontsize=7)


def counts(records: Records) -> None:
    """Stationary points counted in sampled fields against the exact mean."""
    names = [(n, mu, f"count-{n}d-{mu:g}") for n, mu in COUNTED if f"count-{n}d-{mu:g}" in records]
    alt = (
        "Left: exact mean number of stationary points against the L2 coefficient μ, in one and two dimensions, and the mean "
        "number counted in sampled fields. Right: counted over exact, a point for each seed, with the tolerance of the claim dotted."
    )
    with figure(alt, name="cgd-counts", width=7.0, height=2.8) as fig:
        left, right = fig.subplots(1, 2)
        grid = np.geomspace(0.2, 2.0, 61)
        for dimension in (1, 2):
            line = {"color": palette[dimension - 1], "linestyle": "-"}
            exact = [method.expected_count(dimension, mu) for mu in grid]
            left.plot(grid, exact, label=f"exact, {dimension} dimension{'s' * (dimension > 1)}", **line)
        for place, (dimension, mu, name) in enumerate(names):
            color = palette[dimension - 1]
            values = records.scalars(name, "count_ratio")
            left.plot([mu], [records.scalars(name, "count").mean()], "o", color=color)
            right.plot([place] * len(values), values, "o", markersize=4, color=color)
        left.set(xscale="log", yscale="log", xlabel="μ/μ_c", ylabel="mean number of stationary points")
        left.legend(fontsize=7)
        for level in (0.95, 1.05):
            right.axhline(level, linewidth=0.8, linestyle=":", color="grey")
        right.set_xticks(range(len(names)), [f"{n}-d,\nμ = {mu:g}" for n, mu, _ in names], fontsize=7)
        right.set_ylabel("counted / exact")


def levels(records: Records) -> None:
    """Map of Σ(ε, μ), lines of equal index, and where descents with different paths of μ go."""
    config = records["anneal"][0].config
    last, steps = config["mus"][0], config["steps"]
    every = max(1, steps // 50)
    mus, energies = np.linspace(0.05, 1.5, 88), np.linspace(-3.0, 1.0, 81)
    values = np.array([method.sigma_at(energies, mu) for mu in mus]).T  # (ε, μ)
    alt = (
        f"Map of the complexity at level ε (vertical) and L2 coefficient μ (horizontal), blank where it is negative and no stationary "
        f"point is expected. Dotted straight lines join points of equal index. Five paths show descents that end at μ = {last:g}: "
        "with constant μ, with μ falling, rising or jumping, and from the origin."
    )
    with figure(alt, name="cgd-levels", width=5.6, height=3.8) as fig:
        ax = fig.subplots()
        shown = np.where(values >= 0.0, values, np.nan)
        extent = (mus[0], mus[-1], energies[0], energies[-1])
        image = ax.imshow(shown, origin="lower", extent=extent, aspect="auto", vmin=0.0, interpolation="nearest")
        fig.colorbar(image, label="Σ(ε, μ)")
        for y in GUIDES:
            share = float(method.index(0.0, 2.0 * y))
            ax.plot(mus, mus - 2.0 * y, linewidth=0.8, linestyle=":", color="grey")
            ax.text(1.5, 1.5 - 2.0 * y, f"α = {share:.2f}", fontsize=7, va="bottom", ha="right")
        for index, name in enumerate(PATHS):
            trace = np.array(records.arrays("anneal", "trace"))[:, 0, index].mean(0)  # (times,)
            ax.plot(
                mu_path(name, last, steps)[::every], trace, label=TITLES[name], **palette.line(index), markevery=[0, -1]
            )
        ax.set(xlabel="μ/μ_c", ylabel="ε = V/N", xlim=(0, 1.55), ylim=(energies[0], energies[-1]))
        ax.grid(False)
        ax.legend(fontsize=6.5, loc="lower right")


def index(records: Records) -> None:
    """Index along descents against α(V/N, μ); eigenvalues of the Hessian against the semicircle."""
    mus = records["index"][0].config["mus"]
    middle = len(mus) // 2
    alt = (
        "Above: fraction of negative eigenvalues of the Hessian along gradient descent, measured and predicted from the energy, a panel "
        f"for each L2 coefficient. Below: histograms of all eigenvalues at μ = {mus[middle]:g} before, midway through and after the "
        "descent, with the semicircle of radius 2 around μ − ε, and zero marked."
    )
    with figure(alt, name="cgd-index", width=7.6, height=4.6) as fig:
        above, below = fig.subplots(2, max(3, len(mus)), sharey="row")
        for ax, mu in zip(above, mus):
            for place, (name, title) in enumerate((("index", "measured"), ("theory", "α(V/N, μ)"))):
                steps, values = records.curve("index", f"{name}_{mu:g}")
                band(ax, steps + 1.0, values, title, place)
            ax.axhline(float(method.index(0.0, mu)), linewidth=0.8, linestyle=":", color="grey")
            ax.set(title=f"μ = {mu:g}", xlabel="step + 1", xscale="log")
        above[0].set_ylabel("negative share")
        above[0].legend(fontsize=7)
        histogram = np.sum(records.arrays("index", "histogram"), axis=0)[:, middle]  # (times, bins)
        energy = np.mean(records.arrays("index", "histogram_energy"), axis=0)[:, middle]
        for ax, when, seen, level in zip(below, ("before", "midway", "after"), histogram, energy):
            density = seen / (seen.sum() * np.diff(BINS))
            ax.bar(0.5 * (BINS[:-1] + BINS[1:]), density, width=np.diff(BINS), color=palette["blue"], alpha=0.5)
            centre = mus[middle] - level
            x = centre + np.linspace(-2.0, 2.0, 101)
            ax.plot(x, np.sqrt(np.maximum(4.0 - (x - centre) ** 2, 0.0)) / (2.0 * np.pi), color=palette["orange"])
            ax.axvline(0.0, linewidth=0.8, linestyle=":", color="grey")
            ax.set(title=f"{when}: ε = {level:.2f}", xlabel="eigenvalue of the Hessian")
        below[0].set_ylabel(f"density, μ = {mus[middle]:g}")


def anneal(records: Records) -> None:
    """Energies along descents to the smallest μ, and last energies of every path less that of constant μ."""
    mus = records["anneal"][0].config["mus"]
    steps = records["anneal"][0].config["steps"]
    alt = (
        f"Left: energy V/N along descents that end at μ = {mus[0]:g}, one curve for each path of the L2 coefficient. Right: last energy of "
        "each path, penalty included, less that of the descent with constant μ from the same start, against the last μ; below zero "
        "the path ends deeper."
    )
    with figure(alt, name="cgd-anneal", width=7.4, height=3.0) as fig:
        left, right = fig.subplots(1, 2)
        trace = np.array(records.arrays("anneal", "trace"))[:, 0]  # (seeds, paths, times)
        x = np.arange(trace.shape[2]) * max(1, steps // 50)
        for place, name in enumerate(PATHS):
            band(left, x, trace[:, place], TITLES[name], place)
            won = [
                records.scalars("anneal", f"energy_{name}_{mu:g}") - records.scalars("anneal", f"energy_fixed_{mu:g}")
                for mu in mus
            ]
            band(right, mus, np.array(won).T, TITLES[name], place)
        left.set(xlabel="step", ylabel=f"V/N, last μ = {mus[0]:g}")
        left.legend(fontsize=7)
        right.axvline(method.CRITICAL, linewidth=0.8, linestyle=":", color="grey")
        right.set(xlabel="last μ/μ_c", ylabel="H/N less that of constant μ")
