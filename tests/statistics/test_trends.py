"""The trend test against textbooks, against all orderings counted one by one, and against simulation."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replications.statistics import DegenerateSample, trend
from replications.statistics.trends import jonckheere, null_counts

# Hollander and Wolfe (1999), Nonparametric Statistical Methods, example 6.2: pieces produced under no, rough and
# accurate information on performance.
MOTIVATION = [[40, 35, 38, 43, 44, 41], [38, 40, 47, 44, 40, 42], [48, 40, 45, 43, 46, 44]]


def test_motivational_effect_in_hollander_and_wolfe():
    # p. 205: J = 79, mean 54; with ties variance 150.29, J* = 2.04, P = .0207.
    groups = [np.array(group, dtype=float) for group in MOTIVATION]
    assert jonckheere(groups) == 79
    found = trend(MOTIVATION)
    assert found.p == pytest.approx(0.0207, abs=5e-5)
    assert found.effect == pytest.approx((79 - 29) / 108)  # of 108 pairs
    assert found.n == 18


def test_speed_estimates_in_the_encyclopedia():
    # Wikipedia, "Jonckheere's trend test": contacted, bumped, smashed; z = 2.939 with the correction for ties.
    found = trend([[10, 12, 14, 16], [12, 18, 20, 22], [20, 25, 27, 30]])
    assert found.p == pytest.approx(0.5 * math.erfc(2.939 / math.sqrt(2)), rel=2e-3)


def test_slope_of_anscombes_first_set():
    # Anscombe (1973): slope 0.5001, standard error 0.1179, nine degrees of freedom; t(9) at 95 % is 1.833113.
    x = np.array([4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14], dtype=float)
    y = [4.26, 5.68, 7.24, 4.82, 6.95, 8.81, 8.04, 8.33, 10.84, 7.58, 9.96]
    found = trend([[value] for value in y], levels=x)
    assert found.estimate == pytest.approx(0.5001, abs=5e-5)
    assert found.interval.high - found.estimate == pytest.approx(1.833113 * 0.1179055, rel=1e-5)


@pytest.mark.parametrize("sizes", [(2, 2), (1, 1, 1, 1), (2, 1, 3), (2, 2, 2)])
def test_null_distribution_against_counting_every_ordering(sizes):
    n = sum(sizes)
    ends = np.cumsum([0, *sizes])
    counted = np.zeros(len(null_counts(sizes)), dtype=int)
    for ordering in itertools.permutations(range(n)):
        values = np.array(ordering, dtype=float)
        counted[round(jonckheere([values[a:b] for a, b in itertools.pairwise(ends)]))] += 1
    within = math.prod(math.factorial(size) for size in sizes)  # orderings inside a group do not matter
    assert (counted // within).tolist() == null_counts(sizes)


def test_null_distribution_has_the_published_moments():
    # Mean [N² − Σn²] / 4, variance [N²(2N + 3) − Σn²(2n + 3)] / 72 (Jonckheere 1954).
    sizes = (3, 5, 4)
    counts = np.array(null_counts(sizes), dtype=float)
    j, weights = np.arange(len(counts)), counts / counts.sum()
    mean = weights @ j
    assert counts.sum() == math.factorial(12) / (math.factorial(3) * math.factorial(5) * math.factorial(4))
    assert mean == pytest.approx((144 - 50) / 4)
    assert weights @ (j - mean) ** 2 == pytest.approx((144 * 27 - (9 * 9 + 25 * 13 + 16 * 11)) / 72)


def test_perfect_order_has_the_smallest_possible_p():
    found = trend([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
    assert found.p == 1 / 1680  # 9! / 3!³
    assert found.effect == 1.0
    assert trend([[7.0, 8.0, 9.0], [4.0, 5.0, 6.0], [1.0, 2.0, 3.0]]).p == 1.0


def test_two_untied_groups_are_mann_whitney():
    # Lehmann (1975), Table B: P(U ≤ 1) for 3 and 3 is .100; here one pair of nine falls.
    assert trend([[1.0, 2.0, 4.0], [3.0, 5.0, 6.0]]).p == pytest.approx(2 / 20)


def test_exact_and_normal_agree_for_large_samples():
    rng = np.random.default_rng(0)
    groups = [np.sort(rng.normal(0.3 * level, 1.0, 12)) for level in range(3)]
    groups[0][:2] = -9.0, -8.0  # the two smallest of all
    exact = trend(groups)
    groups[0][0] = -8.0  # a tie that leaves J alone and switches to the normal law
    tied = trend(groups)
    assert tied.effect == exact.effect
    assert 0.01 < exact.p < 0.5
    assert tied.p == pytest.approx(exact.p, abs=0.002)
    assert tied.p != exact.p


@given(
    st.lists(st.lists(st.integers(-20, 20), min_size=1, max_size=5), min_size=2, max_size=4).filter(
        lambda groups: len({value for group in groups for value in group}) > 1 and sum(map(len, groups)) > 2
    )
)
@settings(max_examples=80, deadline=None, derandomize=True)
def test_rank_test_is_blind_to_monotone_maps_and_turns_with_the_sign(groups):
    found = trend(groups)
    mapped = trend([[math.exp(value / 10) for value in group] for group in groups])
    turned = trend([[-value for value in group] for group in groups])
    assert mapped.p == pytest.approx(found.p)
    assert mapped.effect == pytest.approx(found.effect)
    assert turned.effect == pytest.approx(-found.effect)
    assert turned.estimate == pytest.approx(-found.estimate)
    assert turned.p + found.p >= 1 - 1e-9  # the observed arrangement counts in both tails


def test_a_true_null_is_rejected_at_the_level():
    rng = np.random.default_rng(1)
    rejected = np.mean([trend(list(rng.normal(size=(3, 4)))).p < 0.05 for _ in range(1500)])
    assert 0.025 <= rejected <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / 1500)


def test_degenerate_inputs_are_refused():
    for groups, says in (
        ([[1.0, 2.0]], "at least two groups"),
        ([[1.0], []], "group 1 needs at least 1"),
        ([[1.0], [2.0]], "at least 3"),
        ([[1.0, 1.0], [1.0]], "no variance"),
        ([[1.0, math.nan], [1.0]], "NaN"),
    ):
        with pytest.raises(DegenerateSample, match=says):
            trend(groups)
    for levels in ([0.0, 0.0, 1.0], [0.0, 1.0], [2.0, 1.0, 0.0]):
        with pytest.raises(ValueError, match="levels must increase"):
            trend(MOTIVATION, levels)
