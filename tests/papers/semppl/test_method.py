"""What the definitions imply, exactly: terms, penalty, queue, vote and positives, against slow loops and closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from replications.papers.semppl.method import (
    EMPTY,
    Queue,
    Weights,
    candidates,
    contrast,
    contrastive_objective,
    draw_negatives,
    draw_positives,
    invariance,
    regression_objective,
    votes,
)

TAU = 0.2
CPU = torch.device("cpu")


def units(count: int, dimensions: int = 8, seed: int = 0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(count, dimensions, generator=draw, dtype=torch.float64), dim=1)


def rows_of(batch: int, count: int, seed: int = 0) -> torch.Tensor:
    return draw_negatives(batch, count, torch.Generator().manual_seed(seed))


def test_negatives_are_uniform_over_the_other_images():
    rows = rows_of(5, 40_000)
    for anchor in range(5):
        counts = torch.bincount(rows[anchor], minlength=5)
        assert counts[anchor] == 0
        others = counts[torch.arange(5) != anchor].double()
        assert ((others - 10_000).square() / 10_000).sum() < 16.3  # χ² with 3 degrees of freedom at 99.9 %


def test_a_batch_of_one_has_no_negatives():
    with pytest.raises(ValueError, match="another image"):
        rows_of(1, 10)


def test_the_contrastive_term_agrees_with_a_slow_ratio_of_scores():
    anchors, targets, rows = units(6), units(6, seed=1), rows_of(6, 3)
    terms = contrast(candidates(anchors, targets, targets, rows, TAU))
    for m in range(6):
        for prefactor in (TAU, 11.0):
            score = [prefactor * math.exp(float(anchors[m] @ targets[n]) / TAU) for n in range(6)]
            share = score[m] / (score[m] + sum(score[n] for n in rows[m].tolist()))
            assert terms[m].item() == pytest.approx(-math.log(share), rel=1e-12)


def test_a_perfect_positive_among_orthogonal_negatives_costs_little():
    axes = torch.eye(11, dtype=torch.float64)
    rows = torch.arange(1, 11)[None].expand(11, -1)
    term = contrast(candidates(axes, axes, axes, rows, TAU))[0].item()
    assert term == pytest.approx(math.log1p(10 * math.exp(-5)), abs=1e-12)
    assert term == pytest.approx(0.0652, abs=5e-5)


def test_equal_similarities_cost_the_logarithm_of_the_number_of_candidates():
    same = units(1).expand(4, -1)
    terms = contrast(candidates(same, same, same, rows_of(4, 7), TAU))
    torch.testing.assert_close(terms, torch.full((4,), math.log(8), dtype=torch.float64))


def test_the_order_of_negatives_does_not_matter():
    anchors, targets, rows = units(6), units(6, seed=1), rows_of(6, 4)
    one = contrast(candidates(anchors, targets, targets, rows, TAU))
    torch.testing.assert_close(one, contrast(candidates(anchors, targets, targets, rows.flip(1), TAU)))


def test_the_penalty_is_zero_between_equals_positive_elsewhere_and_stops_at_its_reference():
    one, two = (units(6, 5, seed).requires_grad_() for seed in (0, 1))
    assert invariance(one, one).abs().max() == 0
    assert (invariance(one, two) > 0).all()
    invariance(one, two).sum().backward()
    assert two.grad is None
    assert one.grad.abs().max() > 0
    slow = F.kl_div(two.log_softmax(1), one.log_softmax(1), log_target=True, reduction="none").sum(1)
    torch.testing.assert_close(invariance(one, two), slow)


class Batch:
    """Six images, two views, three negatives each."""

    def __init__(self) -> None:
        self.online = [units(6, seed=s).requires_grad_() for s in (0, 1)]
        self.target = [units(6, seed=s).requires_grad_() for s in (2, 3)]
        self.semantic = units(6, seed=4).requires_grad_()
        self.exists = torch.tensor([True, True, False, True, True, True])
        self.rows = rows_of(6, 3)

    def loss(self, weights: Weights, **changed) -> torch.Tensor:
        args = {n: changed.get(n, getattr(self, n)) for n in ("online", "target", "semantic", "exists")}
        return contrastive_objective(**args, negatives=self.rows, weights=weights)


def test_the_objective_is_the_weighted_sum_of_its_parts_over_both_directions():
    batch = Batch()
    (o1, o2), (t1, t2) = batch.online, batch.target
    augm = [candidates(o1, t2, t2, batch.rows, TAU), candidates(o2, t1, t1, batch.rows, TAU)]
    sem = [candidates(o1, batch.semantic, t2, batch.rows, TAU), candidates(o2, batch.semantic, t1, batch.rows, TAU)]

    def both(pair):
        one, two = pair
        plain = (contrast(one) + contrast(two)) / 2
        return plain, (invariance(one, two) + invariance(two, one)) / 2

    (a, a_kl), (s, s_kl) = both(augm), both(sem)
    expected = (0.3 * (a + 5 * a_kl) + 0.2 * (s + 5 * s_kl) * batch.exists).mean()
    torch.testing.assert_close(batch.loss(Weights(0.3, 0.2, 5.0, TAU)), expected)


def test_without_alpha_nothing_depends_on_queue_or_labels_bit_for_bit():
    batch = Batch()
    found = []
    for semantic, exists in ((batch.semantic, batch.exists), (units(6, seed=9) * float("nan"), ~batch.exists)):
        loss = batch.loss(Weights(1.0, 0.0, 1.0, TAU), semantic=semantic, exists=exists)
        found.append([loss, *torch.autograd.grad(loss, batch.online)])
    assert all(torch.equal(one, two) for one, two in zip(*found))
    other = batch.loss(Weights(1.0, 0.1, 1.0, TAU))
    assert not torch.equal(other, found[0][0])


@pytest.mark.parametrize("objective", ["contrastive", "byol"])
def test_no_gradient_reaches_target_or_queue(objective):
    batch, weights = Batch(), Weights(1.0, 1.0, 1.0, TAU)
    if objective == "byol":
        regression_objective(batch.online, batch.target, batch.semantic, batch.exists, weights).backward()
    else:
        batch.loss(weights).backward()
    assert all(x.grad is None for x in (*batch.target, batch.semantic))
    assert all(x.grad.abs().max() > 0 for x in batch.online)


def test_with_the_augmentation_as_semantic_positive_both_terms_are_equal():
    batch = Batch()
    same = [batch.target[0]] * 2
    everyone = torch.ones(6, dtype=torch.bool)
    semantic = batch.loss(Weights(0.0, 1.0, 0.5, TAU), target=same, semantic=same[0], exists=everyone)
    torch.testing.assert_close(semantic, batch.loss(Weights(1.0, 0.0, 0.5, TAU), target=same))


def test_byols_objective_adds_the_same_positives_to_the_sum_over_directions():
    batch = Batch()
    (o1, o2), (t1, t2) = batch.online, batch.target
    s = batch.semantic
    expected = sum((a - b).square().sum(1) for a, b in ((o1, t2), (o2, t1)))
    expected = expected + 0.5 * batch.exists * sum((o - s).square().sum(1) for o in (o1, o2))
    found = regression_objective(batch.online, batch.target, s, batch.exists, Weights(1.0, 0.5, 0.0, TAU))
    torch.testing.assert_close(found, expected.mean().float(), atol=1e-6, rtol=1e-6)


def test_the_expected_semantic_term_is_the_mean_over_positives_outside_the_logarithm():
    anchors, targets, rows = units(1), units(4, seed=1), torch.tensor([[1, 2, 3]])
    members = units(3, seed=5)
    terms = torch.stack([contrast(candidates(anchors, m[None], targets, rows, TAU))[0] for m in members])
    draw = torch.Generator().manual_seed(0)
    labels = torch.tensor([0, 0, 0, 1])
    places, _ = draw_positives(torch.zeros(40_000, dtype=torch.int64), labels, 2, draw)
    assert terms[places].mean().item() == pytest.approx(terms.mean().item(), abs=4 * terms.std().item() / 200)


@pytest.mark.parametrize("size", [1, 4, 7, 10, 25])
def test_the_ring_keeps_the_last_entries_and_its_pointer_is_what_was_pushed(size):
    capacity, queue, pushed = 10, Queue(10, 3, CPU), []
    for n in range(1, 8):
        new = torch.arange(len(pushed), len(pushed) + size)
        queue.push(new[:, None].expand(-1, 3).float(), new)
        pushed += new.tolist()
        assert int(queue.pointer) == n * size % capacity
        kept = sorted(queue.labels[queue.labels != EMPTY].tolist())
        assert kept == pushed[-capacity:]  # the oldest is the (ns - C + 1)-th
        assert all((queue.vectors[i] == queue.labels[i]).all() for i in range(capacity) if queue.labels[i] != EMPTY)


def test_entries_are_as_old_as_capacity_over_what_a_step_pushes():
    queue = Queue(4_096, 1, CPU)
    for step in range(65):
        queue.push(torch.full((64, 1), float(step)), torch.zeros(64, dtype=torch.int64))
    assert queue.vectors.min() == 1  # of step 64, all of the last 64 steps and nothing older
    assert queue.vectors.max() == 64


def test_a_queue_goes_on_where_it_was_saved():
    queue, copy = Queue(5, 2, CPU), Queue(5, 2, CPU)
    queue.push(torch.rand(3, 2), torch.arange(3))
    copy.restore({name: value.clone() for name, value in queue.state().items()})
    more = torch.rand(4, 2)
    for each in (queue, copy):
        each.push(more, torch.arange(4))
    assert all(torch.equal(one, two) for one, two in zip(queue.state().values(), copy.state().values()))


def on_a_circle(*degrees: float) -> torch.Tensor:
    angles = torch.deg2rad(torch.tensor(degrees))
    return torch.stack([angles.cos(), angles.sin()], dim=1)


def label(queries: torch.Tensor, vectors: torch.Tensor, labels: list[int], k: int) -> list[int]:
    return votes(queries, vectors, torch.tensor(labels), k, 10).sum(dim=0).argmax(dim=1).tolist()


def test_two_votes_beat_one_that_is_nearer():
    assert label(on_a_circle(0)[None], on_a_circle(0, 40, -40, 180), [5, 2, 2, 9], k=3) == [2]


def test_a_tie_between_views_goes_to_the_greater_similarity():
    views = on_a_circle(0, 90)[:, None]  # two views of one image, each with a neighbour of its own
    assert label(views, on_a_circle(5, 100), [3, 7], k=1) == [3]
    assert label(views, on_a_circle(10, 95), [3, 7], k=1) == [7]
    assert votes(views, on_a_circle(5, 100), torch.tensor([3, 7]), 1, 10).sum(0).round().int().tolist()[0][3] == 1


def test_similarity_never_outweighs_a_vote():
    queries = units(2 * 50, 3).float().reshape(2, 50, 3)
    vectors, labels = units(40, 3, seed=1).float(), torch.arange(40) % 4
    counted = votes(queries, vectors, labels, 5, 4).sum(0)
    similarity = torch.einsum("vbd,cd->vbc", queries, vectors)
    plain = F.one_hot(labels[similarity.topk(5, dim=2).indices], 4).sum(dim=(0, 2))
    assert torch.equal(plain, counted.round().long())
    assert (counted - plain).abs().max() < 0.5
    winners = plain == plain.amax(1, keepdim=True)
    assert winners[torch.arange(50), counted.argmax(1)].all()


def test_one_neighbour_in_the_queue_itself_gives_every_entry_its_own_label():
    vectors, labels = units(30).float(), torch.arange(30) % 10
    assert label(vectors[None], vectors, labels.tolist(), k=1) == labels.tolist()


def test_empty_places_have_no_vote():
    vectors = torch.cat([on_a_circle(170), torch.zeros(5, 2)])
    counted = votes(on_a_circle(0)[None], vectors, torch.tensor([4] + [EMPTY] * 5), 3, 10)
    assert counted[0, 0].nonzero().flatten().tolist() == [4]
    assert 0 < counted[0, 0, 4] < 1  # one vote, with a negative cosine


def test_positives_carry_the_wanted_label_and_are_uniform_over_its_entries():
    labels = torch.tensor([2, 0, EMPTY, 2, 1, 2, 0, 2, EMPTY, 2])
    draw = torch.Generator().manual_seed(0)
    wanted = torch.arange(3).repeat(100_000)
    places, exists = draw_positives(wanted, labels, 3, draw)
    assert exists.all()
    assert torch.equal(labels[places], wanted)
    counts = torch.bincount(places[wanted == 2], minlength=10)[labels == 2].double()
    assert ((counts - 20_000).square() / 20_000).sum() < 18.5  # χ² with 4 degrees of freedom at 99.9 %


def test_a_class_without_entries_has_no_positive():
    draw = torch.Generator().manual_seed(0)
    places, exists = draw_positives(torch.tensor([0, 1, 2]), torch.tensor([EMPTY, 1, 1]), 3, draw)
    assert exists.tolist() == [False, True, False]
    assert places[1] in (1, 2)
    places, exists = draw_positives(torch.tensor([0, 1]), torch.full((4,), EMPTY), 3, draw)
    assert not exists.any()
    assert (places < 4).all()


def test_the_learning_check_semantic_positives_pull_a_class_together_and_random_ones_do_not():
    """Ten classes of patterns beneath stronger ones of each image: instances are easy to tell apart, classes are not."""
    draw = torch.Generator().manual_seed(0)
    labels = torch.arange(100) % 10
    images = torch.randn(10, 32, generator=draw)[labels] + 1.5 * torch.randn(100, 32, generator=draw)

    def tightness(alpha: float, right: bool = True) -> float:
        torch.manual_seed(0)
        online = torch.nn.Sequential(torch.nn.Linear(32, 64), torch.nn.ReLU(), torch.nn.Linear(64, 16))
        optimizer = torch.optim.Adam(online.parameters(), lr=3e-3)
        noise = torch.Generator().manual_seed(1)
        for _ in range(150):
            rows = torch.randperm(100, generator=noise)[:50]
            views = [images[rows] + 0.3 * torch.randn(50, 32, generator=noise) for _ in range(2)]
            z = [F.normalize(online(view), dim=1) for view in views]
            bank = F.normalize(online(images), dim=1)
            wanted = labels[rows] if right else torch.randint(10, (50,), generator=noise)
            places, exists = draw_positives(wanted, labels, 10, noise)
            rows_of_negatives = draw_negatives(50, 10, noise)
            loss = contrastive_objective(z, z, bank[places], exists, rows_of_negatives, Weights(1.0, alpha, 0.0, TAU))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            z = F.normalize(online(images), dim=1)
        alike = labels[:, None] == labels[None]
        similarity = z @ z.T
        return (similarity[alike & ~torch.eye(100, dtype=torch.bool)].mean() - similarity[~alike].mean()).item()

    none = tightness(0.0)
    assert tightness(1.0) > none + 0.2
    assert tightness(1.0, right=False) < none + 0.1
