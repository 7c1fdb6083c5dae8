from dataclasses import replace

import pytest

import toy_study
from replications.study import Outcome, Plan, Run, UserError
from toy_study import STUDY, Config


def test_identity_follows_config_and_seed():
    run = Run("toy", "smoke", "fast", Config(), 0)
    assert run.identity == Run("toy", "laptop", "renamed", Config(), 0).identity  # the same numbers
    assert run.identity != Run("toy", "smoke", "fast", Config(), 1).identity
    assert run.identity != Run("toy", "smoke", "fast", Config(rate=0.2), 0).identity
    assert run.identity != Run("other", "smoke", "fast", Config(), 0).identity


def test_runs_are_conditions_times_seeds():
    assert len(STUDY.runs("smoke")) == 4
    assert [run.condition for run in STUDY.runs("smoke", seeds=1)] == ["fast", "slow"]
    assert {run.condition for run in STUDY.runs("laptop", only=["slow"])} == {"slow"}


def test_a_config_is_run_by_the_function_of_its_kind():
    study = replace(STUDY, kinds={toy_study.Identity: toy_study.check_identity}, together=toy_study.together)
    assert study.run_of(Config()) is toy_study.run
    assert study.together_of(Config()) is toy_study.together
    assert study.run_of(toy_study.Identity()) is toy_study.check_identity
    assert study.together_of(toy_study.Identity()) is None
    assert STUDY.run_of(toy_study.Identity()) is toy_study.run  # without the kind there is one function for all


def test_mistakes_are_said():
    with pytest.raises(UserError, match="toy has no profile 'paper': choose one of smoke, laptop, gpu"):
        STUDY.runs("paper")
    with pytest.raises(UserError, match="toy has no condition 'best' at profile smoke: choose from fast, slow"):
        STUDY.runs("smoke", only=["best"])
    with pytest.raises(UserError, match="at least one seed"):
        STUDY.runs("smoke", seeds=0)


def test_a_study_declares_its_profiles_and_metrics():
    with pytest.raises(ValueError, match="unknown profile 'huge'"):
        replace(STUDY, profiles={"huge": Plan({}, 1, 1.0)})
    with pytest.raises(ValueError, match="'a' and 'b' have the same config"):
        toy_study.with_smoke(a=Config(), b=Config())
    with pytest.raises(ValueError, match=r"does not declare the metric\(s\) speed"):
        STUDY.validate(Outcome({"speed": 1.0}))
