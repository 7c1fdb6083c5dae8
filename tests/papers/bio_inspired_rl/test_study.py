"""The study: profiles, programs, dry run, and the totals that its names promise."""

from dataclasses import replace

import pytest

from replications.papers.bio_inspired_rl import study
from replications.papers.bio_inspired_rl.config import Config
from replications.papers.bio_inspired_rl.exact import ExactConfig
from replications.papers.bio_inspired_rl.networks import Network
from replications.study import Run


def agents(profile):
    return {n: c for n, c in study.STUDY.plan(profile).conditions.items() if isinstance(c, Config)}


@pytest.mark.parametrize("profile", ["laptop", "gpu"])
def test_names_promise_the_total_compression(profile):
    conditions = agents(profile)
    for name, config in conditions.items():
        ratio = int(name.rsplit("-", 1)[1]) if name[-1].isdigit() else 1
        game = name.split("-")[0]
        achieved = Network(conditions[f"{game}-dense"].shape()).count() / Network(config.shape()).count()
        assert ratio <= achieved < 1.06 * ratio, name


def test_every_claim_has_its_control_in_every_profile():
    for profile, nets in (
        ("laptop", ("dense", "tucker-2", "tucker-10", "narrow-2", "narrow-10")),
        ("gpu", ("tucker-2", "narrow-10")),
    ):
        games = study.MINATAR if profile == "laptop" else study.GPU_GAMES
        assert all(f"{game}-{net}" in agents(profile) for game in games for net in nets)


def test_atari_games_of_the_gpu_profile_are_one_program_a_net():
    programs = {study.program(config) for config in agents("gpu").values()}
    assert len(programs) == 4
    assert len(agents("gpu")) * study.STUDY.plan("gpu").seeds / len(programs) <= study.STUDY.together_limit


def test_minatar_games_are_programs_of_their_own():
    assert study.program(agents("laptop")["breakout-dense"]) != study.program(agents("laptop")["space_invaders-dense"])


def test_the_paper_profile_holds_26_games_at_100_000_steps():
    conditions = agents("paper")
    assert len({config.game for config in conditions.values()}) == 26
    assert all(config.steps == 100_000 for config in conditions.values())
    noisy = conditions["krull-der-noisy"]
    assert (noisy.noisy, noisy.n_step, noisy.period, noisy.trunk) == (True, 20, 1, "der")


def test_a_run_dispatches_by_its_config(tiny, context, monkeypatch):
    monkeypatch.setattr(study, "run_exact", lambda config, context: ("exact", context.seed))
    assert "score" in study.run(tiny(), context()).scalars
    assert study.together([ExactConfig()] * 2, [context(0), context(1)]) == [("exact", 0), ("exact", 1)]


def test_the_narrow_control_learns_at_its_own_rate_and_the_others_at_theirs():
    rates = {name.split("-", 1)[1]: config.lr for name, config in agents("laptop").items() if config.game == "breakout"}
    assert {net: rate for net, rate in rates.items() if rate == 2e-3}.keys() == {"narrow-2", "narrow-5", "narrow-10"}
    assert rates["dense"] == rates["tucker-10"] == rates["scattering-tucker-10"] == 1e-3


def test_the_published_setting_builds(context):
    config = agents("paper")["krull-dense"]
    assert "3,787,369 coefficients" in study.dry_run(replace(config, batch=2), context())


def test_kfac_differs_from_its_twin_in_the_optimiser_alone():
    conditions = agents("laptop")
    twin = replace(conditions["breakout-kfac-tucker-10"], optimizer="adam", lr=conditions["breakout-tucker-10"].lr)
    assert twin == conditions["breakout-tucker-10"]
    assert Run("p", "laptop", "x", twin, 0).identity
