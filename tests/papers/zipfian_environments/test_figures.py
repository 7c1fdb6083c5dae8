from replications.figures import drawing
from replications.papers.zipfian_environments.figures import gaps
from replications.study.testing import fake_records


def test_gaps_shows_each_seed_of_each_condition(tmp_path, monkeypatch):
    monkeypatch.setattr(drawing, "build_folder", lambda: tmp_path)
    gaps(fake_records({"plane": {"gap": [1e-16, 3e-16]}, "high": {"gap": [2e-16, 4e-16]}}))
    data = (tmp_path / "figures" / "zipfian-environments-gaps.json").read_text()
    assert all(number in data for number in ("1e-16", "2e-16", "3e-16", "4e-16"))
    assert (tmp_path / "figures" / "zipfian-environments-gaps.svg").exists()
