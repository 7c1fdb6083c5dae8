"""The claims of the abstract (the body could not be read), and rules that were fixed before the recorded runs.

Margins: on MinAtar a tenth of what the dense network gains over random play, on Atari 0.05 of a human's gain. A dense
network that learned nothing makes the normalised interval wide, so that no rule can hold by it.
"""

from __future__ import annotations

import numpy as np

from replications.papers.bio_inspired_rl.aggregates import IQMAbove
from replications.papers.bio_inspired_rl.study import GPU_GAMES, MINATAR
from replications.study import AllOf, BetterThan, Claim, EverySeed, Exact, Falsifier, Published, Records
from replications.study.rules import Estimand

GAMES = tuple(MINATAR)
MARGIN = -0.1  # of the dense network's gain over random play
HNS_MARGIN = -0.05
NO_GPU = "needs the 100,000-step protocol, which has not run on a GPU yet"


def of(metric: str) -> Estimand:
    """A metric of the identities."""
    return lambda records: records.scalars("exact", metric)


def fewer(first: str, second: str) -> Estimand:
    """Whether `first` has fewer learned coefficients than `second` in every game, by seed."""

    def estimand(records: Records) -> np.ndarray:
        pairs = [records.paired(f"{game}-{first}", f"{game}-{second}", "coefficients") for game in GAMES]
        return np.all(np.array(pairs) < 0, axis=0)

    return estimand


def saved_updates(records: Records) -> np.ndarray:
    """log2 of Adam's over K-FAC's updates until the fixed score, mean over games, by seed."""
    logs = []
    for game in GAMES:
        adam, kfac = (
            dict(zip(records.seeds(name), records.scalars(name, "updates_to_threshold")))
            for name in (f"{game}-tucker-10", f"{game}-kfac-tucker-10")
        )
        logs.append([np.log2(adam[seed] / kfac[seed]) for seed in sorted(adam.keys() & kfac.keys())])
    return np.mean(logs, axis=0)


def adam_reached(records: Records) -> np.ndarray:
    """Whether Adam reached every game's fixed score, by seed."""
    return np.all([records.scalars(f"{game}-tucker-10", "reached") > 0 for game in GAMES], axis=0)


COMPRESSION = AllOf(
    IQMAbove("tucker-2", "dense", GAMES, MARGIN),
    IQMAbove("tucker-10", "dense", GAMES, MARGIN),
    first_decides=True,
    note="MinAtar; scores as shares of the dense network's gain over random play",
)
NARROW = IQMAbove("tucker-10", "narrow-10", GAMES)
ATARI_COMPRESSION = AllOf(
    IQMAbove("tucker-2", "dense", GPU_GAMES, HNS_MARGIN, human=True),
    IQMAbove("tucker-10", "dense", GPU_GAMES, HNS_MARGIN, human=True),
    first_decides=True,
    note="four Atari games, human-normalised",
)
ATARI_NARROW = IQMAbove("tucker-10", "narrow-10", GPU_GAMES, human=True)
SECOND_ORDER = AllOf(
    BetterThan(saved_updates, unit="doublings"),
    EverySeed(adam_reached, "Adam reaches the fixed score of every game"),
    note="log2 of Adam's over K-FAC's updates to a fixed score, the same network",
)
SCATTERING = AllOf(
    IQMAbove("scattering-tucker-10", "tucker-10", GAMES, MARGIN),
    EverySeed(fewer("scattering-tucker-10", "dense"), "fewer learned coefficients than the dense network"),
    first_decides=True,
    note="fixed wavelets in place of the learned convolution",
)
SCATTERING_NARROW = IQMAbove("scattering-tucker-10", "narrow-10", GAMES)
IDENTITIES = AllOf(
    Exact(of("count_error"), 0.0),
    Exact(of("full_rank_error"), 1e-12),
    Exact(of("scattering_count_error"), 0.0),
    Exact(of("scattering_stack_error"), 1e-6),
    Exact(of("projection_error"), 1e-12),
    Exact(of("kfac_error"), 1e-5),
    Exact(of("table_error"), 1e-3),
    note="counts; full-rank Tucker is dense; scattering; C51's projection; K-FAC is the natural gradient; the table",
)

CLAIMS = (
    Claim(
        "C1",
        "With little data, policies can be learned with two to ten times fewer coefficients in all, by tensor "
        "factorisation, at little to no loss of performance.",
        Published("2 to 10", "times fewer", "Abstract", read=True),
        COMPRESSION,
        evidence="fig-bio-compression",
        falsifier=Falsifier("a narrow dense network with as few coefficients must fall behind", NARROW),
    ),
    Claim(
        "C1-atari",
        "The same on Atari at 100,000 steps.",
        Published("2 to 10", "times fewer", "Abstract", read=True),
        ATARI_COMPRESSION,
        profile="gpu",
        evidence="fig-bio-compression",
        falsifier=Falsifier("a narrow dense network with as few coefficients must fall behind", ATARI_NARROW),
        reason=NO_GPU,
    ),
    Claim(
        "C2",
        "Progress in second-order optimisation helps in addition.",
        Published(None, "", "Abstract; that it is K-FAC is recalled", read=True),
        SECOND_ORDER,
        evidence="fig-bio-kfac",
    ),
    Claim(
        "C3",
        "Wavelet scattering can replace the learned filters of the first convolution, which leaves fewer learned "
        "coefficients still.",
        Published(None, "", "Abstract", read=True),
        SCATTERING,
        evidence="fig-bio-scattering",
        falsifier=Falsifier("a narrow dense network with as few coefficients must fall behind", SCATTERING_NARROW),
    ),
    Claim(
        "C4",
        "On Atari, results are comparable to recent data-efficient agents with an order of magnitude fewer weights.",
        Published("10", "times fewer", "Abstract; the agents compared with are recalled", read=True),
        reason="a ranking over 26 games at 100,000 steps needs far more than this machine; published scores are quoted, not ranked",
        evidence="tab-bio-published",
    ),
    Claim(
        "C5",
        "A table gives scores by game at several compressions beside SimPLe, Rainbow and Rainbow without noise.",
        Published(None, "", "a table of the paper", read=False),
        reason="the table could not be read, so there is no number to compare with",
    ),
    Claim(
        "P1",
        "Coefficients of the networks follow closed formulas, a full-rank Tucker layer is the dense layer, scattering has "
        "no learned coefficient, and K-FAC is the natural gradient where the Fisher matrix is a Kronecker product.",
        Published(None, "", "background: Hessel et al. 2018, van Hasselt et al. 2019 and others", read=False),
        IDENTITIES,
        profile="smoke",
        evidence="tab-bio-counts",
    ),
)
