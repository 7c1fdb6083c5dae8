"""Embeddings and network together: from a noisy sequence and its level to logits (Section 3.3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from replications.papers.continuous_diffusion_for_categorical_data import method
from replications.papers.continuous_diffusion_for_categorical_data.config import Config
from replications.papers.continuous_diffusion_for_categorical_data.network import Transformer
from replications.papers.continuous_diffusion_for_categorical_data.sampling import Denoiser, corrected


class Model(nn.Module):
    """Rows W (V, d) and a Transformer that sees, side by side, c_in x, given embeddings, the mask, and an earlier x̂_0."""

    def __init__(self, config: Config, generator: torch.Generator) -> None:
        super().__init__()
        v, d = method.check_alphabet(config.categories), config.dimension
        self.config = config
        self.rows = nn.Parameter(config.sigma * torch.randn(v, d, generator=generator), requires_grad=config.learnt)
        self.network = Transformer(3 * d + 1, v, config.width, config.blocks, config.heads, conditioned=True)
        self.network.initialise(generator)

    def embeddings(self) -> Tensor:
        """The vectors that are noised and interpolated. (V, d)."""
        return method.unit_moment(self.rows) if self.config.normalised else self.rows

    def logits(
        self, x: Tensor, t: Tensor, mask: Tensor | None = None, given: Tensor | None = None, previous: Tensor | None = None
    ) -> Tensor:  # fmt: skip
        """Logits (B, L, V) of x (B, L, d) at levels t (B,).

        Args:
            mask: (B, L), 1 where a token is to be generated; None where all are.
            given: (B, L, d), embeddings of given tokens, zero elsewhere.
            previous: (B, L, d), an earlier x̂_0.
        """
        zeros = torch.zeros_like(x)
        shown = torch.ones_like(x[..., :1]) if mask is None else mask[..., None]
        scaled = method.input_scale(t)[:, None, None] * x
        # zeros at given positions, for the noisy input as for the earlier estimate
        parts = [scaled * shown, zeros if given is None else given, shown]
        parts.append(zeros if previous is None else previous * shown)
        level = t.log() if self.config.time_input else torch.zeros_like(t)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.config.bfloat16):
            out: Tensor = self.network(torch.cat(parts, -1), level)
        return out.float()

    def estimate(self, logits: Tensor, embeddings: Tensor) -> Tensor:
        """x̂_0 of logits, corrected as the config says. (B, L, V), (V, d) → (B, L, d)."""
        found = method.expected_embedding(logits.softmax(-1), embeddings)
        return corrected(found, embeddings, self.config.renormalise, self.config.clamp)

    def denoiser(
        self, mask: Tensor | None = None, tokens: Tensor | None = None, hide: bool = False, self_condition: bool = True
    ) -> Denoiser:  # fmt: skip
        """The network as a sampler calls it; tokens (B, L) stand where the mask is 0, and `hide` leaves them out.

        An earlier estimate reaches a network only where it was trained with one.
        """
        self_condition = self_condition and self.config.self_conditioning
        given = None if tokens is None or mask is None else self.given(tokens, mask)
        if given is not None and hide:
            given = torch.zeros_like(given)

        def denoise(x: Tensor, t: float, previous: Tensor | None) -> Tensor:
            level = torch.full((len(x),), t, device=x.device)
            return self.logits(x, level, mask, given, previous if self_condition else None).softmax(-1)

        return denoise

    def given(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Embeddings of given tokens, zero where tokens are to be generated. (B, L), (B, L) → (B, L, d)."""
        return self.embeddings()[tokens] * (1 - mask)[..., None]
