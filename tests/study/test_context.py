import pytest
import torch

from replications.study import Context


def test_streams_are_named_and_repeatable():
    first, again = Context(3, torch.device("cpu")), Context(3, torch.device("cpu"))
    draw = torch.rand(4, generator=first.generator("data"))
    assert torch.equal(draw, torch.rand(4, generator=again.generator("data")))
    assert not torch.equal(draw, torch.rand(4, generator=first.generator("init")))
    assert not torch.equal(draw, torch.rand(4, generator=Context(4, torch.device("cpu")).generator("data")))


def test_due_follows_the_interval(tmp_path, monkeypatch):
    context = Context(0, torch.device("cpu"), checkpoint_path=tmp_path / "c.safetensors")
    assert not context.due()
    monkeypatch.setenv("REPLICATIONS_CHECKPOINT_SECONDS", "0")
    assert context.due()


def test_without_a_path_nothing_is_saved(monkeypatch):
    monkeypatch.setenv("REPLICATIONS_CHECKPOINT_SECONDS", "0")
    context = Context(0, torch.device("cpu"))
    assert not context.due()
    context.save({"x": 1})
    assert context.restore() is None


def test_save_and_restore(tmp_path):
    context = Context(
        0, torch.device("cpu"), checkpoint_path=tmp_path / "c.safetensors", checkpoint_key={"identity": "a"}
    )
    context.save({"step": 7})
    assert context.restore() == {"step": 7}


def test_progress_is_reported():
    seen: list[float] = []
    Context(0, torch.device("cpu"), report=seen.append).progress(0.5)
    assert seen == pytest.approx([0.5])
