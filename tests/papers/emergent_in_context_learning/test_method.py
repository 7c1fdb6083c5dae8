"""Sequences: closed forms of burstiness, Zipf and multiplicity, and what each probe may and may not contain."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from replications.papers.emergent_in_context_learning.method import Sampler, Task, zipf


def sampler(task, seed=0):
    return Sampler(task, torch.Generator().manual_seed(seed))


def occurrences(sequences):
    """How often the query's class stands in its context. (R,)"""
    return (sequences.classes == sequences.query[:, None]).sum(1)


@pytest.mark.parametrize(
    ("classes", "alpha", "top", "ten"),
    [(12_800, 1.0, 0.09966, 0.2919), (12_800, 2.0, 0.6080, 0.9422), (1024, 1.0, 0.1332, 0.3901), (1024, 1.5, 0.3922, 0.7825)],
)  # fmt: skip
def test_zipf_shares_of_the_most_common_classes(classes, alpha, top, ten):
    law = zipf(classes, alpha)
    assert float(law.sum()) == pytest.approx(1.0)
    assert float(law[0]) == pytest.approx(top, abs=5e-5)
    assert float(law[:10].sum()) == pytest.approx(ten, abs=5e-5)


def test_at_exponent_three_the_top_three_classes_are_nearly_all():
    assert float(zipf(12_800, 3.0)[:3].sum()) == pytest.approx(0.9667, abs=1e-4)


@pytest.mark.parametrize(("alpha", "same"), [(1.0, 0.0163), (2.0, 0.400), (3.0, 0.704)])
def test_two_draws_coincide_as_often_as_the_law_says(alpha, same):
    law = zipf(12_800, alpha)
    assert float((law**2).sum()) == pytest.approx(same, abs=5e-4)
    drawn = sampler(Task(12_800, 12_800, copies=0, alpha=alpha)).draw(40_000, 2)
    assert float((drawn[:, 0] == drawn[:, 1]).double().mean()) == pytest.approx(same, abs=0.01)


def test_draws_follow_the_law():
    drawn = sampler(Task(16, 16, alpha=1.0)).draw(200_000)
    shares = torch.bincount(drawn, minlength=16).double() / len(drawn)
    assert float((shares - zipf(16, 1.0)).abs().max()) < 5 * math.sqrt(0.25 / len(drawn))


def test_distinct_classes_come_one_by_one_from_what_is_left():
    """P(first two are a, b) = p_a p_b / (1 - p_a), the law of drawing without replacement."""
    law, rows = zipf(5, 1.0), 100_000
    drawn = sampler(Task(5, 5, alpha=1.0)).distinct(rows, 3)
    assert all(len(set(row)) == 3 for row in drawn[:500].tolist())
    for a, b in ((0, 1), (1, 0), (4, 2)):
        share = float(((drawn[:, 0] == a) & (drawn[:, 1] == b)).double().mean())
        assert share == pytest.approx(float(law[a] * law[b] / (1 - law[a])), abs=0.006)


@settings(max_examples=30, deadline=None)
@given(
    copies=st.sampled_from([1, 2, 4, 8]),
    multiplicity=st.sampled_from([1, 2, 4]),
    alpha=st.floats(0, 2),
    seed=st.integers(0, 1000),
)
def test_a_burst_has_every_class_as_often_as_asked(copies, multiplicity, alpha, seed):
    task = Task(64, 32, copies=copies, alpha=alpha, multiplicity=multiplicity)
    sequences, asked = sampler(task, seed).train(20)
    for row in range(20):
        classes, labels = sequences.classes[row], sequences.labels[row]
        assert sorted(torch.bincount(classes)[classes.unique()].tolist()) == [copies] * (8 // copies)
        for k in classes.unique():
            assert len(labels[classes == k].unique()) == 1  # one label inside a sequence
        assert asked[row] == labels[classes == sequences.query[row]][0]
    assert sequences.right(asked).all()
    task.check_labels(sequences.labels)


def test_the_papers_burst_has_the_query_at_least_three_times():
    classes = 50
    found = occurrences(sampler(Task(classes, classes, copies=0)).train(20_000)[0])
    assert int(found.min()) >= 3
    exactly = (1 - 1 / classes) ** 3  # the other class and both fillers are others
    assert float((found == 3).double().mean()) == pytest.approx(exactly, abs=0.01)


def test_a_majority_of_labels_scores_one_half_on_bursts():
    """The two bursty labels tie at three each, so that counting labels cannot tell which one is asked for."""
    sequences, asked = sampler(Task(1600, 1600, copies=0)).train(4000)
    counts = (sequences.labels[:, :, None] == sequences.labels[:, None]).sum(2).double()
    majority = sequences.labels.gather(1, (counts + 0.1 * torch.rand(counts.shape)).argmax(1, keepdim=True))[:, 0]
    assert float((majority == asked).double().mean()) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(("classes", "share"), [(100, 0.0773), (128, 0.0608), (1600, 0.00499)])
def test_independent_contexts_contain_the_query_by_chance(classes, share):
    """So a probe of the weights must exclude the query's class."""
    assert 1 - (1 - 1 / classes) ** 8 == pytest.approx(share, abs=1e-4)
    found = occurrences(sampler(Task(classes, classes, bursty=0.0)).train(40_000)[0]) > 0
    assert float(found.double().mean()) == pytest.approx(share, abs=0.005)


@pytest.mark.parametrize("query", ["all", "top", "rest"])
@pytest.mark.parametrize("alpha", [0.0, 2.0])
def test_a_probe_of_the_weights_never_shows_the_querys_class(query, alpha):
    probe = sampler(Task(64, 32, alpha=alpha, multiplicity=2)).in_weights(2000, query)
    assert int(occurrences(probe).max()) == 0
    if query == "top":
        assert int(probe.query.max()) == 9
    if query == "rest":
        assert int(probe.query.min()) == 10


def test_any_label_of_a_class_counts_in_its_weights_and_no_other():
    task = Task(64, 32, multiplicity=4)
    probe = sampler(task).in_weights(500)
    first = probe.query * 4 % 32
    for offset in range(-1, 6):
        assert bool(probe.right(first + offset).all()) == (0 <= offset < 4)


def test_new_classes_are_never_shared_between_sequences():
    probe = sampler(Task(64, 32)).in_context(200)
    assert len(probe.classes.unique()) == 200 * 4
    assert (occurrences(probe) == 2).all()


def test_moved_labels_are_wrong_in_weights_and_right_in_context():
    for multiplicity in (1, 2):
        task = Task(64, 32, multiplicity=multiplicity)
        probe = sampler(task).shifted(500)
        own = task.first_label(probe.query)
        assert ((probe.target < own) | (probe.target >= own + multiplicity)).all()
        assert ((probe.labels == probe.target[:, None]) & (probe.classes == probe.query[:, None])).any(1).all()


@pytest.mark.parametrize("held_out", [2, 10, 80])
def test_the_ceiling_of_the_published_probe_is_one_minus_half_over_h(held_out):
    """Two draws with replacement are one class with two labels in 1/h of the sequences: a coin flip. Ours has none."""
    task = Task(1600, 1600, copies=0)
    for replacement, ceiling in ((True, 1 - 1 / (2 * held_out)), (False, 1.0)):
        probe = sampler(task).in_context(8000, held_out, labels=(0, 1), replacement=replacement)
        same = probe.classes == probe.query[:, None]
        # the best that reads the context: the label of a random pair of the query's class
        pick = (same + 0.5 * torch.rand(same.shape)).argmax(1, keepdim=True)
        assert float(probe.right(probe.labels.gather(1, pick)[:, 0]).double().mean()) == pytest.approx(
            ceiling, abs=0.015
        )
        assert int(probe.classes.min()) >= 1600


def test_under_zipf_labels_of_rare_classes_are_hardly_ever_targets():
    """The published probe names its classes 0 and 1, there the rarest of all: at α = 3 training never asks for them."""
    sequences_seen = 16e6
    for alpha, expected in ((1.0, 125), (2.0, 0.06), (3.0, 0.0)):
        assert float(zipf(12_800, alpha)[-1]) * sequences_seen == pytest.approx(expected, rel=0.02, abs=1e-3)


def test_two_labels_of_four_classes_may_be_the_same():
    probe, _ = sampler(Task(1024, 32)).train(20_000)
    different = torch.tensor([len(row.unique()) == 4 for row in probe.labels])
    assert float(different.double().mean()) == pytest.approx(0.823, abs=0.01)


def test_the_same_seed_draws_the_same_sequences():
    one, two, other = (sampler(Task(64, 32, bursty=0.5), seed).train(50) for seed in (0, 0, 1))
    assert torch.equal(one[0].classes, two[0].classes)
    assert torch.equal(one[1], two[1])
    assert not torch.equal(one[0].classes, other[0].classes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pairs": 0}, "pairs = 0: a sequence needs at least one pair"),
        ({"classes": 3}, "classes = 3: a context holds 4"),
        ({"copies": 3}, "copies = 3 does not divide pairs = 8"),
        ({"copies": 0, "pairs": 6}, "needs more than 6"),
        ({"bursty": 1.5}, "bursty = 1.5: a share"),
        ({"multiplicity": 5}, "multiplicity = 5 does not divide labels = 32"),
    ],
)
def test_a_task_that_cannot_be_says_so(arguments, message):
    with pytest.raises(ValueError, match=message):
        Task(**{"classes": 64, "labels": 32, **arguments})


def test_other_mistakes_are_named():
    with pytest.raises(ValueError, match="labels from -1 to 40: there are 32"):
        Task(64, 32).check_labels(torch.tensor([-1, 40]))
    with pytest.raises(ValueError, match="labels from 0 to 32"):
        sampler(Task(64, 32)).in_context(5, labels=(0, 32, 1, 2))
    with pytest.raises(ValueError, match="a law over 0 classes"):
        zipf(0, 1.0)
    with pytest.raises(ValueError, match="query = 'rare'"):
        sampler(Task(64, 32)).in_weights(5, "rare")
    with pytest.raises(ValueError, match="held_out = 1: a context holds 2"):
        sampler(Task(64, 64, copies=0)).in_context(5, 1)
