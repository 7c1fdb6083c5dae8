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


def test_the_source_of_a_kind_is_its_own_function_and_leaves_the_main_kind_alone():
    import toy_study

    study = replace(STUDY, kinds={toy_study.Identity: toy_study.check_identity}, together=toy_study.together)
    main = replace(STUDY, together=toy_study.together)
    assert provenance.source_of(study) == provenance.source_of(study, toy_study.Config()) == provenance.source_of(main)
    alone = replace(STUDY, run=toy_study.check_identity)
    other = _entries(study, toy_study.Identity())
    assert other == _entries(alone, None) == [("toy_study", "check_identity")]
    assert _entries(study, None) == [("toy_study", "run"), ("toy_study", "together")]


def _entries(study, config):
    """What `source_of` starts from: the toy study is no part of the package, so its fingerprints are all alike."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(provenance, "_fingerprint", list)
        return provenance.source_of(study, config)


def test_absent_data_is_said():
    with pytest.raises(UserError, match="cannot be had"):
        provenance.current(replace(STUDY, data=(Absent(),)))
