"""Every metric says what it is, and no two samples share a description."""

from replications.papers.continuous_diffusion_for_categorical_data.metrics import METRICS


def test_every_metric_has_a_unit_and_a_meaning():
    assert all(metric.unit and metric.meaning for metric in METRICS.values())


def test_arms_are_told_apart():
    samples = [f"{m.unit}: {m.meaning}" for name, m in METRICS.items() if name.startswith("nll")]
    assert len(set(samples)) == len(samples)
