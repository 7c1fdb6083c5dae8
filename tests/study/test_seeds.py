import torch

from replications.study import seeds


def test_the_streams_are_fixed_for_ever():
    # a change here would make every record stale without saying so
    assert seeds.stream_seed(0, "main") == 566810950064636742


def test_no_two_streams_share_a_seed():
    found = {seeds.stream_seed(seed, name) for seed in range(100) for name in ("main", "data", "init")}
    assert len(found) == 300


def test_the_generator_is_on_its_device():
    assert seeds.generator(0, "main", "cpu").device == torch.device("cpu")
