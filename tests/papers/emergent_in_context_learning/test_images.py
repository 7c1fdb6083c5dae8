"""Drawings as items: orientations, exemplars that differ inside a sequence, held-out characters, a run that resumes."""

from dataclasses import replace

import pytest
import torch

from replications.papers.emergent_in_context_learning import images
from replications.papers.emergent_in_context_learning.images import ImageConfig, Pictures, oriented, pictures
from replications.papers.emergent_in_context_learning.method import Sampler
from replications.study import Context, UserError

TINY = ImageConfig(
    size=14, held_out=2, batch=4, steps=6, look=3, probe=16, final=16, labels=8, depth=1, bursty=0.5
)  # fmt: skip


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def characters(count=6, exemplars=20, size=14):
    """Pixel (0, 0) tells the character, pixel (0, 1) the exemplar."""
    drawn = torch.zeros(count, exemplars, size, size, dtype=torch.uint8)
    drawn[:, :, 0, 0] = torch.arange(count)[:, None]
    drawn[:, :, 0, 1] = torch.arange(exemplars)
    return drawn


@pytest.fixture
def drawn(monkeypatch):
    """Random drawings in place of a data set."""
    pixels = torch.randint(256, (6, 20, 14, 14), dtype=torch.uint8, generator=generator(7))
    monkeypatch.setattr(images, "load", lambda config: (pixels, True))
    return pixels


def test_eight_orientations_are_different_and_keep_the_ink():
    pixels = torch.randint(256, (2, 3, 9, 9), dtype=torch.uint8, generator=generator())
    turned = oriented(pixels, 8)
    assert turned.shape == (2, 8, 3, 9, 9)
    assert torch.equal(turned[:, 0], pixels)
    assert torch.equal(turned[:, 1], pixels.rot90(1, (-2, -1)))
    assert len({tuple(t.flatten().tolist()) for t in turned[0]}) == 8
    assert (turned.sum((-1, -2)) == pixels.sum((-1, -2))[:, None]).all()


def test_characters_held_out_are_never_trained_in_any_orientation():
    config = replace(TINY, held_out=2, orientations=1)
    for seed in range(3):
        shown = pictures(config, characters(), True, generator(seed))
        names = shown.pixels[:, 0, 0, 0].tolist()
        assert sorted(names) == [0, 1, 2, 3, 4, 5]
        assert (shown.classes, shown.held_out) == (4, 2)
    eight = pictures(replace(config, orientations=8), characters(), True, generator())
    assert (eight.classes, eight.held_out) == (32, 16)
    means = eight.pixels.double().mean((1, 2, 3))  # the same for all orientations of a character
    assert not set(means[:32].tolist()) & set(means[32:].tolist())


def test_fewer_classes_and_exemplars_on_request():
    shown = pictures(replace(TINY, orientations=1, classes=3, exemplars=1), characters(), True, generator())
    assert shown.pixels.shape == (5, 1, 14, 14)
    assert (shown.pixels[:, 0, 0, 1] == 0).all()


def test_images_of_a_class_differ_inside_a_sequence_and_the_query_is_no_copy():
    shown = pictures(replace(TINY, orientations=1), characters(), True, generator())
    sequences, _ = Sampler(images.task_of(TINY, shown.classes), generator()).train(300)
    got = shown.of(sequences, 0.0, generator(1))
    assert got.shape == (300, 9, 1, 14, 14)
    exemplar = (got[:, :, 0, 0, 1] * 255).round().long()
    asked = torch.cat([sequences.classes, sequences.query[:, None]], 1)
    pairs = torch.stack([asked, exemplar], -1)
    assert all(len(set(map(tuple, row.tolist()))) == 9 for row in pairs)
    assert torch.equal((got[:, :, 0, 0, 0] * 255).round().long(), shown.pixels[asked, 0, 0, 0].long())
    assert len(exemplar.unique()) == 20


def test_a_single_exemplar_makes_the_query_a_copy_unless_there_is_noise():
    shown = pictures(replace(TINY, orientations=1, exemplars=1), characters(), True, generator())
    sequences, _ = Sampler(images.task_of(replace(TINY, bursty=1.0), shown.classes), generator()).train(50)
    same = sequences.classes == sequences.query[:, None]
    clean, noisy = (shown.of(sequences, sigma, generator(1)) for sigma in (0.0, 0.5))
    distance = (clean[:, :8] - clean[:, 8:]).abs().amax((2, 3, 4))
    assert float(distance[same].max()) == 0.0
    assert float((noisy - clean).std()) == pytest.approx(0.5, rel=0.02)
    assert float((noisy[:, :8] - noisy[:, 8:]).abs().amax((2, 3, 4))[same].min()) > 0


def test_probes_show_held_out_classes_with_two_labels_and_batch_norm_uses_running_statistics(drawn):
    config = replace(TINY, embedder="resnet", size=28)
    shown = Pictures(torch.randint(256, (8, 20, 28, 28), dtype=torch.uint8, generator=generator()), 6, True)
    task = images.task_of(config, 6)
    probe = images.make_probes(Sampler(task, generator()), 2, 16)["ic"]
    assert set(probe.classes.unique().tolist()) == {6, 7}
    assert set(probe.labels.unique().tolist()) == {0, 1}
    model = images.build(config, task.labels, generator())
    before = [buffer.clone() for buffer in model.embed.buffers()]
    whole = images.measure(model, shown, {"ic": probe}, 0.0, generator(2))
    assert whole.keys() == {"ic", "ic_closed"}
    assert all(torch.equal(one, two) for one, two in zip(before, model.embed.buffers()))
    assert model.training
    model.eval()
    pixels = shown.of(probe, 0.0, generator(2))
    one, all_of_them = model(pixels[:1], probe.labels[:1]), model(pixels, probe.labels)
    torch.testing.assert_close(one, all_of_them[:1], rtol=1e-4, atol=1e-4)  # a sequence is judged by itself


def test_unique_labels_where_none_are_shared():
    assert images.task_of(replace(TINY, labels=0), 40).labels == 40
    assert images.task_of(replace(TINY, labels=0, multiplicity=5), 40).labels == 200


def test_a_run_is_a_function_of_its_seed_and_resumes_bit_for_bit(drawn, tmp_path, monkeypatch):
    monkeypatch.setenv("REPLICATIONS_CHECKPOINT_SECONDS", "0")
    monkeypatch.setattr(images, "PORTION", 2)
    cpu, config = torch.device("cpu"), replace(TINY, steps=20, look=10)
    whole = images.train(config, Context(0, cpu))
    other = images.train(config, Context(1, cpu))
    assert whole.scalars != other.scalars
    assert whole.scalars["synthetic"] == 1.0
    assert whole.curves["ic_closed"].x == [0.0, 10.0, 20.0]

    def stop(fraction):
        if fraction >= 0.5:
            raise KeyboardInterrupt

    path = tmp_path / "state.safetensors"
    with pytest.raises(KeyboardInterrupt):
        images.train(config, Context(0, cpu, stop, path, {"identity": "a"}))
    assert path.exists()
    resumed = images.train(config, Context(0, cpu, checkpoint_path=path, checkpoint_key={"identity": "a"}))
    assert resumed.scalars == whole.scalars
    assert resumed.curves == whole.curves


def test_a_small_network_learns_its_classes(drawn):
    """Independent draws of few classes: the loss must fall below that of a uniform guess over eight labels."""
    config = replace(TINY, bursty=0.0, orientations=1, steps=100, look=50, batch=16, lr=3e-3)
    assert images.train(config, Context(0, torch.device("cpu"))).scalars["loss"] < 1.9


def test_mistakes_are_named(drawn):
    draw = generator()
    with pytest.raises(ValueError, match="orientations = 4: choose 1 or 8"):
        oriented(drawn, 4)
    with pytest.raises(UserError, match="held_out = 6: there are 6 characters"):
        pictures(replace(TINY, held_out=6), drawn, True, draw)
    with pytest.raises(UserError, match="classes = 100: the drawings give 32"):
        pictures(replace(TINY, classes=100), drawn, True, draw)
    with pytest.raises(FloatingPointError, match="not finite before step 3: lower lr = inf"):
        images.train(replace(TINY, lr=float("inf")), Context(0, torch.device("cpu")))


def test_unknown_drawings_are_named():
    with pytest.raises(
        UserError, match="no drawings 'mnist': choose from omniglot, omniglot-full, glyphs, best, letters"
    ):
        images.load(replace(TINY, drawings="mnist"))


def test_letters_are_drawn_without_a_cache():
    pixels, synthetic = images.load(replace(TINY, drawings="letters"))
    assert synthetic
    assert pixels.shape == (24, 20, 14, 14)
    assert 0 < float(pixels.float().mean()) < 128
