import torch

from replications.papers.zipfian_environments.method import parallelogram_gap


def test_the_law_holds_for_random_vectors():
    first, second = torch.randn(2, 50, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert parallelogram_gap(first, second).abs().max() < 1e-14


def test_the_gap_is_relative():
    first, second = torch.randn(2, 50, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert torch.equal(parallelogram_gap(1024 * first, 1024 * second), parallelogram_gap(first, second))
    assert parallelogram_gap(first, second).shape == (50,)
