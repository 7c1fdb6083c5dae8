import math

import numpy as np
import pytest

from replications.study import AllOf, BetterThan, EverySeed, Exact, Ordered, Verdict, Within
from replications.study.rules import TooFewSeeds, finite
from replications.study.testing import fake_records


def of(condition, metric="m"):
    return lambda records: records.scalars(condition, metric)


def records(**conditions):
    return fake_records({name: {"m": values} for name, values in conditions.items()})


def verdict(rule, **conditions):
    return rule.judge(records(**conditions)).verdict()


def test_exact_takes_the_worst_error_and_refuses_nan():
    rule = Exact(of("a"), 1e-10)
    assert verdict(rule, a=[0.0, -1e-11]) is Verdict.REPRODUCED
    assert verdict(rule, a=[0.0, -2e-10]) is Verdict.NOT
    assert verdict(rule, a=[0.0, math.nan]) is Verdict.NOT


def test_better_than_wants_more_than_the_mean():
    rule = BetterThan(of("a"), margin=1.0)
    assert verdict(rule, a=[1.4, 1.5, 1.6]) is Verdict.REPRODUCED
    assert verdict(rule, a=[0.5, 3.0, 0.4]) is Verdict.PARTLY  # mean 1.3, but far from certain
    assert verdict(rule, a=[0.9, 0.8, 0.7]) is Verdict.NOT
    assert verdict(rule, a=[2.0, math.nan, 2.0]) is Verdict.NOT


def test_seeds_that_agree_exactly_are_counted_not_averaged():
    rule = BetterThan(of("a"))
    assert verdict(rule, a=[1.0] * 5) is Verdict.REPRODUCED  # p = 1/32
    assert verdict(rule, a=[1.0] * 3) is Verdict.PARTLY  # p = 1/8
    assert verdict(rule, a=[-1.0] * 5) is Verdict.NOT
    assert verdict(Within(of("a"), 1.0, 0.5), a=[1.2] * 5) is Verdict.REPRODUCED
    assert verdict(Within(of("a"), 1.0, 0.1), a=[1.2] * 5) is Verdict.NOT
    equal_but_for_rounding = np.array([0.93, 0.95, 0.97]) - np.array([0.83, 0.85, 0.87])
    assert verdict(rule, a=list(equal_but_for_rounding)) is Verdict.PARTLY


def test_within_is_an_equivalence_not_an_absent_difference():
    rule = Within(of("a"), target=10.0, tolerance=1.0)
    assert verdict(rule, a=[10.1, 9.9, 10.0, 10.05]) is Verdict.REPRODUCED
    assert verdict(rule, a=[8.0, 12.0, 10.1, 9.9]) is Verdict.PARTLY  # no difference shown, none excluded
    assert verdict(rule, a=[12.0, 12.1, 11.9]) is Verdict.NOT
    assert verdict(rule, a=[10.0, math.inf, 10.0]) is Verdict.NOT


def test_ordered_tests_every_step():
    rule = Ordered([of("a"), of("b"), of("c")])
    assert verdict(rule, a=[3.0, 3.1, 2.9], b=[2.0, 2.1, 2.2], c=[1.0, 0.9, 1.1]) is Verdict.REPRODUCED
    assert verdict(rule, a=[3.0, 3.1, 2.9], b=[1.0, 1.1, 1.2], c=[2.0, 1.9, 2.1]) is Verdict.PARTLY
    assert verdict(rule, a=[1.0, 1.1, 1.2], b=[2.0, 2.1, 2.3], c=[3.0, 3.2, 3.1]) is Verdict.NOT
    with pytest.raises(TooFewSeeds, match="paired by seed"):
        verdict(rule, a=[1.0, 2.0], b=[1.0], c=[1.0])


def test_every_seed_means_every_seed():
    rule = EverySeed(lambda r: r.scalars("a", "m") > 0, "a is positive")
    assert verdict(rule, a=[1, 2, 3]) is Verdict.REPRODUCED
    assert verdict(rule, a=[1, 2, -3]) is Verdict.PARTLY
    assert verdict(rule, a=[1, -2, -3]) is Verdict.NOT


def test_all_of_needs_all():
    rule = AllOf(Exact(of("a"), 1.0), BetterThan(of("b")))
    assert verdict(rule, a=[0.5], b=[1.0, 1.1, 1.2]) is Verdict.REPRODUCED
    assert verdict(rule, a=[2.0], b=[1.0, 1.1, 1.2]) is Verdict.PARTLY
    assert verdict(rule, a=[2.0], b=[-1.0, -1.1, -1.2]) is Verdict.NOT
    assert rule.judge(records(a=[0.5], b=[1.0, 1.1, 1.2])).p == BetterThan(of("b")).judge(records(b=[1.0, 1.1, 1.2])).p
    with pytest.raises(ValueError, match="at least two"):
        AllOf(Exact(of("a"), 1.0))


def test_an_adjusted_p_value_can_take_a_verdict_back():
    judgement = BetterThan(of("a")).judge(records(a=[1.0, 1.3, 0.7]))
    assert judgement.verdict() is Verdict.REPRODUCED
    assert judgement.verdict(p_adjusted=0.2) is Verdict.PARTLY
    both = AllOf(BetterThan(of("a")), BetterThan(of("b"))).judge(records(a=[1.0, 1.3, 0.7], b=[1.0, 1.3, 0.7]))
    assert both.verdict(p_adjusted=0.2) is Verdict.PARTLY


def test_one_seed_is_no_sample():
    for rule in (BetterThan(of("a")), Within(of("a"), 0.0, 1.0)):
        with pytest.raises(TooFewSeeds, match="needs at least 2 seeds, has 1"):
            verdict(rule, a=[1.0])


@pytest.mark.parametrize(
    "rule",
    [
        Exact(of("a"), 1e-3, note="why"),
        BetterThan(of("a"), 2.0, unit="points", note="why"),
        Within(of("a"), 2.0, 1.0, note="why"),
        Ordered([of("a"), of("b")], note="why"),
        EverySeed(of("a"), "it holds", note="why"),
        AllOf(Exact(of("a"), 1e-3), Exact(of("b"), 1e-3), note="why"),
    ],
)
def test_every_rule_says_itself_in_words(rule):
    assert "(why)" in rule.condition()
    assert rule.name.replace("_", "").isalpha()
    assert isinstance(rule.unit, str)


def test_json_has_no_nan():
    assert finite(math.nan) is None
    assert finite(None) is None
    assert finite(1.5) == 1.5
    assert np.isfinite(finite(2.0))


def test_a_first_rule_that_decides_says_no_for_all():
    losing, winning, wavering = [-1.0, -1.1, -0.9], [1.0, 1.1, 0.9], [1.0, 3.0, -0.9]

    def verdict(a, b, first_decides):
        rule = AllOf(BetterThan(of("a")), BetterThan(of("b")), first_decides=first_decides)
        return rule.judge(records(a=a, b=b)).verdict()

    assert verdict(losing, winning, first_decides=False) is Verdict.PARTLY
    assert verdict(losing, winning, first_decides=True) is Verdict.NOT
    assert verdict(winning, losing, first_decides=True) is Verdict.PARTLY
    assert verdict(wavering, winning, first_decides=True) is Verdict.PARTLY
    assert verdict(winning, winning, first_decides=True) is Verdict.REPRODUCED
    assert "; and, if so, " in AllOf(BetterThan(of("a")), BetterThan(of("b")), first_decides=True).condition()
