import pytest
import torch

from replications.study import checkpoint


def test_a_tree_comes_back_as_it_was(tmp_path):
    weight = torch.arange(6.0).reshape(2, 3)
    tree = {"model": {"w": weight, "t": weight.t()}, "groups": [{"lr": 0.1, 3: (1, None, "x")}], "done": True}
    checkpoint.write(tmp_path / "c.safetensors", tree, {"identity": "a"})
    found = checkpoint.read(tmp_path / "c.safetensors", {"identity": "a"})
    assert torch.equal(found["model"]["w"], weight)
    assert torch.equal(found["model"]["t"], weight.t())
    assert found["groups"] == [{"lr": 0.1, 3: (1, None, "x")}]
    assert found["done"] is True


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64, torch.int64, torch.uint8])
def test_dtypes_survive(tmp_path, dtype):
    checkpoint.write(tmp_path / "c.safetensors", {"x": torch.ones(3, dtype=dtype)}, {})
    assert checkpoint.read(tmp_path / "c.safetensors", {})["x"].dtype is dtype


def test_another_runs_state_is_ignored(tmp_path):
    checkpoint.write(tmp_path / "c.safetensors", {"x": torch.ones(1)}, {"identity": "a"})
    assert checkpoint.read(tmp_path / "c.safetensors", {"identity": "b"}) is None


def test_a_truncated_file_is_no_state(tmp_path):
    path = tmp_path / "c.safetensors"
    checkpoint.write(path, {"x": torch.ones(100)}, {})
    path.write_bytes(path.read_bytes()[:200])
    assert checkpoint.read(path, {}) is None
    assert checkpoint.read(tmp_path / "absent", {}) is None


def test_what_cannot_be_saved_is_refused(tmp_path):
    with pytest.raises(TypeError, match="cannot checkpoint a set"):
        checkpoint.write(tmp_path / "c.safetensors", {"x": {1, 2}}, {})
    assert list(tmp_path.iterdir()) == []
