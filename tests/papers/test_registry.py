import pytest

from replications.papers import registry
from replications.study import UserError


def test_there_are_fourteen_papers_each_once():
    assert len(registry.PAPERS) == len(registry.BY_SLUG) == 14
    assert all(paper.slug.isidentifier() for paper in registry.PAPERS)


def test_unknown_and_unbuilt_papers_are_said(monkeypatch):
    with pytest.raises(UserError, match="unknown paper 'dino': choose from byol"):
        registry.chapters(["dino"])
    monkeypatch.setattr(registry, "has_chapter", lambda slug: False)
    with pytest.raises(UserError, match="the chapter of 'byol' is not built yet"):
        registry.chapters(["byol"])
    assert registry.chapters() == []


def test_chapters_come_in_the_order_of_the_book():
    assert [paper.slug for paper in registry.chapters(["policy_gradients_soft_q", "byol"])] == [
        "byol",
        "policy_gradients_soft_q",
    ]
