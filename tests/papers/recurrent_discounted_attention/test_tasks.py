"""Generators: what they draw, and the loss of the best constant prediction."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from replications.papers.recurrent_discounted_attention import tasks


def draw(task, batch=64, seed=0):
    return task.draw(batch, torch.Generator().manual_seed(seed))


@given(st.integers(2, 30), st.integers(0, 100))
def test_addition_marks_two_numbers(length, seed):
    x, target, where = draw(tasks.addition(length), seed=seed)
    assert x.shape == (length, 64, 2)
    assert (x[..., 1].sum(0) == 2).all()
    torch.testing.assert_close((x[..., 0] * x[..., 1]).sum(0), target)
    assert (where == length - 1).all()


def test_addition_plateau_is_the_variance_of_the_sum():
    task = tasks.addition(50)
    _, target, _ = draw(task, 200_000)
    assert target.var().item() == pytest.approx(task.plateau, rel=0.02)
    assert task.plateau == 1 / 6
    marks = draw(task, 20_000)[0][..., 1].mean(1)
    assert (marks - 2 / 50).abs().max() < 6 * math.sqrt(0.04 / 20_000)


def test_length_is_labelled_by_the_half_and_read_at_its_end():
    x, target, where = draw(tasks.classify_length(1000), 4000)
    assert x.shape == (1000, 4000, 1)
    assert (target == (where + 1 >= 501).float()).all()
    assert set(draw(tasks.classify_length(3), 200)[2].tolist()) == {0, 1, 2}
    assert tasks.classify_length(1000).plateau == pytest.approx(math.log(2), rel=1e-6)


@given(st.integers(1, 6), st.integers(2, 12), st.integers(0, 50))
def test_copy_asks_for_the_word_after_the_marker(symbols, wait, seed):
    x, target, where = draw(tasks.copy(symbols, wait), 8, seed)
    assert where is None
    kinds = x.argmax(-1)
    assert (x.sum(-1) == 1).all()
    for b in range(8):
        (marker,) = torch.nonzero(kinds[:, b] == 8).flatten().tolist()
        end = marker + 1 + symbols  # the first step after the answer
        assert 2 * symbols + 1 <= end <= 2 * symbols + wait - 1
        assert (kinds[:symbols, b] == target[marker + 1 : end, b]).all()
        outside = torch.ones(len(kinds), dtype=torch.bool)
        outside[marker + 1 : end] = False
        assert (target[outside, b] == 7).all()


def test_plateaus_of_the_copies_in_bits():
    assert tasks.copy(10, 100).plateau / math.log(2) == pytest.approx(10 * math.log2(7) / 120)
    assert tasks.copy(10, 1000).plateau / math.log(2) == pytest.approx(0.02752, abs=5e-6)
    assert tasks.multicopy(3).plateau == pytest.approx(0.83178, abs=5e-6)


def test_the_plateau_is_the_loss_of_knowing_when_but_not_what():
    for task, answers in ((tasks.copy(4, 10), 7), (tasks.multicopy(2), 8)):
        _, target, _ = draw(task, 16)
        logits = torch.full((*target.shape, task.outputs), -1e4)
        logits[..., task.blank] = torch.where(target == task.blank, 0.0, -1e4)
        logits[..., :answers] = torch.where(target == task.blank, -1e4, 0.0)[..., None]
        assert tasks.score("classes", logits, target, task.blank)[0].item() == pytest.approx(task.plateau, rel=1e-5)


def test_multicopy_has_a_period_of_twenty():
    x, target, _ = draw(tasks.multicopy(3), 5)
    assert x.shape == (60, 5, 10)
    kinds = x.argmax(-1).view(3, 20, 5)
    answers = target.view(3, 20, 5)
    assert (kinds[:, 10] == 9).all()
    assert (kinds[:, [8, 9, *range(11, 20)]] == 8).all()
    assert (answers[:, 11:19] == kinds[:, :8]).all()
    assert (answers[:, [*range(11), 19]] == 8).all()


def test_score_of_each_kind():
    loss, accuracy, answers = tasks.score("square", torch.tensor([[1.0], [2.0]]), torch.tensor([1.0, 0.0]))
    assert loss == 2
    assert accuracy.isnan()
    assert answers.isnan()
    loss, accuracy, _ = tasks.score("binary", torch.tensor([[0.0], [3.0]]), torch.tensor([0.0, 1.0]))
    assert loss.item() == pytest.approx((math.log(2) + math.log1p(math.exp(-3))) / 2)
    assert accuracy == 1
    logits = torch.tensor([[9.0, 0, 0], [9.0, 0, 0], [0, 0, 9.0], [0, 0, 9.0]])
    _, accuracy, answers = tasks.score("classes", logits, torch.tensor([0, 1, 2, 2]), blank=2)
    assert accuracy == 0.75
    assert answers == 0.5


def test_pixels_are_rows_in_order_and_averaged():
    images = torch.arange(28 * 28, dtype=torch.float32).view(1, 1, 28, 28).div(4).to(torch.uint8).expand(2, 1, 28, 28)
    labels = torch.tensor([3, 4])
    x, same = tasks.pixels(images, labels, 14)
    assert x.shape == (196, 2, 1)
    assert same is labels
    assert x[1, 0, 0].item() == pytest.approx(images[0, 0, :2, 2:4].float().mean().item() / 255)
    order = torch.randperm(196)
    torch.testing.assert_close(tasks.pixels(images, labels, 14, order)[0], x[order])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tasks.addition(1), "at least 2 steps, got 1"),
        (lambda: tasks.classify_length(0), "at least 2, got 0"),
        (lambda: tasks.copy(0, 10), "got 0 and 10"),
        (lambda: tasks.copy(3, 1), "got 3 and 1"),
        (lambda: tasks.multicopy(0), "at least 1 copy, got 0"),
        (lambda: tasks.pixels(torch.zeros(1, 1, 28, 28), torch.zeros(1, dtype=torch.long), 5), "side 5"),
        (lambda: tasks.pixels(torch.zeros(1, 1, 28, 28), torch.tensor([10]), 7), "label 10 is outside 0 to 9"),
        (lambda: tasks.pixels(torch.zeros(1, 1, 28, 28), torch.tensor([-1]), 7), "label -1 is outside 0 to 9"),
        (
            lambda: tasks.pixels(torch.zeros(1, 1, 28, 28), torch.tensor([1]), 7, torch.arange(3)),
            "49 pixels is needed, got 3",
        ),
    ],
)
def test_bad_sizes_and_labels_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
