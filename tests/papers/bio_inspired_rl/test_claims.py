"""Every rule says yes where the claim holds, and no where it does not; every falsifier too."""

import math

from replications.papers.bio_inspired_rl.claims import CLAIMS
from replications.study import Verdict, judge_records
from replications.study.testing import fake_records


def judge(scalars, profile="laptop"):
    return {entry.claim.id: entry for entry in judge_records("bio", CLAIMS, fake_records(scalars, profile=profile))}


def test_all_hold_on_good_numbers(good):
    _, laptop, atari = good
    entries = judge(laptop())
    for name in ("C1", "C2", "C3", "P1"):
        assert entries[name].verdict is Verdict.REPRODUCED, name
    assert entries["C1"].falsifier == entries["C3"].falsifier == "broke the claim"
    assert judge(atari(), "gpu")["C1-atari"].verdict is Verdict.REPRODUCED
    assert all(entries[name].verdict is Verdict.NOT_TESTABLE for name in ("C4", "C5"))


def test_compression_fails_at_two_and_is_partial_at_ten(good):
    scores, laptop, _ = good
    assert judge(laptop(scores() | {"tucker-2": 0.6}))["C1"].verdict is Verdict.NOT
    assert judge(laptop(scores() | {"tucker-10": 0.6}))["C1"].verdict is Verdict.PARTLY
    assert judge(laptop(scores() | {"tucker-10": 0.895}))["C1"].verdict is Verdict.PARTLY  # straddles the margin


def test_a_narrow_network_that_does_as_well_caps_the_claims(good):
    scores, laptop, atari = good
    entries = judge(laptop(scores() | {"narrow-10": 1.0}))
    assert entries["C1"].verdict is entries["C3"].verdict is Verdict.PARTLY
    assert entries["C1"].falsifier == "did not break the claim"
    assert judge(atari(scores() | {"narrow-10": 1.0}), "gpu")["C1-atari"].verdict is Verdict.PARTLY


def test_a_dense_network_that_learned_nothing_shows_nothing(good):
    scores, laptop, _ = good
    scalars = laptop(dict.fromkeys(scores(), 0.0501))  # as good as random play
    for name, metrics in scalars.items():
        if name != "exact":
            metrics["score"] = [0.5 + 0.2 * (k - 1.9) * (-1) ** len(name) for k in range(5)]
    assert judge(scalars)["C1"].verdict is not Verdict.REPRODUCED


def test_atari_below_the_human_margin_fails(good):
    scores, _, atari = good
    assert judge(atari(scores() | {"tucker-2": 0.5}), "gpu")["C1-atari"].verdict is Verdict.NOT


def test_kfac_must_save_updates_and_adam_must_arrive(good):
    _, laptop, _ = good
    scalars = laptop()
    for name in scalars:
        if "kfac" in name:
            scalars[name]["updates_to_threshold"] = [8000.0, 8100.0, 7900.0, 8000.0, 8050.0]
    assert judge(scalars)["C2"].verdict is not Verdict.REPRODUCED
    scalars = laptop()
    for name in scalars:
        if name.endswith("-tucker-10") and "kfac" not in name:
            scalars[name]["reached"] = [0.0] * 5
    assert judge(scalars)["C2"].verdict is not Verdict.REPRODUCED


def test_scattering_must_keep_the_score_with_fewer_coefficients(good):
    scores, laptop, _ = good
    assert judge(laptop(scores() | {"scattering-tucker-10": 0.5}))["C3"].verdict is Verdict.NOT
    scalars = laptop()
    for name in scalars:
        if "scattering" in name:
            scalars[name]["coefficients"] = [2e5] * 5
    assert judge(scalars)["C3"].verdict is Verdict.PARTLY


def test_every_identity_can_fail(good):
    _, laptop, _ = good
    for metric in laptop()["exact"]:
        for wrong in (1.0, math.nan):
            scalars = laptop()
            scalars["exact"][metric] = [wrong]
            assert judge(scalars)["P1"].verdict is not Verdict.REPRODUCED, metric


def test_too_few_seeds_are_not_judged(good):
    _, laptop, _ = good
    two = {name: {m: values[:2] for m, values in metrics.items()} for name, metrics in laptop().items()}
    assert judge(two)["C1"].verdict is Verdict.NOT_RUN
