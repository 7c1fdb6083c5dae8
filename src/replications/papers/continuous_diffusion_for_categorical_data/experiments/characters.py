"""E7: characters of Wikipedia, judged by an autoregressive model of the same size and text (C12, the paper's Tables 1 and 2).

The first half of every sequence is given, as in Section 6: score and entropy are of the second half alone.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from replications.papers.continuous_diffusion_for_categorical_data import likelihood, sampling
from replications.papers.continuous_diffusion_for_categorical_data.chain import unigram_entropy
from replications.papers.continuous_diffusion_for_categorical_data.config import Config
from replications.papers.continuous_diffusion_for_categorical_data.corpus import corpus_of, repeated
from replications.papers.continuous_diffusion_for_categorical_data.judge import judge_of
from replications.papers.continuous_diffusion_for_categorical_data.sampling import Knobs, rho_times, warped_times
from replications.papers.continuous_diffusion_for_categorical_data.training import train
from replications.study import Context, Curve, Outcome

GUIDANCE = (2.0, 4.0, 8.0, 16.0)
SHARP = {"score T": (0.8, 0.9, 0.95, 0.98), "softmax T": (0.5, 0.8, 0.9)}
KEPT = 12  # samples stored for the reader


def characters(config: Config, context: Context) -> Outcome:
    """Train one arm on windows of the training text; sample with every spacing and knob; the bound on test text, once."""
    corpus, device = corpus_of(config), context.device
    model, fit, curves = train(
        config, context, lambda n, g: corpus.windows(corpus.train, n, config.length, g), share=0.6
    )
    judge = judge_of(config, device)
    half = config.length // 2
    text = corpus.windows(corpus.test, config.draws, config.length, context.generator("test"))
    mask = torch.ones(text.shape, device=device)
    mask[:, :half] = 0
    denoise, free = (model.denoiser(mask, text, hide) for hide in (False, True))

    def judged(tokens: Tensor) -> dict[str, float]:
        surprise = judge(tokens)[:, half:].mean(1)
        return {
            "nll": float(surprise.mean()),
            "se": float(surprise.std() / math.sqrt(len(surprise))),
            "entropy": unigram_entropy(tokens[:, half:], config.categories),
            "repeats": repeated(tokens),
        }

    def generated(times: list[float], knobs: Knobs = sampling.PLAIN) -> Tensor:
        knobs = replace(knobs, renormalise=config.renormalise, clamp=config.clamp)
        shape, draw = (len(text), config.length), context.generator("sampling")
        found, _ = sampling.sample(denoise, model.embeddings(), times, shape, draw, knobs, free=free)
        return torch.where(mask == 1, found, text)

    few, many = config.steps[0], config.steps[-1]
    tokens = generated(warped_times(fit.warp(), few))
    scalars = judged(tokens) | {f"{key}_data": value for key, value in judged(text).items()}
    continued = judge.generate(text[:, :half], config.length, context.generator("judge samples"))
    scalars |= {f"{key}_judge": value for key, value in judged(continued).items()}
    context.progress(0.7)
    scalars["nats_judge"] = float(judge(text).mean())
    scalars["nats"] = likelihood.nats(model, text, context.generator("bound"))
    shown = {"training": Curve.thin(list(range(1, config.updates + 1)), curves["loss"], "update", "loss, nats")}
    for rho in (1, 8):
        one = judged(generated(rho_times(config.t_min, config.t_max, few, rho)))
        scalars |= {f"{k}_rho{rho}": one[k] for k in ("nll", "entropy")}
    if config.variants:
        scalars |= {f"{k}_many": v for k, v in judged(generated(warped_times(fit.warp(), many))).items()}
        arms = {f"γ {a:g}": Knobs(guidance=a) for a in GUIDANCE}
        arms |= {f"score T {a:g}": Knobs(score_temperature=a) for a in SHARP["score T"]}
        arms |= {f"softmax T {a:g}": Knobs(softmax_temperature=a) for a in SHARP["softmax T"]}
        times = warped_times(fit.warp(), few)
        found = {name: judged(generated(times, knobs)) for name, knobs in arms.items()}
        for name, part in found.items():
            scalars |= {f"{key} {name}": part[key] for key in ("nll", "entropy", "repeats")}
        plain = {key: scalars[key] for key in ("nll", "entropy")}
        for kind, values in {"γ": GUIDANCE, **SHARP}.items():
            points = [found[f"{kind} {a:g}"] for a in values] + [plain]
            shown[kind] = Curve(
                [p["entropy"] for p in points], [p["nll"] for p in points], "entropy, nats", "nats a token"
            )
    samples = tokens[:KEPT].to(torch.int32).cpu().numpy()
    return Outcome(scalars, shown, {"samples": samples}, steps=config.updates, samples=config.updates * config.batch)
