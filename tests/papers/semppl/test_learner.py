"""What a training may see of the labels, what it counts, and what its arms change."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch

from replications.papers.byol.pretraining import Split, few_labels
from replications.papers.semppl import learner
from replications.papers.semppl.learner import Config, SemPPL
from replications.papers.semppl.method import EMPTY
from replications.study import Context, UserError

SMALL = Config(
    hidden=16, projection=8, images=160, test_images=40, epochs=2.0, batch=32, looks=2, warmup=0.1, bfloat16=False,
    share=0.2, labelled=8, queue=64, k=3,
)  # fmt: skip
CPU = torch.device("cpu")


@pytest.fixture
def data(pictures) -> Split:
    return Split(pictures.train_images, pictures.train_labels, pictures.test_images, pictures.test_labels)


def context(seed: int = 0) -> Context:
    return Context(seed, CPU)


def trained(config: Config, data: Split, steps: int = 4) -> SemPPL:
    made = SemPPL(config, context(), data)
    made.prepare([learner.two_views(config, data.images[:32], torch.Generator())[0]])
    for step in range(steps):
        rows = torch.arange(32) + 32 * (step % 5)
        made.step(rows, data.images[rows], 0.9, context().generator(f"step {step}"))
    return made


def weights(made: SemPPL) -> list[torch.Tensor]:
    return [p.detach() for network in (made.online, made.target) for p in network.parameters()]


def same(one: list[torch.Tensor], two: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


def test_the_labels_that_training_sees_are_those_of_the_probes(data):
    made = SemPPL(SMALL, context(), data)
    rows = few_labels(data.labels, SMALL.share, context())
    assert len(rows) == 30  # three a class
    assert torch.equal((made.known != EMPTY).nonzero().flatten(), rows.sort().values)
    assert torch.equal(made.known[rows], data.labels[rows])
    assert torch.equal(made.labelled, data.images[rows])


def test_no_test_label_or_image_touches_training_or_queue(data):
    one = trained(SMALL, data)
    other = replace(data, judged=255 - data.judged, judged_labels=(data.judged_labels + 3) % 10)
    two = trained(SMALL, other)
    assert same(weights(one), weights(two))
    assert same(list(one.queue.state().values()), list(two.queue.state().values()))


@pytest.mark.parametrize("base", ["contrastive", "byol"])
def test_hidden_labels_are_counted_with_and_nothing_else(data, monkeypatch, base):
    rows = few_labels(data.labels, SMALL.share, context())
    monkeypatch.setattr(learner, "few_labels", lambda labels, share, context: rows)
    config = replace(SMALL, base=base)
    one = trained(config, data)
    lies = (data.labels + 1) % 10
    lies[rows] = data.labels[rows]
    two = trained(config, replace(data, labels=lies))
    assert same(weights(one), weights(two))
    assert not torch.equal(one.counts, two.counts)
    oracle = [trained(replace(config, positives="oracle"), d) for d in (data, replace(data, labels=lies))]
    assert not same(weights(oracle[0]), weights(oracle[1]))


def test_the_queue_holds_labelled_images_with_their_labels_embedded_as_the_queries_are(data):
    """With the same pictures behind the batch as in it, the queue must hold the queries themselves."""
    made = SemPPL(replace(SMALL, labelled=32, queue=64), context(), data)
    rows = torch.arange(32)
    one = torch.randn(32, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    made.drawn = torch.arange(30).repeat(2)[:32]
    target, _, _ = made._tag(rows, (torch.cat([one, one]), torch.cat([-one, -one])), torch.Generator())
    torch.testing.assert_close(made.queue.vectors, torch.cat(target))
    assert torch.equal(made.queue.labels, made.answers[made.drawn].repeat(2))


def test_with_alpha_zero_labels_change_nothing(data, monkeypatch):
    rows = few_labels(data.labels, SMALL.share, context())
    monkeypatch.setattr(learner, "few_labels", lambda labels, share, context: rows)
    config = replace(SMALL, alpha=0.0)
    one = trained(config, data)
    two = trained(config, replace(data, labels=data.labels.flip(0)))
    three = trained(replace(config, positives="random"), data)
    assert same(weights(one), weights(two))
    assert same(weights(one), weights(three))
    assert not same(weights(one), weights(trained(SMALL, data)))


def used_labels(made: SemPPL, rows: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> torch.Tensor:
    """The labels with which positives are asked for."""
    seen: list[torch.Tensor] = []
    real = learner.draw_positives

    def spy(wanted, *args):
        seen.append(wanted.clone())
        return real(wanted, *args)

    monkeypatch.setattr(learner, "draw_positives", spy)
    draw = torch.Generator().manual_seed(1)
    made._tag(rows, made._views(made.images[rows], draw), draw)
    monkeypatch.setattr(learner, "draw_positives", real)
    return seen[0]


def test_labelled_images_use_their_true_label_and_flips_change_the_others_by_a_fixed_distance(data, monkeypatch):
    rows = torch.arange(160)
    plain = used_labels(trained(SMALL, data, 0), rows, monkeypatch)
    made = trained(replace(SMALL, flips=0.4), data, 0)
    flipped = used_labels(made, rows, monkeypatch)
    again = used_labels(made, rows, monkeypatch)
    known = made.known != EMPTY
    assert torch.equal(plain[known], data.labels[known])
    assert torch.equal(flipped[known], data.labels[known])
    assert torch.equal(flipped[~known], ((plain + made.shift) % 10)[~known])
    changed = (made.shift != 0)[~known].double().mean()
    assert changed.item() == pytest.approx(0.4, abs=0.12)
    assert torch.equal(((again - flipped) % 10)[known], torch.zeros(30, dtype=torch.int64))
    assert not SemPPL(SMALL, context(), data).shift.any()


def test_oracle_positives_use_true_labels_and_random_ones_are_uniform(data, monkeypatch):
    rows = torch.arange(160)
    assert torch.equal(
        used_labels(trained(replace(SMALL, positives="oracle"), data, 0), rows, monkeypatch), data.labels
    )
    drawn = used_labels(trained(replace(SMALL, positives="random"), data, 0), rows, monkeypatch)
    assert torch.bincount(drawn, minlength=10).min() > 4
    assert (drawn == data.labels).double().mean() < 0.3


def test_a_window_counts_unlabelled_images_alone_and_starts_anew(data):
    made = trained(SMALL, data, 3)
    assert made.counts[0] == 130 + (made.known[:96] == EMPTY).sum()  # all that was unlabelled: first labels, then steps
    assert made.histogram.sum() == made.counts[0]
    points, arrays = made.look(torch.zeros(1))
    assert set(points) == set(made.curves)
    assert not arrays
    assert all(0 <= value <= 1 for value in points.values())
    assert not made.counts.any()
    assert made.scalars() == {**points, "pseudo_random": points["pseudo"]}


def test_oracle_positives_are_pure_and_flips_lower_purity_but_not_the_vote(data):
    oracle = trained(replace(SMALL, positives="oracle"), data, 3).look(torch.zeros(1))[0]
    assert oracle["purity"] == 1
    plain, flipped = (trained(replace(SMALL, flips=f), data, 0).look(torch.zeros(1))[0] for f in (0.0, 0.9))
    assert flipped["pseudo"] == plain["pseudo"]
    assert flipped["purity"] < plain["purity"]
    assert plain["purity"] == pytest.approx(plain["pseudo"])  # every voted label has an entry


def test_the_state_is_complete(data):
    one = trained(SMALL, data, 3)
    state = copy.deepcopy(one.state())
    two = SemPPL(SMALL, context(), data)
    two.restore(state)
    for made in (one, two):
        made.step(torch.arange(32), data.images[:32], 0.9, context().generator("more"))
    assert same(weights(one), weights(two))
    assert one.look(torch.zeros(1)) == two.look(torch.zeros(1))


@pytest.mark.parametrize("change", [{"base": "simclr"}, {"positives": "true"}])
def test_an_unknown_arm_is_refused_in_a_line(data, change):
    with pytest.raises(UserError, match="is not one of"):
        SemPPL(replace(SMALL, **change), context(), data)
