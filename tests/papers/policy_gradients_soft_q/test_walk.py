"""The walkers: their data against a loop, their losses, and who stays together."""

import torch

from replications.papers.policy_gradients_soft_q import mdp, walk
from replications.papers.policy_gradients_soft_q.gradients import normal
from replications.papers.policy_gradients_soft_q.method import kl

NAMES = list(walk.WALKERS)


def setup(seed=0, hidden=8):
    generator = torch.Generator().manual_seed(seed)
    return walk.initial_parameters(len(NAMES), 25, hidden, 4, generator), generator


def test_walkers_start_from_one_theta():
    parameters, _ = setup()
    assert all(torch.equal(part, part[:1].expand_as(part)) for part in parameters)
    value, log_pi = walk.tables(parameters)
    assert value.shape == (4, 25)
    torch.testing.assert_close(log_pi.exp().sum(-1), torch.ones(4, 25, dtype=torch.float64))


def test_rollout_against_a_loop():
    generator = torch.Generator().manual_seed(1)
    process, tau = mdp.random_mdp(5, 3, 0.9, generator), 0.2
    process = mdp.SoftMDP(process.transition[0], process.reward[0], process.log_mu[0], 0.9)
    value, log_pi = normal(generator, 2, 5), torch.log_softmax(normal(generator, 2, 5, 3), -1)
    start, uniforms = torch.tensor([[0, 1], [2, 3]]), torch.rand(4, 2, 2, generator=generator, dtype=torch.float64)
    data = walk.rollout(process, value, log_pi, start, 4, tau, uniforms)
    divergence = kl(log_pi, process.log_mu)
    for walker in range(2):
        for run in range(2):
            state, path = int(start[walker, run]), []
            for step in range(4):
                action, total = 0, float(log_pi[walker, state, 0].exp())
                while total <= float(uniforms[step, 0, run]):
                    action += 1
                    total += float(log_pi[walker, state, action].exp())
                landing, total = 0, float(process.transition[state, action, 0])
                while total <= float(uniforms[step, 1, run]):
                    landing += 1
                    total += float(process.transition[state, action, landing])
                path.append((state, action, landing))
                state = landing
            assert [s for s, _, _ in path] == data.states[walker, :, run].tolist()
            assert [a for _, a, _ in path] == data.actions[walker, :, run].tolist()
            assert int(data.last[walker, run]) == state
            expected = 0.0
            for step in reversed(range(4)):
                s, a, t = path[step]
                error = process.reward[s, a] - tau * divergence[walker, s] + 0.9 * value[walker, t] - value[walker, s]
                expected = float(error) + 0.9 * expected
                assert abs(float(data.delta[walker, step, run]) - expected) < 1e-12


def test_actions_follow_the_policy():
    """The shares of 40,000 draws are within five standard errors of the policy."""
    generator = torch.Generator().manual_seed(2)
    process, log_pi = mdp.grid(5, 0.9), torch.log_softmax(normal(generator, 1, 25, 4), -1)
    uniforms = torch.rand(1, 2, 40_000, generator=generator, dtype=torch.float64)
    start = torch.full((1, 40_000), 12)
    data = walk.rollout(process, torch.zeros(1, 25, dtype=torch.float64), log_pi, start, 1, 0.1, uniforms)
    shares, policy = torch.bincount(data.actions.flatten(), minlength=4) / 40_000, log_pi[0, 12].exp()
    assert ((shares - policy).abs() < 5 * (policy * (1 - policy) / 40_000).sqrt()).all()


def test_a_uniform_above_the_rounded_sum_takes_the_last_outcome():
    cumulative = torch.tensor([[0.3, 0.9999999999999998]], dtype=torch.float64)
    assert walk._draw(cumulative, torch.tensor([0.9999999999999999], dtype=torch.float64)).tolist() == [1]


def test_soft_q_and_policy_gradient_walk_together_and_the_others_do_not():
    parameters, generator = setup(seed=3)
    distance = []

    def observe(update, theta):
        distance.append([max(float((part[k] - part[0]).detach().abs().max()) for part in theta) for k in range(4)])

    walk.walk(mdp.grid(5, 0.9), parameters, 0.1, 60, 8, 5, 0.5, generator, observe)
    assert len(distance) == 61
    assert distance[0] == [0.0] * 4
    assert max(step[NAMES.index("policy_gradient")] for step in distance) < 1e-12
    assert distance[-1][NAMES.index("analytic_kl")] > 1e-4
    assert distance[-1][NAMES.index("wrong_kl")] > 1e-2


def test_analytic_kl_gradient_agrees_in_the_mean():
    """Over 2¹⁷ samples the difference of the two gradients is within five standard errors of zero."""
    generator = torch.Generator().manual_seed(4)
    process, count = mdp.grid(5, 0.9), 2**17
    value, log_pi = normal(generator, 25), torch.log_softmax(normal(generator, 25, 4), -1)
    uniforms = torch.rand(2, 2, count, generator=generator, dtype=torch.float64)
    start = torch.full((1, count), 7)
    data = walk.rollout(process, value[None], log_pi[None], start, 2, 0.3, uniforms)
    gradients = []
    for loss in (walk.soft_q, walk.analytic_kl):
        leaf = log_pi[7].expand(count, -1).clone().requires_grad_()
        sample = (
            value[7].expand(count),
            leaf,
            data.actions[0, 0],
            data.delta[0, 0],
            process.log_mu[7].expand(count, -1),
        )
        logits = torch.autograd.grad(loss(*sample, 0.3).sum(), leaf)[0]
        gradients.append(logits - log_pi[7].exp() * logits.sum(-1, keepdim=True))  # through the log-softmax
    difference = gradients[0] - gradients[1]
    assert (difference.mean(0).abs() < 5 * difference.std(0) / count**0.5).all()
    assert difference.abs().max() > 1e-2
