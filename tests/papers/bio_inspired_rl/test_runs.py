"""The loop: pure in config and seed, the same beside others, the same after an interruption, and it learns."""

import numpy as np
import pytest
import torch

from replications.papers.bio_inspired_rl import runs
from replications.papers.bio_inspired_rl.runs import Diary, run_together
from replications.papers.bio_inspired_rl.study import DER, STUDY
from replications.study import Context


def same(one, two):
    return (
        one.scalars == two.scalars
        and {n: c.y for n, c in one.curves.items()} == {n: c.y for n, c in two.curves.items()}
        and all(np.array_equal(one.arrays[n], two.arrays[n]) for n in one.arrays)
    )


VARIANTS = {
    "dense": {},
    "tucker": {"layer": "tucker", "ranks": (8, 4, 4, 20)},
    "kfac": {"layer": "tucker", "ranks": (8, 4, 4, 20), "optimizer": "kfac", "lr": 0.05},
    "cp": {"layer": "cp", "ranks": (20,)},
    "low-rank": {"layer": "low-rank", "ranks": (9,)},
    "scattering": {"trunk": "none", "scattering": 1},
    "noisy-c51": {"noisy": True, "atoms": 11, "dueling": True, "hidden": 16},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_seed_gives_alone_what_it_gives_beside_others(name, tiny, context):
    config = tiny(**VARIANTS[name])
    together = run_together([config] * 3, [context(seed) for seed in (4, 0, 1)])
    STUDY.validate(together[0])
    assert same(together[1], run_together([config], [context(0)])[0])
    assert together[0].scalars != together[1].scalars or together[0].curves["score"].y != together[1].curves["score"].y


class Interrupted(Exception):
    """Stands for a kill."""


@pytest.mark.parametrize("name", ["dense", "kfac"])
def test_an_interrupted_program_ends_as_if_undisturbed(name, tiny, context, tmp_path, monkeypatch):
    config = tiny(**VARIANTS[name])
    undisturbed = run_together([config] * 2, [context(seed) for seed in (0, 1)])
    monkeypatch.setenv("REPLICATIONS_CHECKPOINT_SECONDS", "0")

    def contexts():
        return [context(seed, checkpoint_path=tmp_path / f"{seed}") for seed in (0, 1)]

    monkeypatch.setattr(runs.Session, "learn", interrupting(runs.Session.learn, 120))
    with pytest.raises(Interrupted):
        run_together([config] * 2, contexts())
    monkeypatch.undo()
    assert len(list(tmp_path.iterdir())) == 2
    begun = []
    monkeypatch.setattr(runs.Session, "choose", noting(runs.Session.choose, begun))
    resumed = run_together([config] * 2, contexts())
    assert begun[0] == 100  # not from the start
    assert all(same(a, b) for a, b in zip(resumed, undisturbed))


def interrupting(method, at):
    def learn(self, step):
        if step == at:
            raise Interrupted
        return method(self, step)

    return learn


def noting(method, steps):
    def choose(self, step):
        steps.append(step)
        return method(self, step)

    return choose


def test_states_of_different_steps_are_not_mixed(tiny, context, tmp_path, monkeypatch):
    monkeypatch.setenv("REPLICATIONS_CHECKPOINT_SECONDS", "0")
    config = tiny()
    run_together([config], [context(0, checkpoint_path=tmp_path / "0")])  # leaves its last state
    beside = [context(0, checkpoint_path=tmp_path / "0"), context(1, checkpoint_path=tmp_path / "1")]
    assert same(run_together([config] * 2, beside)[0], run_together([config], [context(0)])[0])


def test_atari_plays_and_learns_through_workers(context):
    config = runs.Config(
        **(
            vars(DER)
            | {"steps": 50, "learning_starts": 20, "n_step": 3, "batch": 4, "hidden": 8, "episodes": 1, "limit": 15}
        )
    )
    outcome = run_together([config], [context(0)])[0]
    assert outcome.scalars["updates"] == 30
    assert "random_score" not in outcome.scalars
    STUDY.validate(outcome)


def test_weights_that_are_not_finite_are_reported_with_their_seed(tiny, context):
    with pytest.raises(FloatingPointError, match="seed 7: the weights are not finite"):
        run_together([tiny(lr=float("inf"))], [context(7)])


def test_a_diary_keeps_episodes_and_their_running_mean():
    diary = Diary()
    for step in range(60):
        diary.note(step, 1.0 if step >= 30 else 0.0, over=step % 2 == 1)
    assert diary.ends[:3] == [2, 4, 6]
    assert diary.scores[-1] == 2.0
    recent = diary.recent(60)
    assert recent[29] == 0.0
    assert recent[-1] == pytest.approx(2.0 * 15 / 20)
    assert diary.reached(0.2, 60) == 40  # higher before, but not yet twenty episodes
    assert diary.reached(1.0, 60) == 50
    assert diary.reached(1.9, 60) == 60


def test_the_threshold_counts_only_full_means():
    diary = Diary()
    for step in range(50):
        diary.note(step, 5.0 if step == 0 else 0.0, over=True)
    assert diary.reached(4.0, 50) == 50  # one lucky first episode is no mean of twenty


@pytest.mark.slow
def test_a_tucker_network_learns_breakout(tiny, context):
    fields = {
        "steps": 3500, "learning_starts": 200, "batch": 32, "n_step": 5, "target_every": 100, "epsilon_steps": 1000,
        "lr": 1e-3, "episodes": 20, "limit": 300,
    }  # fmt: skip
    outcome = run_together([tiny(**fields, **VARIANTS["tucker"])], [context(0)])[0]
    assert outcome.scalars["score"] > outcome.scalars["random_score"] + 0.7


def test_dry_run_takes_two_updates(tiny, context):
    assert "132,179 coefficients" in runs.dry_run(tiny(), context())


def test_evaluation_plays_every_episode_to_its_end(tiny, context):
    session = runs.Session([tiny()], [context(0)])
    scores = session.evaluate("evaluation", 1.0)
    assert scores.shape == (1, 2)
    assert isinstance(session.agents.online.tensor, torch.Tensor)
    assert (scores >= 0).all()
    assert np.array_equal(scores, runs.Session([tiny()], [context(0)]).evaluate("evaluation", 1.0))


def test_contexts_of_tests_have_no_checkpoint(context):
    assert isinstance(context(3), Context)
    assert not context(3).due()
