"""The registry of data sets: complete, lazy, and clear about a wrong name."""

import re
import subprocess
import sys

import pytest

from replications import data


@pytest.mark.parametrize("name", data.NAMES)
def test_every_data_set_says_what_it_is(name: str) -> None:
    dataset = data.get(name)
    assert dataset.name == name
    assert dataset.title
    assert dataset.licence
    assert dataset.source
    assert dataset.sources
    assert dataset.synthetic == name.startswith("glyphs")
    assert re.fullmatch("|[0-9a-f]{64}", dataset.sha256)
    assert dataset.path.name == f"{name}.safetensors"


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"unknown data set 'imagenet'.*cifar10, mnist, fashion-mnist"):
        data.get("imagenet")


def test_nothing_heavy_is_imported() -> None:
    heavy = "{'torch', 'torchvision', 'PIL', 'matplotlib', 'fontTools'}"
    program = f"import sys\nfrom replications import data\n[data.get(n) for n in data.NAMES]\nprint({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("name", ["cifar10", "mnist", "fashion-mnist", "wikipedia", "omniglot"])
def test_fixed_content_has_a_checksum_without_a_cache(name: str, cache: object) -> None:
    dataset = data.get(name)
    assert not dataset.cached()
    assert dataset.checksum() == dataset.sha256 != ""
