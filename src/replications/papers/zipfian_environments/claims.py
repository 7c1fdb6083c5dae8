"""The claims of the paper and the rules that judge them; rules and margins are fixed before the laptop runs."""

from __future__ import annotations

from replications.papers.zipfian_environments.estimands import (
    PLAIN,
    RARE,
    TRAIN,
    UNIFORM,
    at_least,
    every,
    gain,
    gap,
    grows,
    minus,
    of,
    order_decides,
    reconstruction_gain,
    remedies_below,
)  # fmt: skip
from replications.study import AllOf, BetterThan, Claim, EverySeed, Falsifier, Published, Within

LEARNT = 0.2  # success on the training law under which an agent has learnt too little to be compared; random is 0.04
LIFT = AllOf(
    EverySeed(at_least(of("lift", TRAIN), 0.9), "success of 0.9 or more on the training law"),
    EverySeed(at_least(minus(of("lift", TRAIN), of("lift", RARE)), 0.2), "at least 0.2 less on the rarest fifth"),
    EverySeed(
        at_least(minus(of("lift", UNIFORM), of("lift", RARE)), 0.02),
        "at least 0.02 less on the rarest fifth than on all",
    ),
    note="lifting in the stand-in room",
)
LIFT_CONTROL = EverySeed(
    every(
        at_least(of("lift_uniform", TRAIN), 0.5),
        at_least(minus(of("lift_uniform", RARE), of("lift_uniform", TRAIN)), -0.1),
    ),
    "the uniform-trained agent has learnt, to 0.5 or more, and loses at most 0.1 on the rarest fifth",
)
GAP = AllOf(
    EverySeed(
        at_least(minus(of("mlp_zipf_2", TRAIN), of("mlp_zipf_2", UNIFORM)), 0.1), "train - uniform of 0.1 or more"
    ),
    EverySeed(at_least(minus(of("mlp_zipf_2", UNIFORM), of("mlp_zipf_2", RARE)), 0.2), "uniform - rare of 0.2 or more"),
    note="Zipf's Gridworld, zipf_2",
)
GAP_CONTROL = EverySeed(
    every(
        at_least(of("mlp_uniform", UNIFORM), LEARNT),
        lambda records: of("mlp_uniform", RARE)(records) >= 0.9 * of("mlp_uniform", UNIFORM)(records),
    ),
    "the uniform-trained agent has learnt, and its rare success is at least 0.9 of its uniform success",
)
RECONSTRUCTION = AllOf(
    BetterThan(reconstruction_gain(RARE), unit="fraction"),
    BetterThan(reconstruction_gain(UNIFORM), unit="fraction"),
    note="gain in success, rare and uniform, less one spread over seeds; zipf_1; the best of three weights on the training law",
)
BYOL = AllOf(
    BetterThan(gain(PLAIN, "byol", RARE), unit="fraction"),
    BetterThan(gain(PLAIN, "byol", UNIFORM), unit="fraction"),
    note="loss in success, rare and uniform; zipf_1",
)
MEMORY = AllOf(
    EverySeed(
        lambda records: (
            (gain(PLAIN, "lstm", RARE)(records) <= 0.1) & (gain("transformer", "lstm", RARE)(records) <= 0.1)
        ),
        "no memory beats the LSTM by more than 0.1 on rare situations",
    ),
    EverySeed(
        every(*(at_least(of(name, TRAIN), LEARNT) for name in ("lstm", "transformer", PLAIN))),
        f"each has learnt: {LEARNT:g} or more on the training law",
    ),
    note="zipf_1",
)
PRIORITIES = AllOf(
    BetterThan(gain("replay_priorities", "replay_uniform", RARE), unit="fraction"),
    BetterThan(gain("replay_priorities", "replay_uniform", UNIFORM), unit="fraction"),
    note="gain in success, rare and uniform; Zipf's Gridworld, zipf_1",
)
FIND = AllOf(
    Within(gain("find_rl", "find_classifier", UNIFORM), 0.0, 0.05),
    Within(gain("find_rl", "find_classifier", RARE), 0.0, 0.05),
    EverySeed(
        every(*(at_least(minus(of(name, TRAIN), of(name, RARE)), 0.05) for name in ("find_rl", "find_classifier"))),
        "both fall by 0.05 or more from the training law to the rarest fifth",
    ),
    note="stand-in for the find task, α = 3",
)
REMEDIES = AllOf(
    EverySeed(
        remedies_below("mlp_uniform", 0.1),
        "every remedy is at least 0.1 below the uniform-trained agent on rare situations",
    ),
    EverySeed(at_least(of("mlp_uniform", RARE), LEARNT), "which has learnt"),
    note="Zipf's Gridworld, zipf_1 against uniform",
)
DOSE = EverySeed(grows(("mlp_uniform", "mlp_zipf_1", "mlp_zipf_2"), gap), "uniform - rare grows over α = 0, 1, 2")
ORDER = EverySeed(
    order_decides, "the first six levels return more forward than reversed, the last six the other way round"
)

CLAIMS = (
    Claim(
        "C1",
        "An agent that looks solved on its skewed training distribution fails on rare situations (Playroom, lifting: train 0.999, "
        "uniform 0.65, rarest fifth 0.59).",
        Published(0.59, "success, rare", "Figure 2, Tables 1 and 9", read=True),
        LIFT,
        evidence="fig-zipf-room",
        falsifier=Falsifier("trained on the uniform law, the same agent shows no such gap", LIFT_CONTROL),
    ),
    Claim(
        "C2",
        "The gap exists in all three worlds: in Zipf's Gridworld train 0.851, uniform 0.69, rare 0.24.",
        Published(0.24, "success, rare", "Tables 3 and 10; Table 2 for Labyrinth", read=True),
        GAP,
        evidence="fig-zipf-gap",
        falsifier=Falsifier("trained on the uniform law, rare situations are no harder", GAP_CONTROL),
    ),
    Claim(
        "C3",
        "Reconstructing the current observation from the memory helps moderately: in the Gridworld rare 0.24 to 0.29, uniform 0.69 to 0.80.",
        Published(0.29, "success, rare", "Tables 1, 2 and 3", read=True),
        RECONSTRUCTION,
        evidence="tab-zipf",
    ),
    Claim(
        "C4",
        "A BYOL-style loss hurts or fails: in the Gridworld uniform 0.31, rare 0.03.",
        Published(0.03, "success, rare", "Tables 2 and 3", read=True),
        BYOL,
        evidence="tab-zipf",
    ),
    Claim(
        "C5",
        "A gated Transformer-XL or no memory in place of the LSTM brings little or nothing on rare items: 0.22 and 0.13 against 0.24.",
        Published(0.22, "success, rare, Transformer-XL", "Table 3", read=True),
        MEMORY,
        evidence="tab-zipf",
    ),
    Claim(
        "C6",
        "Prioritised replay helps the replay agent: without priorities 0.51 uniform and 0.36 rare, against 0.61 and 0.44 (Playroom, putting).",
        Published(0.44, "success, rare, with priorities", "Section 5", read=True),
        PRIORITIES,
        evidence="tab-zipf",
    ),
    Claim(
        "C7",
        "An RL agent and a maximum-likelihood classifier degrade equally on the find task: uniform 0.78 and 0.79, rare 0.66 and 0.64.",
        Published(0.66, "success, rare, RL", "Table 4", read=True),
        FIND,
        evidence="tab-zipf-find",
    ),
    Claim(
        "C8",
        "V-MPO was worst, and possibly badly tuned: lifting 0.39 uniform and 0.40 rare, putting 0 and 0.",
        Published(0.40, "success, rare, lifting", "Table 1 and appendix A.5.2", read=True),
        reason="V-MPO is not implemented here, and the authors warn against reading much into differences between their baselines",
    ),
    Claim(
        "C9",
        "The remedies bring modest and inconsistent gains, and all stay far below what uniform training gives.",
        Published(None, "", "Section 5, stated without a table of uniform-trained agents", read=True),
        REMEDIES,
        evidence="tab-zipf",
    ),
    Claim(
        "P1",
        "Ours: the gap between uniform and rare grows with the exponent of the training law.",
        Published(None, "", "not in the paper, which trains at one exponent", read=True),
        DOSE,
        evidence="fig-zipf-gap",
    ),
    Claim(
        "P2",
        "Ours, after Table 2: reversing the order of the thirty levels moves the failure to the other end of the list.",
        Published(None, "", "Table 2 prints both orders; the levels here are others", read=True),
        ORDER,
        evidence="fig-zipf-levels",
    ),
)
