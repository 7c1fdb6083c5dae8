"""The duality and the losses: closed forms, oracles, properties."""

import math

import numpy as np
import pytest
import scipy.optimize
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from replications.papers.policy_gradients_soft_q import gradients, method

SEEDS = st.integers(0, 2**31)
SIZES = st.sampled_from([2, 5, 50])
TAUS = st.sampled_from([0.01, 0.1, 1.0, 10.0])
QUICK = settings(max_examples=25, deadline=None)


def case(seed, n, batch=64):
    generator = torch.Generator().manual_seed(seed)
    q, mu, pi = (gradients.normal(generator, batch, n) for _ in range(3))
    return q, torch.log_softmax(mu, -1), torch.log_softmax(pi, -1)


@given(SEEDS, SIZES, TAUS)
@QUICK
def test_gap_identity(seed, n, tau):
    """V_τ(q) - η(π) = τ KL(π‖π_q) ≥ 0 for every π."""
    q, log_mu, log_pi = case(seed, n)
    gap = method.duality_gap(log_pi, q, log_mu, tau)
    divergence = tau * method.kl(log_pi, method.soft_policy(q, log_mu, tau))
    torch.testing.assert_close(gap, divergence, rtol=0, atol=1e-12)
    assert gap.min() >= 0.0


def test_gap_identity_fails_for_another_policy():
    q, log_mu, log_pi = case(0, 5)
    gap = method.duality_gap(log_pi, q, log_mu, 1.0)
    wrong = method.kl(method.soft_policy(q, log_mu, 1.0), log_pi)  # the arguments of KL exchanged
    assert ((gap - wrong).abs() / gap).median() > 1e-2


@given(SEEDS, SIZES)
@QUICK
def test_donsker_varadhan_bounds_kl_and_attains_it(seed, n):
    phi, log_mu, log_pi = case(seed, n)
    divergence = method.kl(log_pi, log_mu)
    assert (method.donsker_varadhan(3.0 * phi, log_pi, log_mu) <= divergence + 1e-12).all()
    attained = method.donsker_varadhan(log_pi - log_mu + 4.2, log_pi, log_mu)
    torch.testing.assert_close(attained, divergence, rtol=0, atol=1e-12)


def test_donsker_varadhan_supremum_by_an_optimiser_that_does_not_know_it():
    _, log_mu, log_pi = (part[0] for part in case(3, 5))

    def negative(phi):
        leaf = torch.tensor(phi, requires_grad=True)
        loss = -method.donsker_varadhan(leaf, log_pi, log_mu)
        return loss.item(), torch.autograd.grad(loss, leaf)[0].numpy()

    found = scipy.optimize.minimize(negative, np.zeros(5), jac=True, method="BFGS", options={"gtol": 1e-9})
    assert -found.fun == pytest.approx(float(method.kl(log_pi, log_mu)), abs=1e-12)
    optimum = (log_pi - log_mu).numpy()
    np.testing.assert_allclose(found.x - found.x.mean(), optimum - optimum.mean(), atol=1e-6)


def test_log_mean_supremum_by_an_optimiser_that_does_not_know_it():
    q, log_mu, _ = (part[0] for part in case(4, 5))
    tau = 0.5

    def negative(logits):
        leaf = torch.tensor(logits, requires_grad=True)
        loss = -method.regularised_return(torch.log_softmax(leaf, -1), q, log_mu, tau)
        return loss.item(), torch.autograd.grad(loss, leaf)[0].numpy()

    found = scipy.optimize.minimize(negative, np.zeros(5), jac=True, method="BFGS", options={"gtol": 1e-9})
    assert -found.fun == pytest.approx(float(method.soft_value(q, log_mu, tau)), abs=1e-12)
    policy = torch.softmax(torch.tensor(found.x), -1)
    torch.testing.assert_close(policy, method.soft_policy(q, log_mu, tau).exp(), rtol=0, atol=1e-6)


def test_donsker_varadhan_estimated_from_samples_is_biased_down():
    """The logarithm of a sample mean falls short of the logarithm of the mean: sums over actions are needed."""
    q, log_mu, _ = (part[0] for part in case(5, 5))
    generator = torch.Generator().manual_seed(0)
    actions = torch.multinomial(log_mu.exp(), 10 * 20_000, replacement=True, generator=generator).reshape(20_000, 10)
    estimates = torch.logsumexp(q[actions], -1) - math.log(10)
    error = estimates.std() / math.sqrt(20_000)
    assert estimates.mean() + 5 * error < torch.logsumexp(log_mu + q, -1)


def test_soft_value_against_a_loop():
    q, log_mu, _ = case(6, 5, batch=3)
    for row in range(3):
        total = sum(math.exp(m) * math.exp(x / 0.3) for m, x in zip(log_mu[row].tolist(), q[row].tolist()))
        assert float(method.soft_value(q, log_mu, 0.3)[row]) == pytest.approx(0.3 * math.log(total), abs=1e-13)


@given(st.floats(-5, 5), st.floats(0.05, 20))
@QUICK
def test_two_actions_in_closed_form(x, tau):
    """q = (x, 0), μ uniform: π(1) = σ(x/τ), V = τ log((1 + e^{x/τ})/2)."""
    q, half = torch.tensor([x, 0.0], dtype=torch.float64), torch.full((2,), 0.5, dtype=torch.float64).log()
    assert float(method.soft_policy(q, half, tau)[0].exp()) == pytest.approx(1 / (1 + math.exp(-x / tau)), abs=1e-14)
    expected = tau * (np.logaddexp(0.0, x / tau) - math.log(2))
    assert float(method.soft_value(q, half, tau)) == pytest.approx(expected, abs=1e-12)


@given(SEEDS, SIZES, TAUS, st.floats(-100, 100), st.floats(0.1, 10))
@QUICK
def test_shift_and_scale(seed, n, tau, shift, scale):
    """V(q + c) = V(q) + c, π unchanged; V of αq at temperature ατ is αV."""
    q, log_mu, _ = case(seed, n)
    value, log_policy = method.soft_value(q, log_mu, tau), method.soft_policy(q, log_mu, tau)
    torch.testing.assert_close(method.soft_value(q + shift, log_mu, tau), value + shift, rtol=0, atol=1e-11)
    moved = method.soft_policy(q + shift, log_mu, tau)
    torch.testing.assert_close(moved.exp(), log_policy.exp(), rtol=0, atol=1e-10)
    torch.testing.assert_close(method.soft_value(scale * q, log_mu, scale * tau), scale * value, rtol=0, atol=1e-11)


@given(SEEDS, SIZES, TAUS)
@QUICK
def test_value_at_its_policy_and_at_the_reference(seed, n, tau):
    """η(π_q) = V_τ(q), η(μ) = ⟨μ, q⟩."""
    q, log_mu, _ = case(seed, n)
    best = method.regularised_return(method.soft_policy(q, log_mu, tau), q, log_mu, tau)
    torch.testing.assert_close(best, method.soft_value(q, log_mu, tau), rtol=0, atol=1e-11)
    reference = method.regularised_return(log_mu, q, log_mu, tau)
    torch.testing.assert_close(reference, method.expectation(log_mu, q), rtol=0, atol=0)


@given(SEEDS, st.sampled_from([2, 5, 12]), st.sampled_from([0.1, 1.0, 10.0]))
@QUICK
def test_gradient_and_hessian_of_the_soft_value(seed, n, tau):
    """∇V = π_q; Hessian (diag π - ππᵀ)/τ, null vector 1, eigenvalues in [0, 1/2τ]."""
    q, log_mu, _ = (part[0] for part in case(seed, n, batch=1))
    policy = method.soft_policy(q, log_mu, tau).exp()
    slope = torch.func.grad(lambda x: method.soft_value(x, log_mu, tau))(q)
    torch.testing.assert_close(slope, policy, rtol=0, atol=1e-13)
    hessian = torch.autograd.functional.hessian(lambda x: method.soft_value(x, log_mu, tau), q)
    expected = (torch.diag(policy) - torch.outer(policy, policy)) / tau
    torch.testing.assert_close(hessian, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(hessian.sum(-1), torch.zeros_like(q), rtol=0, atol=1e-12)
    eigenvalues = torch.linalg.eigvalsh(hessian)
    assert eigenvalues.min() > -1e-12
    assert eigenvalues.max() <= 0.5 / tau + 1e-12


@given(SEEDS, SIZES, st.floats(0.05, 10))
@QUICK
def test_slope_in_the_temperature(seed, n, tau):
    """dV/dτ = -KL(π_q‖μ) ≤ 0: the soft value falls as the temperature rises."""
    q, log_mu, _ = case(seed, n)
    leaf = torch.full((len(q),), tau, dtype=torch.float64, requires_grad=True)
    slope = torch.autograd.grad(method.soft_value(q, log_mu, leaf).sum(), leaf)[0]
    torch.testing.assert_close(slope, -method.kl(method.soft_policy(q, log_mu, tau), log_mu), rtol=1e-9, atol=1e-12)
    assert (method.soft_value(q, log_mu, 2 * tau) <= method.soft_value(q, log_mu, tau) + 1e-12).all()


def test_limits_in_the_temperature():
    """τ → 0: max q + τ log μ(a*); τ → ∞: ⟨μ, q⟩ + Var/2τ + O(τ⁻²)."""
    q, log_mu, _ = case(7, 5)
    q = torch.arange(5.0, dtype=torch.float64) + 0.1 * q  # no near ties
    best, where = q.max(-1)
    cold = best + 0.01 * log_mu.gather(-1, where[:, None])[:, 0]
    torch.testing.assert_close(method.soft_value(q, log_mu, 0.01), cold, rtol=0, atol=1e-12)
    mean = method.expectation(log_mu, q)
    variance = method.expectation(log_mu, (q - mean[:, None]) ** 2)
    rest = [(method.soft_value(q, log_mu, tau) - mean - variance / (2 * tau)).abs().mean() for tau in (100.0, 200.0)]
    assert float(rest[0] / rest[1]) == pytest.approx(4.0, rel=0.02)


def gaussian_reference(scale):
    """Actions on a fine line, μ = N(0, scale²)."""
    actions = torch.linspace(-30 * scale, 30 * scale, 60_001, dtype=torch.float64)
    return actions, torch.log_softmax(-0.5 * (actions / scale) ** 2, -1)


def test_gaussian_reference_and_linear_value():
    """μ = N(0, σ²), q = ga: π_q = N(gσ²/τ, σ²), V = g²σ²/2τ, KL = g²σ²/2τ²."""
    slope, scale, tau = 0.7, 1.3, 0.4
    actions, log_mu = gaussian_reference(scale)
    q = slope * actions
    log_pi = method.soft_policy(q, log_mu, tau)
    mean = float(method.expectation(log_pi, actions))
    assert mean == pytest.approx(slope * scale**2 / tau, abs=1e-9)
    assert float(method.expectation(log_pi, (actions - mean) ** 2)) == pytest.approx(scale**2, abs=1e-9)
    assert float(method.soft_value(q, log_mu, tau)) == pytest.approx(slope**2 * scale**2 / (2 * tau), abs=1e-9)
    assert float(method.kl(log_pi, log_mu)) == pytest.approx(slope**2 * scale**2 / (2 * tau**2), abs=1e-9)


def test_gaussian_reference_and_quadratic_value():
    """q = -k(a - m)²/2: precision σ⁻² + k/τ."""
    curvature, centre, scale, tau = 2.0, 0.8, 1.3, 0.4
    actions, log_mu = gaussian_reference(scale)
    log_pi = method.soft_policy(-0.5 * curvature * (actions - centre) ** 2, log_mu, tau)
    mean = float(method.expectation(log_pi, actions))
    precision = scale**-2 + curvature / tau
    assert float(method.expectation(log_pi, (actions - mean) ** 2)) == pytest.approx(1 / precision, abs=1e-9)
    assert mean == pytest.approx(curvature * centre / tau / precision, abs=1e-9)


def test_kl_and_entropy():
    log_p = torch.tensor([0.5, 0.5, 0.0], dtype=torch.float64).log()
    uniform = torch.full((3,), -math.log(3), dtype=torch.float64)
    assert float(method.kl(log_p, uniform)) == pytest.approx(math.log(1.5), abs=1e-15)  # 0 log 0 = 0
    assert float(method.entropy(log_p)) == pytest.approx(math.log(2), abs=1e-15)
    assert float(method.kl(uniform, log_p)) == math.inf
    _, log_mu, _ = case(8, 7)
    identity = math.log(7) - method.kl(log_mu, torch.full_like(log_mu, -math.log(7)))
    torch.testing.assert_close(method.entropy(log_mu), identity, rtol=0, atol=1e-14)


def test_low_temperature_stays_finite_where_probabilities_underflow():
    """At τ = 0.01 a gap of 10 is e^-1000: zero as a probability, and its KL is still right."""
    q, half = torch.tensor([10.0, 0.0], dtype=torch.float64), torch.full((2,), -math.log(2), dtype=torch.float64)
    log_pi = method.soft_policy(q, half, 0.01)
    assert float(log_pi[1].exp()) == 0.0
    assert float(method.kl(half, log_pi)) == pytest.approx(500.0 - math.log(2), rel=1e-13)
    assert float(method.duality_gap(half, q, half, 0.01)) == pytest.approx(0.01 * (500.0 - math.log(2)), rel=1e-12)


def test_half_in_the_losses_makes_the_gradient_the_error():
    """The ½ is science: without it the value error's weight against the policy gradient would be 2/τ."""
    q = torch.tensor([[1.0, -2.0]], dtype=torch.float64, requires_grad=True)
    target, weights = torch.tensor([[0.5, 1.0]], dtype=torch.float64), torch.tensor([[0.25, 0.75]], dtype=torch.float64)
    slope = torch.autograd.grad(method.soft_q_loss(q, target, weights).sum(), q)[0]
    torch.testing.assert_close(slope, weights * (q.detach() - target))
    value = torch.tensor([3.0], dtype=torch.float64, requires_grad=True)
    slope = torch.autograd.grad(method.value_loss(value, torch.tensor([1.0], dtype=torch.float64)).sum(), value)[0]
    assert float(slope) == 2.0


def test_action_value_inverts_the_soft_policy():
    q, log_mu, _ = case(9, 5)
    value, log_pi = method.soft_value(q, log_mu, 0.1), method.soft_policy(q, log_mu, 0.1)
    torch.testing.assert_close(method.action_value(value, log_pi, log_mu, 0.1), q, rtol=0, atol=1e-13)


@given(SEEDS, TAUS)
@QUICK
def test_sampled_losses_have_one_gradient_whoever_drew_the_action(seed, tau):
    """½(V + τρ - Q̂)² and A2C with coefficients (τ, τ², 1): algebra, sample by sample."""
    generator = torch.Generator().manual_seed(seed)
    value, logits = (
        gradients.normal(generator, 20).requires_grad_(),
        gradients.normal(generator, 20, 4).requires_grad_(),
    )
    log_mu, target = torch.log_softmax(gradients.normal(generator, 20, 4), -1), gradients.normal(generator, 20)
    action = torch.randint(4, (20, 1), generator=generator)
    chosen, reference = torch.log_softmax(logits, -1).gather(-1, action)[:, 0], log_mu.gather(-1, action)[:, 0]
    one = method.soft_q_sample_loss(value, chosen, reference, target, tau).sum()
    two = method.actor_critic_sample_loss(value, chosen, reference, target, tau).sum()
    for a, b in zip(*(torch.autograd.grad(loss, (value, logits), retain_graph=True) for loss in (one, two))):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-10)
    wrong = method.actor_critic_sample_loss(value, chosen, reference, target, tau, kl_weight=2 * tau**2).sum()
    slope = torch.autograd.grad(one, logits, retain_graph=True)[0]
    assert (slope - torch.autograd.grad(wrong, logits)[0]).norm() > 1e-2 * tau**2


def test_analytic_kl_agrees_in_the_mean_over_actions_only():
    value, logits = torch.tensor([0.3], dtype=torch.float64), torch.tensor([[0.2, -1.0, 0.5]], dtype=torch.float64)
    logits.requires_grad_()
    log_mu, tau = torch.log_softmax(torch.tensor([[0.0, 1.0, -0.5]], dtype=torch.float64), -1), 0.3
    advantage = torch.tensor([1.0, -0.4, 0.1], dtype=torch.float64)
    log_pi = torch.log_softmax(logits, -1)
    target = value + tau * method.kl(log_pi, log_mu).detach() + advantage
    sampled, analytic = [], []
    for action in range(3):
        chosen = torch.tensor([action])
        loss = method.soft_q_sample_loss(value, log_pi[:, action], log_mu[:, action], target[action : action + 1], tau)
        sampled.append(torch.autograd.grad(loss.sum(), logits, retain_graph=True)[0])
        delta = advantage[action : action + 1]
        loss = method.analytic_actor_critic_sample_loss(value, log_pi, chosen, delta, log_mu, tau)
        analytic.append(torch.autograd.grad(loss.sum(), logits, retain_graph=True)[0])
    weights = log_pi.detach().exp()[0]
    mean = [sum(w * g for w, g in zip(weights, parts)) for parts in (sampled, analytic)]
    torch.testing.assert_close(mean[0], mean[1], rtol=0, atol=1e-15)
    assert max(float((a - b).abs().max()) for a, b in zip(sampled, analytic)) > 1e-3


def test_damped_target_with_a_frozen_value_is_a_natural_gradient_step():
    """Gauss-Newton on ½(Q - (1-ε)Q_old - εQ̂)² at θ_old moves by (ε/τ) F⁻¹ ∇η, F the Fisher matrix of π."""
    generator = torch.Generator().manual_seed(1)
    theta, features = gradients.normal(generator, 3), gradients.normal(generator, 6, 3)
    log_mu, reward = torch.log_softmax(gradients.normal(generator, 6), -1), gradients.normal(generator, 6)
    tau, epsilon = 0.4, 0.01

    def log_policy(x):
        return torch.log_softmax(features @ x, -1)

    policy, score = log_policy(theta).exp(), torch.func.jacrev(log_policy)(theta)  # (A,), (A, 3)
    fisher = score.T @ (policy[:, None] * score)
    natural = torch.linalg.solve(
        fisher, torch.func.grad(lambda x: method.regularised_return(log_policy(x), reward, log_mu, tau))(theta)
    )
    value = torch.tensor(0.7, dtype=torch.float64)  # frozen, any
    old = value + tau * (log_policy(theta) - log_mu)
    residual = epsilon * (reward - old)  # damped target less Q_old
    step = torch.linalg.solve(tau**2 * fisher, tau * score.T @ (policy * residual))
    torch.testing.assert_close(step, epsilon / tau * natural, rtol=0, atol=1e-14)


def test_oscillation():
    assert float(method.oscillation(torch.tensor([1.0, -2.0, 4.0]))) == 6.0
