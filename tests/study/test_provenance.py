from dataclasses import replace

import pytest

from replications.study import UserError, provenance
from toy_study import STUDY


class Absent:
    name = "absent"

    def checksum(self):
        raise UserError("data 'absent' cannot be had: no network")


def test_what_decides_and_what_is_only_told():
    now = provenance.current(STUDY, "cpu", 1)
    assert now.differences(now) == []
    assert replace(now, device="gpu", threads=8, commit="x").differences(now) == []
    assert replace(now, source="x").differences(now) == ["source"]
    assert replace(now, data={"mnist": "x"}, torch="0").differences(now) == ["data", "torch"]


def test_versions_are_those_installed():
    import numpy
    import torch

    now = provenance.current(STUDY)
    assert now.torch == torch.__version__.split("+")[0]
    assert now.numpy == numpy.__version__
    assert provenance._version("no-such-package") == "absent"


def test_a_batched_program_is_part_of_the_source():
    import toy_study

    assert provenance.source_of(STUDY) != ""
    together = replace(STUDY, together=toy_study.together)
    assert provenance.source_of(together) == provenance.source_of(together)


def test_absent_data_is_said():
    with pytest.raises(UserError, match="cannot be had"):
        provenance.current(replace(STUDY, data=(Absent(),)))
