"""Probes against slow or independent computations, and what they do with separable, random and diverged features."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from replications.training import evaluation


@pytest.fixture
def clusters() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Five overlapping classes in 12 dimensions: train and test features and labels."""
    draw = torch.Generator().manual_seed(0)
    centres = torch.randn(5, 12, generator=draw)
    labels = torch.randint(5, (700,), generator=draw)
    features = centres[labels] + 1.2 * torch.randn(700, 12, generator=draw)
    return features[:500], labels[:500], features[500:], labels[500:]


@pytest.mark.parametrize("k", [1, 7, 200])
def test_nearest_neighbours_agree_with_a_slow_vote(clusters, k):
    bank, labels, queries, _ = clusters
    predicted = evaluation.knn_predict(bank, labels, queries, 5, k=k, temperature=0.1)
    for i, query in enumerate(queries):
        cosine = nn.functional.cosine_similarity(bank, query[None], dim=1)
        votes = [0.0] * 5
        for j in cosine.argsort(descending=True)[:k].tolist():
            votes[labels[j]] += math.exp(cosine[j] / 0.1)
        assert predicted[i] == votes.index(max(votes))


def test_chunking_does_not_change_the_vote(clusters):
    bank, labels, queries, _ = clusters
    whole = evaluation.knn_predict(bank, labels, queries, 5)
    many = torch.cat([evaluation.knn_predict(bank, labels, part, 5) for part in queries.split(3)])
    assert torch.equal(whole, many)
    assert len(evaluation.knn_predict(bank[:20], labels[:20], queries, 5, k=200)) == len(queries)  # k above the bank


def test_ridge_agrees_with_least_squares_on_an_augmented_system(clusters):
    train, labels, test, test_labels = clusters
    x, queries = evaluation.standardise(train.double(), test.double())
    y = nn.functional.one_hot(labels, 5).double()
    rows = torch.cat([x, math.sqrt(0.1 * len(x)) * torch.eye(12, dtype=torch.float64)])
    targets = torch.cat([y - y.mean(0), torch.zeros(12, 5, dtype=torch.float64)])
    weights = torch.linalg.lstsq(rows, targets).solution
    expected = ((queries @ weights + y.mean(0)).argmax(1) == test_labels).float().mean().item()
    assert evaluation.ridge_probe(train, labels, test, test_labels, 5, penalty=0.1) == pytest.approx(expected)


def test_logistic_probe_reaches_the_minimum_of_its_objective(clusters):
    from scipy.optimize import minimize

    train, labels, test, test_labels = clusters
    x, queries = evaluation.standardise(train.double(), test.double())

    def objective(flat):
        w = torch.tensor(flat, requires_grad=True)
        weights, bias = w[:60].view(12, 5), w[60:]
        value = nn.functional.cross_entropy(x @ weights + bias, labels) + 0.01 / 2 * weights.square().sum()
        value.backward()
        return value.item(), w.grad.numpy()

    best = torch.tensor(minimize(objective, [0.0] * 65, jac=True, method="BFGS").x)
    expected = ((queries @ best[:60].view(12, 5) + best[60:]).argmax(1) == test_labels).float().mean().item()
    found = evaluation.logistic_probe(train, labels, test, test_labels, 5, penalty=0.01)
    assert found == pytest.approx(expected, abs=0.006)  # one test point of two hundred


def test_all_probes_learn_clusters_and_find_nothing_in_noise(clusters):
    train, labels, test, test_labels = clusters
    noise = torch.randn(700, 12, generator=torch.Generator().manual_seed(9))
    draw = torch.Generator().manual_seed(1)
    for probe in (
        evaluation.knn_accuracy,
        evaluation.ridge_probe,
        evaluation.logistic_probe,
        lambda *data: evaluation.sgd_probe(*data, draw, epochs=20, batch=64),
    ):
        assert probe(train, labels, test, test_labels, 5) > 0.75
        assert probe(noise[:500], labels, noise[500:], test_labels, 5) < 0.35


def test_diverged_features_score_nan(clusters):
    train, labels, test, test_labels = clusters
    broken = torch.full_like(test, math.nan)
    for probe in (evaluation.knn_accuracy, evaluation.ridge_probe, evaluation.logistic_probe):
        assert math.isnan(probe(train, labels, broken, test_labels, 5))


def test_embedding_uses_running_statistics_and_restores_the_mode():
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(12, 4), nn.BatchNorm1d(4))
    images = torch.randint(0, 256, (2500, 3, 2, 2), dtype=torch.uint8)
    encoder.train()
    features = evaluation.embed(encoder, images, lambda x: x.float() / 255)
    assert encoder.training
    assert not encoder[2].running_mean.any()
    torch.testing.assert_close(features[:7], evaluation.embed(encoder, images[:7], lambda x: x.float() / 255))


def test_settled_statistics_are_the_average_over_the_batches():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    batches = [torch.randn(50, 3) + shift for shift in range(4)]
    evaluation.settle_statistics(network, batches)
    hidden = [network[0](batch) for batch in batches]
    torch.testing.assert_close(network[1].running_mean, torch.stack([h.mean(0) for h in hidden]).mean(0))
    torch.testing.assert_close(network[1].running_var, torch.stack([h.var(0) for h in hidden]).mean(0))
    assert network[1].momentum == 0.1


def test_few_label_subset_is_balanced_and_reproducible():
    labels = torch.arange(1000) % 10
    subset = evaluation.few_label_subset(labels, 0.05, 10, torch.Generator().manual_seed(0))
    assert labels[subset].bincount(minlength=10).tolist() == [5] * 10
    assert len(set(subset.tolist())) == 50
    assert torch.equal(subset, evaluation.few_label_subset(labels, 0.05, 10, torch.Generator().manual_seed(0)))
    assert len(evaluation.few_label_subset(labels, 0.0001, 10, torch.Generator().manual_seed(0))) == 10
    with pytest.raises(ValueError, match="share of labels"):
        evaluation.few_label_subset(labels, 0.0, 10, torch.Generator())
