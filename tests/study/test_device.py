import pytest
import torch

from replications.study import UserError, device


def test_cpu_is_always_there():
    assert device.resolve("cpu").type == "cpu"
    assert device.describe(torch.device("cpu"))


def test_unknown_and_absent_devices_are_said(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="unknown device 'tpu': choose one of auto, cpu, cuda"):
        device.resolve("tpu")
    with pytest.raises(UserError, match="no GPU found"):
        device.resolve("cuda")
    with pytest.raises(UserError, match="needs a GPU"):
        device.resolve("auto", needs_gpu=True)
    assert device.resolve("auto").type == "cpu"
    assert device.resolve("cpu", needs_gpu=True).type == "cpu"  # forced


def test_a_gpu_is_taken_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device.resolve("auto").type == "cuda"
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Some GPU")
    assert device.describe(torch.device("cuda")) == "Some GPU"
