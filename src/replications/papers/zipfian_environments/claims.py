"""The claims of "Zipfian environments for reinforcement learning": to be written, one a falsifiable sentence of the paper.

A claim that can be tested has a rule, fixed before the runs:

    Claim(
        "C1",
        "the sentence",
        Published(72.5, "% top-1", "Table 5a", read=True),
        BetterThan(lambda records: records.paired("full", "ablated", "accuracy"), unit="points"),
        profile="laptop",
        evidence="fig-zipfian-environments-accuracy",
        falsifier=Falsifier("what must break it", ...),
    )
"""

from __future__ import annotations

from replications.study import Claim, Published

CLAIMS = (
    Claim(
        "C1",
        "the paper's first claim, not written yet",
        Published(None, "", "not written yet", read=False),
        rule=None,
        reason="not written yet",
    ),
)
