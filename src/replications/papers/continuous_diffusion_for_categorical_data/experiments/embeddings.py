"""E2: what each loss does to learnt embeddings, where everything is known: one token of eight (C1, C2).

{cross-entropy, squared error of x̂_0} × {normalised, free, frozen}. The network is the chapter's own, on sequences of
length one; its posterior given its embeddings is exact, so gaps are to Bayes and not to another network.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from replications.papers.continuous_diffusion_for_categorical_data import method, sampling
from replications.papers.continuous_diffusion_for_categorical_data.config import Config
from replications.papers.continuous_diffusion_for_categorical_data.model import Model
from replications.papers.continuous_diffusion_for_categorical_data.training import train
from replications.study import Context, Curve, Outcome

RATIOS = (4.0, 2.0, 1.0, 0.5)  # √d/t at which gaps are measured
DRAWS = 4000  # noisy tokens for each gap


def prior_of(categories: int) -> Tensor:
    """A law that falls as 1/(v + 2), so that no two tokens are alike."""
    weight = 1 / torch.arange(2.0, method.check_alphabet(categories) + 2)
    return weight / weight.sum()


def spread(model: Model) -> dict[str, float]:
    """Smallest and mean distance of embeddings over √d, and the mean norm of the rows over √d."""
    with torch.no_grad():
        embeddings, root = model.embeddings(), math.sqrt(model.config.dimension)
        norm = model.rows.norm(dim=1).mean()
        distances = torch.pdist(embeddings) / root
    return {
        "min_distance": float(distances.min()),
        "mean_distance": float(distances.mean()),
        "row_norm": float(norm) / root,
    }


def embeddings(config: Config, context: Context) -> Outcome:
    """Train one arm; follow its embeddings; compare its x̂_0 and losses with the exact ones, and its samples with the law."""
    prior = prior_of(config.categories).to(context.device)

    def draw(count: int, generator: torch.Generator) -> Tensor:
        return torch.multinomial(prior, count, replacement=True, generator=generator)[:, None]

    model, _, curves = train(config, context, draw, share=0.9, watch=spread)
    vectors, generator = model.embeddings(), context.generator("gaps")
    losses, errors = [], []
    for ratio in RATIOS:
        t = math.sqrt(config.dimension) / ratio
        tokens = draw(DRAWS, generator)
        x = method.noise(vectors[tokens], torch.full((DRAWS,), t, device=prior.device), generator)
        p, exact = model.denoiser()(x, t, None), method.posterior(x, t, vectors, prior)
        chosen = [q.gather(-1, tokens[..., None]).clamp(min=1e-30).log().mean() for q in (exact, p)]
        losses.append(float(chosen[0] - chosen[1]))
        found, best = (method.expected_embedding(q, vectors) for q in (p, exact))
        floor = (vectors[tokens] - best).square().mean()
        errors.append(float((found - best).square().mean() / floor.clamp(min=1e-12)))
    times = sampling.rho_times(config.t_min, config.t_max, config.steps[0], 8)
    shape = config.draws, config.length
    tokens, _ = sampling.sample(model.denoiser(), vectors, times, shape, context.generator("sampling"))
    share = torch.bincount(tokens.flatten(), minlength=config.categories) / tokens.numel()
    updates = curves.pop("update")
    rise = np.diff(curves["row_norm"][len(updates) // 2 :])
    scalars = {
        **spread(model),
        "row_norm_start": curves["row_norm"][0],
        "row_norm_rise": float(rise.min()) if len(rise) else 0.0,
        "bayes_gap": float(np.mean(losses)),
        "estimate_error": float(np.mean(errors)),
        "unigram_tv": 0.5 * float((share - prior).abs().sum()),
    }
    shown = {
        name: Curve(updates, curves[name], "update", name) for name in ("min_distance", "mean_distance", "row_norm")
    }
    return Outcome(scalars, shown, steps=config.updates, samples=config.updates * config.batch)
