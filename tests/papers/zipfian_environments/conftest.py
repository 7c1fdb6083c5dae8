"""Helpers for runs of a few steps."""

import numpy as np
import pytest
import torch
import torch._dynamo  # brings triton, which crashes where it is first imported after MiniWorld's drawing: both carry LLVM

from replications.study import Context


@pytest.fixture
def same_after_a_kill(tmp_path, monkeypatch):
    """A check that a run stopped after `share` of it ends, when started again, as if it had not been."""

    def check(run, config, share=0.5):
        def context(**options):
            return Context(0, torch.device("cpu"), **options)

        whole = run(config, context())
        monkeypatch.setenv("REPLICATIONS_CHECKPOINT_SECONDS", "0")

        def stop(fraction):
            if fraction > share:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run(config, context(report=stop, checkpoint_path=tmp_path / "state"))
        seen = []
        resumed = run(config, context(report=seen.append, checkpoint_path=tmp_path / "state"))
        assert seen[0] > share - 0.3
        assert len(seen) < 100
        assert resumed.scalars == whole.scalars
        assert {name: list(curve.y) for name, curve in resumed.curves.items()} == {
            name: list(curve.y) for name, curve in whole.curves.items()
        }
        for name, array in whole.arrays.items():
            assert np.array_equal(array, resumed.arrays[name])
        return whole

    return check
