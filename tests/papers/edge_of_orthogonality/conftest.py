"""The config of this chapter's tests: seconds on the made-up pictures of the fixture `pictures`."""

from __future__ import annotations

from replications.papers.edge_of_orthogonality.learner import Config

SMALL = Config(
    hidden=16, projection=8, images=160, test_images=40, epochs=2.0, batch=32, looks=2, warmup=0.1, bfloat16=False
)
