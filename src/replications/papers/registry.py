"""The fourteen papers, and which of them have a chapter."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from replications.study import Claim, Study, UserError


@dataclass(frozen=True)
class Paper:
    """A paper of the book; `slug` names its module, its chapter and its results folder."""

    slug: str
    title: str
    year: int
    arxiv: str
    part: str  # of the book


LABELS = "Learning without labels"
SEQUENCES = "Sequences"
CATEGORIES = "Diffusing categories"
ACTING = "Acting"
DYNAMICS = "Training dynamics"

PAPERS = (
    Paper("byol", "Bootstrap your own latent", 2020, "2006.07733", LABELS),
    Paper(
        "byol_without_batch_statistics", "BYOL works even without batch statistics", 2020, "2010.10241", LABELS
    ),
    Paper("edge_of_orthogonality", "The edge of orthogonality", 2023, "2302.04817", LABELS),
    Paper("semppl", "SemPPL: predicting pseudo-labels for better contrastive representations", 2023, "2301.05158", LABELS),
    Paper("recurrent_discounted_attention", "The recurrent discounted attention unit", 2017, "1705.08480", SEQUENCES),
    Paper(
        "emergent_in_context_learning",
        "Data distributional properties drive emergent in-context learning in transformers",
        2022,
        "2205.05055",
        SEQUENCES,
    ),
    Paper("simplex_diffusion", "Categorical SDEs with simplex diffusion", 2022, "2210.14784", CATEGORIES),
    Paper(
        "continuous_diffusion_for_categorical_data",
        "Continuous diffusion for categorical data",
        2022,
        "2211.15089",
        CATEGORIES,
    ),
    Paper(
        "policy_gradients_soft_q",
        "A short variational proof of equivalence between policy gradients and soft Q learning",
        2017,
        "1712.08650",
        ACTING,
    ),
    Paper("wasserstein_rl", "On Wasserstein reinforcement learning and the Fokker-Planck equation", 2017, "1712.07185", ACTING),
    Paper("zipfian_environments", "Zipfian environments for reinforcement learning", 2022, "2203.08222", ACTING),
    Paper(
        "bio_inspired_rl",
        "Biologically inspired architectures for sample-efficient deep reinforcement learning",
        2019,
        "1911.11285",
        ACTING,
    ),
    Paper("static_activation_normalization", "Static activation function normalization", 2019, "1905.01369", DYNAMICS),
    Paper(
        "complexity_gradient_descent",
        "Combining learning rate decay and weight decay with complexity gradient descent",
        2019,
        "1902.02881",
        DYNAMICS,
    ),
)  # fmt: skip

BY_SLUG = {paper.slug: paper for paper in PAPERS}


def has_chapter(slug: str) -> bool:
    """Whether the paper has been built."""
    return (Path(__file__).parent / slug / "claims.py").exists()


def chapters(slugs: Sequence[str] = ()) -> list[Paper]:
    """The papers called `slugs`, or all that have a chapter.

    Raises:
        UserError: a slug is unknown, or its chapter is not built yet.
    """
    for slug in slugs:
        if slug not in BY_SLUG:
            raise UserError(f"unknown paper '{slug}': choose from {', '.join(BY_SLUG)}")
        if not has_chapter(slug):
            raise UserError(f"the chapter of '{slug}' is not built yet: see 'replicate list'")
    return [paper for paper in PAPERS if (paper.slug in slugs if slugs else has_chapter(paper.slug))]


def study_of(slug: str) -> Study:
    """The study of a paper that has a chapter."""
    study: Study = importlib.import_module(f"replications.papers.{slug}.study").STUDY
    return study


def claims_of(slug: str) -> tuple[Claim, ...]:
    """The claims of a paper that has a chapter."""
    claims: tuple[Claim, ...] = importlib.import_module(f"replications.papers.{slug}.claims").CLAIMS
    return claims
