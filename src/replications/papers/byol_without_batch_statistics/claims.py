"""The paper's claims, the rules that judge them and what must break them (Richemond et al. 2020).

C1 to C6 are the paper's. E1 to E4 are exact facts of its method, which it does not number.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from replications.papers.byol.tuning import trial
from replications.papers.byol_without_batch_statistics.study import RATES
from replications.study import (
    AllOf,
    BetterThan,
    Claim,
    EverySeed,
    Exact,
    Falsifier,
    Published,
    Records,
    Within,
)

POINT = 0.1  # spread of the embedding below which it has collapsed, of 1
SPREAD = 0.3  # and above which it has not
CHANCE = 0.03  # kNN accuracy above the untrained encoder that a collapsed network may show
GAIN = 0.05  # and above which a network has learnt
ROUNDING = 1e-11  # relative, in double precision
DEPENDS = 1e-3  # relative, above which something depends on the batch

FACT = Published(None, "", "follows from the definitions; no number printed", read=True)
ABSENT = "a summary that quotes the paper"


def gain(arm: str) -> Callable[[Records], np.ndarray]:
    """kNN accuracy above that of the same encoder before training."""
    return lambda records: records.scalars(arm, "knn") - records.scalars(arm, "knn_random")


def above(arm: str, other: str) -> Callable[[Records], np.ndarray]:
    """kNN accuracy of one arm minus that of another, paired by seed."""
    return lambda records: records.paired(arm, other, "knn")


def collapsed(arm: str) -> Callable[[Records], np.ndarray]:
    """In which seeds the embedding is a point and neighbours are about those of the untrained encoder."""
    return lambda records: (records.scalars(arm, "std") < POINT) & (gain(arm)(records) <= CHANCE)


def collapsed_at_every_rate(records: Records) -> np.ndarray:
    """In which seeds the network without norms collapsed in all trials of its learning rate."""
    return np.all([collapsed(trial("none", rate))(records) for rate in RATES], axis=0)


def close(arm: str, margin: float) -> Callable[[Records], np.ndarray]:
    """In which seeds an arm has learnt and ends within `margin` of batch norm everywhere."""
    return lambda records: (gain(arm)(records) > GAIN) & (np.abs(above(arm, "bn")(records)) <= margin)


def group_norm_close(records: Records) -> np.ndarray:
    """In which seeds group norm is within six points of batch norm and not below the affine network."""
    return close("gn_ws", 0.06)(records) & (above("gn_ws", "affine")(records) >= 0)


def fact(*names: str) -> Callable[[Records], np.ndarray]:
    """Errors of exact facts, all seeds of each."""
    return lambda records: np.concatenate([records.scalars("identities", name) for name in names])


def large(*names: str) -> Callable[[Records], np.ndarray]:
    """In which seeds each of several errors is far above rounding."""
    return lambda records: np.all([records.scalars("identities", name) > DEPENDS for name in names], axis=0)


INDEPENDENT = Exact(
    fact("loss_change_gn_ws", "gradient_change_gn_ws", "leak_gn_ws"), ROUNDING, "relative", "group norm"
)

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="C1",
        statement="Without any batch norm, and with nothing in its place, BYOL collapses.",
        published=Published(0.1, "% top-1, 300 epochs", f"ablation table, from {ABSENT}", read=False),
        rule=AllOf(
            EverySeed(
                collapsed("none"),
                f"spread below {POINT} and kNN accuracy at most {CHANCE} above the untrained encoder",
                note="at the selected learning rate",
            ),
            EverySeed(collapsed_at_every_rate, "the same at every learning rate tried", note="short trials"),
        ),
        evidence="fig-bs-spread",
        falsifier=Falsifier(
            "with batch norm everywhere the same test must fail",
            EverySeed(lambda records: ~collapsed("bn")(records), "batch norm does not collapse"),
        ),
    ),
    Claim(
        id="C2",
        statement="Batch norm in the encoder alone is nearly enough.",
        published=Published("72.1, against 72.5 with it everywhere", "% top-1", f"the same, from {ABSENT}", read=False),
        rule=AllOf(
            EverySeed(close("encoder_bn", 0.08), f"gains {GAIN} and ends within 0.08 of batch norm everywhere"),
            Within(above("encoder_bn", "bn"), 0.0, 0.02, "kNN accuracy", "against batch norm everywhere"),
            unit="seeds within 0.08",
            first_decides=True,
        ),
        evidence="fig-bs-layouts",
    ),
    Claim(
        id="C3",
        statement="SimCLR, which has negatives, still learns without batch norm.",
        published=Published(None, "", "the same table; its number could not be read", read=False),
        rule=BetterThan(gain("simclr_none"), GAIN, "kNN accuracy", "above the untrained encoder"),
        evidence="fig-bs-layouts",
        falsifier=Falsifier(
            "BYOL in the same networks must not pass the same test",
            EverySeed(lambda records: gain("none")(records) <= GAIN, f"BYOL without norms gains at most {GAIN}"),
        ),
    ),
    Claim(
        id="C4",
        statement="Without batch norm, affine layers with a good, data-dependent initialisation are enough to learn.",
        published=Published(65.7, "% top-1", f"section on initialisation, from {ABSENT}", read=False),
        rule=AllOf(
            BetterThan(above("affine", "none"), CHANCE, "kNN accuracy", "above no norm: a difference at all"),
            BetterThan(above("affine", "none"), 0.1, "kNN accuracy", "above no norm"),
            BetterThan(gain("affine"), GAIN, "kNN accuracy", "above the untrained encoder"),
            first_decides=True,
        ),
        evidence="fig-bs-layouts",
        falsifier=Falsifier(
            "without that initialisation nothing must be learnt",
            EverySeed(lambda records: gain("none")(records) <= GAIN, f"no norm gains at most {GAIN}"),
        ),
    ),
    Claim(
        id="C5",
        statement="Group norm with weight standardisation, which uses no batch statistics, matches batch norm.",
        published=Published("73.9, against 74.3", "% top-1, 1000 epochs", "abstract", read=True),
        rule=AllOf(
            EverySeed(
                group_norm_close, f"gains {GAIN}, ends within 0.06 of batch norm and not below the affine network"
            ),
            Within(above("gn_ws", "bn"), 0.0, 0.02, "kNN accuracy", "against batch norm everywhere"),
            EverySeed(lambda records: records.scalars("gn_ws", "std") > SPREAD, f"spread above {SPREAD}"),
            INDEPENDENT,
            unit="seeds within 0.06",
            first_decides=True,
        ),
        evidence="fig-bs-layouts",
    ),
    Claim(
        id="C6",
        statement="So batch statistics are not what keeps BYOL from collapsing.",
        published=Published(None, "", "abstract", read=True),
        rule=AllOf(
            BetterThan(gain("gn_ws"), GAIN, "kNN accuracy", "group norm above the untrained encoder"),
            INDEPENDENT,
            first_decides=True,
        ),
        evidence="fig-bs-spread",
        falsifier=Falsifier(
            "without norms of any kind the gain must go",
            EverySeed(lambda records: gain("none")(records) <= GAIN, f"no norm gains at most {GAIN}"),
        ),
    ),
    Claim(
        id="E1",
        statement="With group norm and weight standardisation, or with affine layers, a sample's loss and gradient do not "
        "change when all other samples are replaced, and reach no other sample's pixels.",
        published=FACT,
        rule=Exact(
            fact(
                *(f"{what}_{arm}" for arm in ("gn_ws", "affine") for what in ("loss_change", "gradient_change", "leak"))
            ),
            ROUNDING,
            "relative",
        ),
        profile="smoke",
        evidence="tab-bs-exact",
        falsifier=Falsifier(
            "with batch norm all three must depend on the other samples",
            EverySeed(large("loss_change_bn", "gradient_change_bn", "leak_bn"), f"each above {DEPENDS}"),
        ),
    ),
    Claim(
        id="E2",
        statement="Without batch statistics, gradients accumulated over parts of a batch equal the gradient of the whole, and "
        "its loss is the mean of losses taken one sample at a time.",
        published=FACT,
        rule=Exact(
            fact("accumulation_gn_ws", "accumulation_affine", "alone_gn_ws", "alone_affine"), ROUNDING, "relative"
        ),
        profile="smoke",
        evidence="tab-bs-exact",
        falsifier=Falsifier(
            "with batch norm the accumulated gradient must differ",
            EverySeed(large("accumulation_bn"), f"by more than {DEPENDS}"),
        ),
    ),
    Claim(
        id="E3",
        statement="Standardised weights have rows of mean 0 and variance 1, do not change under a shift or a positive scale, "
        "and their gradient is orthogonal to both; a convolution with them sees no constant.",
        published=FACT,
        rule=Exact(fact("ws_rows", "ws_invariance", "ws_gradient", "ws_constant"), ROUNDING),
        profile="smoke",
        evidence="tab-bs-exact",
    ),
    Claim(
        id="E4",
        statement="On the batch of its initialisation, the affine network computes what the network with batch norm does.",
        published=FACT,
        rule=Exact(fact("affine_same"), ROUNDING, "relative"),
        profile="smoke",
        evidence="tab-bs-exact",
        falsifier=Falsifier(
            "on another batch it must not", EverySeed(large("affine_elsewhere"), f"differs by more than {DEPENDS}")
        ),
    ),
)
