"""Every rule needs a test in which it says no: make records with replications.study.testing.fake_records."""

from replications.papers.zipfian_environments.claims import CLAIMS


def test_claims_are_numbered_in_order():
    assert [claim.id for claim in CLAIMS] == [f"C{number}" for number in range(1, len(CLAIMS) + 1)]
