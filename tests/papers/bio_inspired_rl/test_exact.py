"""The identities hold to rounding, and the table counts what is built."""

from replications.papers.bio_inspired_rl import exact


def test_every_identity_holds(context):
    found = exact.run_exact(exact.ExactConfig(actions=(6,), ratios=(10.0,)), context()).scalars
    assert found["count_error"] == found["scattering_count_error"] == 0
    assert found["full_rank_error"] < 1e-12
    assert found["projection_error"] < 1e-12
    assert found["scattering_stack_error"] < 1e-6
    assert found["kfac_error"] < 1e-5
    assert found["table_error"] < 1e-3


def test_a_wrong_formula_would_be_seen(context, monkeypatch):
    monkeypatch.setitem(exact.TRUNK_COUNTS, "nature", (77_984, 3137))
    errors = exact.count_errors(exact.ExactConfig((6,), ()), context().generator("exact"))
    assert errors == [-2 * 512, 0]


def test_the_table_holds_the_known_totals():
    counts = {name: count for name, count, _ in exact.count_table()}
    assert counts["Rainbow"] == 3_473_413
    assert counts["Rainbow, noisy"] == 6_868_842
    assert counts["data-efficient Rainbow"] == 441_669
    assert counts["data-efficient Rainbow, noisy"] == 828_842
    assert counts["DQN"] == 1_687_206
    for kind in ("tucker", "cp", "low-rank", "narrow"):
        assert counts[f"Rainbow, {kind}, 1/10"] <= 347_341
