"""Multipliers at the start, their order, and the Σηλ that they share."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from replications.papers.complexity_gradient_descent import method, schedules
from replications.papers.complexity_gradient_descent.schedules import SCHEDULES

E = schedules.rates("cosine", 200)
KNOWN = [name for name, found in SCHEDULES.items() if not found.by_loss]
BY_LOSS = [name for name, found in SCHEDULES.items() if found.by_loss]


def at_loss(name: str, loss: float) -> float:
    one = torch.ones(1, dtype=torch.float64)
    return float(SCHEDULES[name].multiplier(one, loss * one, 0.0 * one))


@pytest.mark.parametrize("name", [name for name in SCHEDULES if name not in ("increasing", "late")])
def test_every_decreasing_schedule_and_the_inverse_start_at_one(name: str) -> None:
    assert at_loss(name, 1.0) == pytest.approx(1.0)


@pytest.mark.parametrize("name", ["sqrt-rate", "rate", "rate-squared", "exponential", "early"])
def test_annealed_schedules_never_rise(name: str) -> None:
    assert (schedules.multipliers(name, E).diff() <= 0.0).all()


def test_powers_of_the_rate() -> None:
    for name, power in (("sqrt-rate", 0.5), ("rate", 1.0), ("rate-squared", 2.0)):
        torch.testing.assert_close(schedules.multipliers(name, E), E**power)


def test_inverse_keeps_the_intrinsic_rate_until_its_cap() -> None:
    product = E * schedules.multipliers("inverse", E)
    capped = E < 1.0 / schedules.CAP
    torch.testing.assert_close(product[~capped], torch.ones_like(product[~capped]))
    assert capped.any()
    torch.testing.assert_close(schedules.multipliers("inverse", E)[capped], torch.full_like(E[capped], schedules.CAP))


def test_controls_and_the_end_of_the_exponential() -> None:
    assert float(schedules.multipliers("increasing", E)[0]) == 0.0
    early, late = (schedules.multipliers(name, E) for name in ("early", "late"))
    assert torch.equal(early + late, torch.ones_like(E))
    assert early.sum() == 100
    assert float(schedules.multipliers("exponential", E)[-1]) == pytest.approx(0.01 ** (199 / 200))


@pytest.mark.parametrize("name", BY_LOSS)
def test_schedules_of_the_loss_fall_with_it_and_do_not_rise_above_one(name: str) -> None:
    values = [at_loss(name, loss) for loss in (0.0, 0.1, 0.4, 0.7, 1.0, 3.0)]
    assert values == sorted(values)
    assert values[-1] == pytest.approx(1.0)
    assert values[0] >= 0.0


@given(st.floats(0.0, 1.0))
def test_complexity_driven_is_the_share_that_remains_below_the_level_of_the_loss(loss: float) -> None:
    level = (1.0 - loss) * method.lowest(0.3)
    expected = float(method.remaining(level, 0.3)) / float(method.sigma(0.3))
    assert at_loss("complexity", loss) == pytest.approx(expected, abs=1e-9)


def test_no_complexity_is_left_at_a_loss_of_zero() -> None:
    assert at_loss("complexity", 0.0) == pytest.approx(0.0, abs=1e-9)


@given(st.floats(0.5, 1.0))
def test_index_held_keeps_the_index_while_it_is_not_cut(loss: float) -> None:
    level, mu = (1.0 - loss) * schedules.LOWEST, at_loss("index", loss)
    assert float(method.index(level, mu)) == pytest.approx(float(method.index(0.0, 1.0)), abs=1e-9)


@pytest.mark.parametrize("annealing", ["cosine", "steps", "constant"])
@pytest.mark.parametrize("name", KNOWN)
def test_one_grid_value_means_one_integrated_shrink(name: str, annealing: str) -> None:
    e = schedules.rates(annealing, 90)
    if float((e * schedules.multipliers(name, e)).sum()) == 0.0:
        assert (name, annealing) == ("increasing", "constant")
        return
    shrink = schedules.start(name, 0.01, e) * float((e * schedules.multipliers(name, e)).sum())
    assert shrink == pytest.approx(0.01 * float(e.sum()))


def test_rates() -> None:
    assert float(schedules.rates("cosine", 10)[0]) == 1.0
    assert schedules.rates("steps", 9).tolist() == pytest.approx([1.0] * 3 + [0.1] * 3 + [0.01] * 3)
    assert schedules.rates("constant", 3).tolist() == [1.0] * 3


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must be 0 or more and finite, got -0\.1"):
        schedules.start("constant", -0.1, E)
    with pytest.raises(ValueError, match="must be 0 or more and finite, got inf"):
        schedules.start("loss", math.inf, E)
    with pytest.raises(ValueError, match="unknown schedule 'linear'"):
        schedules.schedule("linear")
    with pytest.raises(ValueError, match="unknown annealing 'linear'"):
        schedules.rates("linear", 10)
    with pytest.raises(ValueError, match="0 steps"):
        schedules.rates("cosine", 0)
    with pytest.raises(ValueError, match="'loss' follows the loss"):
        schedules.multipliers("loss", E)
