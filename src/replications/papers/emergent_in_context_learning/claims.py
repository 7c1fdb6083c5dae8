"""The paper's claims and what later work found, with the rules that judge them, fixed before the runs.

All rules but those on drawings read the Gaussian bench. IC is accuracy on classes never seen, IW on trained classes that
the context lacks. A margin comes from small calibration runs with other seeds; the paper prints curves, not numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from replications.papers.emergent_in_context_learning.study import EXPONENTS, LAPTOP, architectures, bench
from replications.study import AllOf, BetterThan, Claim, EverySeed, Falsifier, Published, Records, Within

HIGH, LOW = 0.9, 0.1  # accuracies that count as having and as lacking an ability
FEW = 0.3  # IW that counts as low where IC has won, IC of a network that only copies a random label of the context
GAP = 0.3  # of accuracies between conditions
HOLDS = 0.7  # both abilities at once
ZIPF = [f"zipf-{a:g}" for a in EXPONENTS]
SWEEP = architectures(LAPTOP)

Predicate = Callable[[Records], np.ndarray]


def above(condition: str, metric: str, bound: float) -> Predicate:
    """In which seeds `metric` is at least `bound`."""
    return lambda records: records.scalars(condition, metric) >= bound


def below(condition: str, metric: str, bound: float) -> Predicate:
    """In which seeds `metric` is at most `bound`."""
    return lambda records: records.scalars(condition, metric) <= bound


def both(*predicates: Predicate) -> Predicate:
    """In which seeds all predicates hold."""

    def predicate(records: Records) -> np.ndarray:
        return np.asarray(np.all([part(records) for part in predicates], axis=0))

    return predicate


def stack(conditions: Sequence[str], metric: str) -> Callable[[Records], np.ndarray]:
    """`metric` of several conditions, (conditions, seeds)."""
    return lambda records: np.stack([records.scalars(condition, metric) for condition in conditions])


def in_order(conditions: Sequence[str], metric: str, sign: int = 1, slack: float = 0.05) -> Predicate:
    """In which seeds `metric` never falls (sign 1) or rises (-1) from one condition to the next by more than `slack`."""

    def predicate(records: Records) -> np.ndarray:
        steps = sign * np.diff(stack(conditions, metric)(records), axis=0)  # (conditions - 1, seeds)
        return np.asarray(steps.min(axis=0) >= -slack)

    return predicate


def more(after: str, before: str, metric: str) -> Callable[[Records], np.ndarray]:
    """`metric` of one condition minus that of another, by seed."""
    return lambda records: records.paired(after, before, metric)


def without_both(records: Records) -> np.ndarray:
    """In which seeds no network on a uniform class law ends with both abilities."""
    uniform = [n for n, config in bench(LAPTOP).items() if config.alpha == 0 and config.network == "transformer"]
    smaller = np.minimum(stack(uniform, "ic")(records), stack(uniform, "iw")(records))
    return np.asarray(smaller.max(0) < HOLDS)


def sweet_spot(records: Records) -> np.ndarray:
    """min(IC, IW of the ten most common classes) by exponent and seed, (exponents, seeds)."""
    return np.minimum(stack(ZIPF, "ic")(records), stack(ZIPF, "iw_top")(records))


def peaks_at(exponent: float) -> Predicate:
    """In which seeds the smaller of both abilities is largest at `exponent`, at least 0.7, and 0.3 above both ends."""

    def predicate(records: Records) -> np.ndarray:
        both_abilities, at = sweet_spot(records), EXPONENTS.index(exponent)
        value = both_abilities[at]
        ends = np.maximum(both_abilities[0], both_abilities[-1])
        return (both_abilities.argmax(0) == at) & (value >= HOLDS) & (value - ends >= GAP)

    return predicate


def best(kind: str, metric: str = "ic") -> Callable[[Records], np.ndarray]:
    """The largest `metric` over the four learning rates of an architecture, by seed."""
    return lambda records: stack(SWEEP[kind], metric)(records).max(0)


def recurrent_only(records: Records) -> np.ndarray:
    """In which seeds no recurrent network leaves the plateau, while one of them learns in weights."""
    kinds = ("lstm", "rnn", "gru")
    in_context = np.stack([best(kind)(records) for kind in kinds]).max(0)
    in_weights = np.stack([best(kind, "iw")(records) for kind in kinds]).max(0)
    return (in_context <= FEW) & (in_weights > 0.5)


def fades(condition: str) -> Predicate:
    """In which seeds IC falls by 0.3 from its peak while the training loss falls and IW rises."""
    return lambda records: (
        (records.scalars(condition, "ic_drop") >= GAP)
        & (records.scalars(condition, "loss_since_peak") < 0)
        & (records.scalars(condition, "iw_since_peak") > 0)
    )


def head_forms(records: Records) -> np.ndarray:
    """In which seeds both halves of the induction head are absent while IC < 0.5 and present at the end."""
    found = []
    for half in ("previous", "match"):
        curve, ic = records.curve("bursty-1", half)[1], records.curve("bursty-1", "ic")[1]
        first = np.array([row[level < 0.5].min() for row, level in zip(curve, ic)])
        found.append((first <= 0.2) & (records.scalars("bursty-1", half) >= 0.5))
    return np.asarray(found[0] & found[1])


def hybrid(records: Records) -> np.ndarray:
    """In which seeds few classes end with a low training loss, yet neither probe without the other's help is high."""
    few = "classes-128"
    return (
        (records.scalars(few, "loss") <= 0.1)
        & (records.scalars(few, "ic") <= FEW)
        & (records.scalars(few, "ic2") <= FEW)
        & (records.scalars(few, "iw") <= 0.9)
    )


IID = Falsifier(
    "uniform independent draws, no bursts: no in-context learning",
    EverySeed(
        both(below("bursty-0", "ic", LOW), below("bursty-0", "ic2", LOW)),
        f"p(bursty) = 0 ends with IC and IC2 of at most {LOW}",
    ),
)

CLAIMS: tuple[Claim, ...] = (
    Claim(
        "C1",
        "The larger the share of bursty sequences, the more in-context and the less in-weights learning.",
        Published(None, "", "Figure 2", read=False),
        AllOf(
            EverySeed(
                both(above("bursty-1", "ic", HIGH), below("bursty-1", "iw", FEW)),
                f"p = 1: IC at least {HIGH}, IW at most {FEW}",
            ),
            EverySeed(
                both(below("bursty-0", "ic", LOW), above("bursty-0", "iw", HIGH)),
                f"p = 0: IC at most {LOW}, IW at least {HIGH}",
            ),
            EverySeed(
                both(
                    in_order([f"bursty-{p}" for p in ("0", "0.5", "0.9", "1")], "ic"),
                    in_order([f"bursty-{p}" for p in ("0", "0.5", "0.9", "1")], "iw", -1),
                ),
                "in order over p = 0, 0.5, 0.9, 1, to within 0.05",
            ),
        ),
        evidence="fig-eicl-curves",
        falsifier=IID,
    ),
    Claim(
        "C2",
        "More classes give more in-context and less in-weights learning; bursts and many classes are both needed.",
        Published(None, "", "Figure 3", read=False),
        AllOf(
            EverySeed(
                both(above("bursty-1", "ic", HIGH), above("classes-2048", "ic", HIGH)),
                f"1,024 and 2,048 classes: IC at least {HIGH}",
            ),
            EverySeed(
                both(below("classes-128", "ic", 0.2), above("classes-128", "iw", 0.6)),
                "128 classes: IC at most 0.2, IW at least 0.6",
            ),
        ),
        evidence="fig-eicl-curves",
        falsifier=IID,
    ),
    Claim(
        "C3",
        "Several labels a class, one of them in any sequence, give more in-context learning.",
        Published(None, "", "Figure 4", read=False),
        EverySeed(
            lambda records: more("labels-4", "classes-512", "ic")(records) >= GAP,
            f"four labels a class against one, 512 classes: IC higher by at least {GAP}",
        ),
        evidence="fig-eicl-curves",
    ),
    Claim(
        "C4",
        "More variation within a class gives more in-context and less in-weights learning.",
        Published(None, "", "Figure 5", read=False),
        AllOf(
            EverySeed(
                lambda records: more("noise-0.75", "noise-0", "ic")(records) >= GAP,
                f"384 classes, ε = 0.75 against none: IC higher by at least {GAP}",
            ),
            EverySeed(
                lambda records: more("noise-0.75", "noise-3.2", "ic")(records) > 0,
                "variation that hides the class does not help: at ε = 3.2 IC is lower again",
            ),
        ),
        evidence="fig-eicl-curves",
    ),
    Claim(
        "C5",
        "With a uniform class law no model holds both abilities at the end of training.",
        Published(None, "", "sections 3.1 and 3.2", read=False),
        EverySeed(without_both, f"no transformer on a uniform law ends with both IC and IW of at least {HOLDS}"),
        evidence="fig-eicl-tradeoff",
    ),
    Claim(
        "C6",
        "Under a Zipfian law with exponent near 1 a model keeps both abilities; rare classes stay out of its weights.",
        Published(1.0, "exponent", "Figure 6", read=False),
        AllOf(
            EverySeed(
                peaks_at(1.0),
                f"8,192 classes: the smaller of IC and IW of the ten most common classes is largest at α = 1, at least "
                f"{HOLDS} and {GAP} above α = 0 and 2",
            ),
            EverySeed(below("zipf-1", "iw_rest", LOW), f"at α = 1 the other classes' IW is at most {LOW}"),
        ),
        evidence="fig-eicl-zipf",
        falsifier=Falsifier(
            "a uniform law: common classes do not exist, and IW of the first ten is low",
            EverySeed(below("zipf-0", "iw_top", FEW), f"α = 0: IW of the first ten classes is at most {FEW}"),
        ),
    ),
    Claim(
        "C7",
        "Recurrent networks of the same size never learn in context here, though they learn in weights.",
        Published(None, "", "Figures 7 and 8", read=False),
        AllOf(
            EverySeed(
                recurrent_only,
                f"best of LSTM, RNN and GRU over four learning rates: IC at most {FEW}, and IW above 0.5",
            ),
            EverySeed(
                lambda records: best("transformer")(records) >= HIGH,
                f"best transformer over the same rates: IC at least {HIGH}",
            ),
        ),
        evidence="fig-eicl-architectures",
    ),
    Claim(
        "C8",
        "Some runs first lean to in-context learning and drift to in-weights learning as training goes on.",
        Published(None, "", "section 3.1", read=False),
        EverySeed(fades("long"), f"p = 0.9, 8,000 steps: IC falls by {GAP} from its peak; loss falls, IW rises"),
        evidence="fig-eicl-transience",
        falsifier=Falsifier(
            "nothing but bursts: no drift within 3,000 steps",
            EverySeed(below("bursty-1", "ic_drop", LOW), f"p = 1: IC ends within {LOW} of its peak"),
        ),
    ),
    Claim(
        "C9",
        "The same holds with more classes in context, and with trained classes as the probe.",
        Published(None, "", "appendices C.3 and C.4", read=False),
        AllOf(
            EverySeed(
                both(above("copies-1", "ic", HOLDS), below("copies-1", "iw", FEW)),
                f"eight classes in context: IC at least {HOLDS}, IW at most {FEW}",
            ),
            EverySeed(above("bursty-1", "ic2", HIGH), f"trained classes with moved labels: at least {HIGH}"),
        ),
        evidence="tab-eicl-context",
        falsifier=IID,
    ),
    Claim(
        "I1",
        "On drawings of characters, bursts alone decide between in-context and in-weights learning.",
        Published("1/2 without bursts", "closed accuracy", "Figure 2", read=False),
        AllOf(
            EverySeed(
                both(above("image-bursty-1", "ic_closed", 0.8), below("image-bursty-1", "iw", FEW)),
                f"p = 1: closed accuracy on held-out characters at least 0.8, IW at most {FEW}",
            ),
            Within(
                lambda records: records.scalars("image-bursty-0", "ic_closed"), 0.5, 0.05, "closed accuracy", "p = 0"
            ),
            EverySeed(
                lambda records: more("image-bursty-0", "image-bursty-1", "iw")(records) >= GAP,
                f"p = 0 against 1: IW higher by at least {GAP}",
            ),
        ),
        evidence="fig-eicl-images",
        falsifier=Falsifier(
            "no bursts: closed accuracy stays at chance",
            EverySeed(below("image-bursty-0", "ic_closed", 0.6), "p = 0: closed accuracy at most 0.6"),
        ),
    ),
    Claim(
        "L1",
        "Later work: the jump is an induction head, a look at the previous token and a match of content.",
        Published(None, "", "Reddy 2023; Singh et al. 2024", read=False),
        EverySeed(
            head_forms,
            "attention of labels to the item before, and of the query to labels of its class: at most 0.2 at some time "
            "before IC is 0.5, at least 0.5 at the end",
        ),
        evidence="fig-eicl-head",
        falsifier=Falsifier(
            "no bursts: neither half forms",
            EverySeed(
                both(below("bursty-0", "previous", 0.2), below("bursty-0", "match", 0.2)), "p = 0: both at most 0.2"
            ),
        ),
    ),
    Claim(
        "L2",
        "Later work: weight decay delays the fading of in-context learning.",
        Published(None, "", "Singh et al. 2023", read=False),
        BetterThan(more("long-decay", "long", "ic"), unit="accuracy", note="decay 0.1 against none, after 8,000 steps"),
        evidence="fig-eicl-transience",
    ),
    Claim(
        "L3",
        "Later work: with few classes a network ends with weights that need the label in context, neither ability alone.",
        Published(None, "", "Singh et al. 2025", read=False),
        EverySeed(
            hybrid,
            f"128 classes: training loss at most 0.1 nats, IC and IC2 at most {FEW}, IW without support at most 0.9",
        ),
        evidence="fig-eicl-tradeoff",
    ),
    Claim(
        "L4",
        "Later work: recurrent networks and perceptrons can learn in context too, in other regimes.",
        Published(None, "", "Lee et al. 2023; Tong and Pehlevan 2024", read=False),
        reason="it takes other tasks than this paper's; claim C7 is judged in this regime alone",
    ),
    Claim(
        "L5",
        "Related findings on large language models trained on text.",
        Published(None, "", "section 4", read=False),
        reason="needs language models at scale",
    ),
)
