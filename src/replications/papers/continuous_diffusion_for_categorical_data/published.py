"""Tables 1 and 2 of the paper: AR-NLL (nats/token) and unigram entropy (nats), and which of our numbers stands beside each.

Absolute values are not comparable: theirs are 32,000 word pieces under a model of 1.3 billion parameters. Orders are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from replications.study import MissingRecords, Records


class Row(NamedTuple):
    """One line of a table: the paper's two numbers; our condition and the end of our metrics' names (None: not run)."""

    setting: str
    nll: float
    entropy: float
    condition: str | None = None
    suffix: str = ""


TABLE_1: dict[str, tuple[Row, ...]] = {
    "prediction": (
        Row("as it is", 4.392, 7.237, "chain"),
        Row("renormalised", 3.762, 6.946, "chain-renormalised"),
        Row("clamped", 3.881, 6.770, "chain-clamped"),
        Row("both", 3.895, 6.803),
    ),
    "dimension d": (
        Row("16; ours 2", 4.493, 7.268, "chain-d2"),
        Row("32; ours 4", 4.423, 7.237, "chain-d4"),
        Row("64; ours 8", 4.392, 7.222, "chain"),
        Row("256; ours 32", 4.398, 7.248, "chain-d32"),
    ),
    "initial σ": (
        Row("1e-4", 4.376, 7.226, "chain-sigma-0.0001"),
        Row("1e-3", 4.392, 7.237, "chain"),
        Row("0.1", 4.437, 7.257, "chain-sigma-0.1"),
        Row("1", 4.617, 7.251, "chain-sigma-1"),
    ),
    "self-conditioning": (
        Row("neither", 4.781, 7.224, "chain-no-self"),
        Row("training only", 4.892, 7.241, "chain", "_train_only"),
        Row("both", 4.392, 7.237, "chain"),
    ),
    "self-conditioning, one block": (
        Row("neither", 4.781, 7.224, "chain-thin-no-self"),
        Row("training only", 4.892, 7.241, "chain-thin", "_train_only"),
        Row("both", 4.392, 7.237, "chain-thin"),
    ),
    "time warping": (
        Row("neither", 5.091, 7.308, "chain-uniform", "_uniform_50"),
        Row("training only", 5.092, 7.311, "chain", "_uniform_50"),
        Row("both", 4.392, 7.237, "chain", "_warped_50"),
    ),
}
TABLE_2: dict[str, tuple[Row, ...]] = {
    "Euler, evaluations": tuple(
        Row(str(n), nll, h, "spacings", f"_warped_{n}")
        for n, nll, h in ((10, 5.039, 7.281), (20, 4.775, 7.270), (50, 4.546, 7.249), (100, 4.448, 7.241), (200, 4.392, 7.237))
    ),
    "Heun, evaluations": tuple(
        Row(str(n), nll, h, "spacings", f"_heun_{n}")
        for n, nll, h in ((10, 4.600, 6.955), (20, 4.350, 7.044), (50, 4.433, 7.196), (100, 4.414, 7.227), (200, 4.380, 7.231))
    ),
    "ρ, no warp": tuple(
        Row(f"{rho}", nll, h, "spacings", f"_{arm}_50")
        for rho, nll, h, arm in (
            (1, 5.068, 7.294, "uniform"), (2, 4.631, 7.256, "rho2"), (4, 4.534, 7.248, "rho4"), (8, 4.509, 7.246, "rho8"),
        )
    ),
    "ρ, warp": (
        Row("1", 4.392, 7.237, "spacings", "_warped_50"),
        Row("8", 4.443, 7.247, "spacings", "_warped_rho8_50"),
    ),
    "score temperature": tuple(
        Row(f"{a:g}", nll, h, "knobs", f" score T {a:g}")
        for a, nll, h in ((0.5, 2.830, 6.558), (0.8, 3.379, 7.010), (0.9, 3.838, 7.028), (0.95, 4.073, 7.118), (0.98, 4.253, 7.184))
    ),
    "softmax temperature": tuple(
        Row(f"{a:g}", nll, h, "knobs", f" softmax T {a:g}")
        for a, nll, h in ((0.5, 3.743, 6.708), (0.8, 4.041, 6.999), (0.9, 4.201, 7.112), (0.95, 4.294, 7.174), (0.98, 4.351, 7.211))
    ),
    "initial σ of the noise": tuple(
        Row(f"{a:g}", nll, h, "knobs", f" initial σ {a:g}")
        for a, nll, h in ((0.5, 3.852, 7.044), (0.8, 4.134, 7.137), (0.9, 4.256, 7.184), (0.95, 4.325, 7.210), (0.98, 4.364, 7.226))
    ),
    "nucleus": tuple(
        Row(f"{a:g}", nll, h, "knobs", f" nucleus {a:g}")
        for a, nll, h in ((0.5, 3.955, 6.965), (0.8, 4.217, 7.137), (0.9, 4.303, 7.188), (0.95, 4.348, 7.213), (0.98, 4.374, 7.228))
    ),
    "warp temperature, sampling": tuple(
        Row(f"{a:g}", nll, h, "knobs", f" warp T {a:g}")
        for a, nll, h in (
            (0.5, 4.444, 7.259), (0.8, 4.396, 7.239), (0.9, 4.394, 7.238), (1.2, 4.396, 7.236), (1.5, 4.410, 7.237),
            (2, 4.441, 7.238), (5, 4.662, 7.255), (10, 4.833, 7.269), (100, 5.043, 7.291),
        )
    ),
    "warp μ, sampling": tuple(
        Row(f"{a:g}", nll, h, "knobs", f" warp μ {a:g}")
        for a, nll, h in (
            (0.01, 4.392, 7.237), (0.02, 4.394, 7.236), (0.05, 4.394, 7.236), (0.1, 4.398, 7.236), (0.2, 4.402, 7.237),
            (0.5, 4.435, 7.238), (1, 5.070, 7.295),
        )
    ),
    "target shape, Beta(α, β)": tuple(
        Row(f"{a:g}, {b:g}", nll, h, "knobs", f" Beta {a:g} {b:g}")
        for a, b, nll, h in (
            (0.5, 0.5, 4.364, 7.238), (0.5, 1, 4.362, 7.224), (0.5, 2, 4.397, 7.230), (1, 0.5, 4.449, 7.242),
            (1, 2, 4.402, 7.236), (2, 0.5, 4.544, 7.236), (2, 1, 4.456, 7.238), (2, 2, 4.408, 7.225),
        )
    ),
    "guidance γ": (
        Row("1", 4.392, 7.237, "text"),
        *(
            Row(f"{g}", nll, h, "text", f" γ {g}")
            for g, nll, h in ((2, 4.157, 7.198), (4, 3.927, 7.157), (8, 3.731, 7.118), (16, 3.580, 7.100))
        ),
    ),
    "final prediction": (
        Row("nearest embedding", 4.394, 7.237, "chain", "nearest"),
        Row("most probable token", 4.392, 7.237, "chain"),
    ),
}  # fmt: skip


def ours(records: Records, row: Row) -> tuple[float, float] | None:
    """Our nll and entropy beside a row, mean over seeds; None where there is none."""
    if row.condition is None:
        return None
    try:
        if row.suffix == "nearest":
            return records.scalars(row.condition, "nearest").mean(), records.scalars(row.condition, "entropy").mean()
        nll, entropy = (records.scalars(row.condition, f"{key}{row.suffix}").mean() for key in ("nll", "entropy"))
    except MissingRecords:
        return None
    return float(nll), float(entropy)


def same_order(records: Records, rows: Sequence[Row]) -> tuple[int, int]:
    """Pairs of settings that we and the paper order alike by nll, and pairs in all; pairs that tie in print are left out."""
    known = [(row.nll, found[0]) for row in rows if (found := ours(records, row))]
    pairs = [(a, b) for i, a in enumerate(known) for b in known[i + 1 :] if a[0] != b[0]]
    return sum((a[0] < b[0]) == (a[1] < b[1]) for a, b in pairs), len(pairs)


def lines(records: Records, table: dict[str, tuple[Row, ...]]) -> Iterator[dict[str, object]]:
    """Lines of a table: the paper's numbers, ours, and for each group how many pairs are in the same order."""
    for group, rows in table.items():
        alike, pairs = same_order(records, rows)
        for index, row in enumerate(rows):
            found = ours(records, row)
            yield {
                "group": group if index == 0 else "",
                "setting": row.setting,
                "paper: AR-NLL": f"{row.nll:.3f}",
                "paper: entropy": f"{row.entropy:.3f}",
                "ours: NLL": f"{found[0]:.3f}" if found else None,
                "ours: entropy": f"{found[1]:.3f}" if found else None,
                "pairs in the same order": f"{alike} of {pairs}" if index == 0 and pairs else "",
            }
