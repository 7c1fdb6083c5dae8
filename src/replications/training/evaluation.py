"""Evaluation of frozen features: nearest neighbours, closed-form and logistic probes, and few-label subsets.

Features are float tensors (N, D) with labels (N,) in [0, classes). Test labels are only ever compared with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import nn
from torch.nn import functional as F

from replications.training.schedules import warmup_cosine


@torch.no_grad()
def embed(encoder: nn.Module, images: torch.Tensor, prepare: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """Features (N, D) in float32 of all `images` with the encoder in evaluation mode, which is left as it was found.

    `prepare` makes a batch ready: from stored pixels to normalised floats on the device.
    """
    training = encoder.training
    encoder.eval()
    features = torch.cat([encoder(prepare(chunk)).float() for chunk in images.split(1000)])
    encoder.train(training)
    return features


@torch.no_grad()
def settle_statistics(network: nn.Module, batches: Iterable[torch.Tensor]) -> None:
    """Set the running statistics of every batch norm to their plain average over `batches`, which are passed through.

    An untrained network has none, and in evaluation mode would not be the random network that training starts from.
    """
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain average
    network.train()
    for batch in batches:
        network(batch)
    for norm, momentum in zip(norms, momenta):
        norm.momentum = momentum


@torch.no_grad()
def knn_predict(
    bank: torch.Tensor,
    labels: torch.Tensor,
    queries: torch.Tensor,
    classes: int,
    k: int = 200,
    temperature: float = 0.1,
) -> torch.Tensor:
    """Class (N,) of each query: its `k` nearest in `bank` by cosine vote with weight exp(cosine/temperature).

    The protocol of Wu et al. (2018), with `k` cut to the size of the bank.
    """
    bank, queries = F.normalize(bank, dim=1), F.normalize(queries, dim=1)
    chunk = max(1, 20_000_000 // len(bank))  # 80 MB of similarities at a time
    predictions = []
    for part in queries.split(chunk):
        similarity, nearest = (part @ bank.T).topk(min(k, len(bank)), dim=1)  # (n, k)
        votes = torch.zeros(len(part), classes, device=bank.device)
        votes.scatter_add_(1, labels[nearest], (similarity / temperature).exp())
        predictions.append(votes.argmax(dim=1))
    return torch.cat(predictions)


def accuracy(predictions: torch.Tensor, labels: torch.Tensor) -> float:
    """Share of predictions that are right."""
    return (predictions == labels).float().mean().item()


def knn_accuracy(
    bank: torch.Tensor,
    labels: torch.Tensor,
    queries: torch.Tensor,
    query_labels: torch.Tensor,
    classes: int,
    k: int = 200,
    temperature: float = 0.1,
) -> float:
    """Accuracy of `knn_predict`; NaN where features are not finite."""
    if not (torch.isfinite(bank).all() and torch.isfinite(queries).all()):
        return math.nan
    return accuracy(knn_predict(bank, labels, queries, classes, k, temperature), query_labels)


def standardise(train: torch.Tensor, *others: torch.Tensor) -> list[torch.Tensor]:
    """Every set of features minus the mean and over the deviation of `train`."""
    mean, deviation = train.mean(dim=0), train.std(dim=0).clamp(min=1e-6)
    return [(features - mean) / deviation for features in (train, *others)]


@torch.no_grad()
def ridge_probe(
    train: torch.Tensor,
    labels: torch.Tensor,
    test: torch.Tensor,
    test_labels: torch.Tensor,
    classes: int,
    penalty: float = 1e-3,
) -> float:
    """Test accuracy of ridge regression on one-hot labels, in closed form; NaN where features are not finite.

    Features are standardised, labels centred; W solves (XᵀX/N + penalty·I) W = XᵀY/N.
    """
    if not (torch.isfinite(train).all() and torch.isfinite(test).all()):
        return math.nan
    x, queries = (features.double() for features in standardise(train, test))
    y = F.one_hot(labels, classes).double()
    gram = x.T @ x / len(x) + penalty * torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    weights = torch.linalg.solve(gram, x.T @ (y - y.mean(0)) / len(x))  # (D, classes)
    return accuracy((queries @ weights + y.mean(0)).argmax(dim=1), test_labels)


def logistic_probe(
    train: torch.Tensor,
    labels: torch.Tensor,
    test: torch.Tensor,
    test_labels: torch.Tensor,
    classes: int,
    penalty: float = 1e-4,
    iterations: int = 200,
) -> float:
    """Test accuracy of multinomial logistic regression fitted by L-BFGS; NaN where features are not finite.

    Minimises mean cross-entropy + penalty/2·‖W‖² on standardised features. The problem is convex, so nothing is drawn.
    """
    if not (torch.isfinite(train).all() and torch.isfinite(test).all()):
        return math.nan
    x, queries = standardise(train, test)
    weights = torch.zeros(x.shape[1], classes, device=x.device, requires_grad=True)
    bias = torch.zeros(classes, device=x.device, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights, bias], max_iter=iterations, history_size=20, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = F.cross_entropy(x @ weights + bias, labels) + penalty / 2 * weights.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    with torch.no_grad():
        return accuracy((queries @ weights + bias).argmax(dim=1), test_labels)


def sgd_probe(
    train: torch.Tensor,
    labels: torch.Tensor,
    test: torch.Tensor,
    test_labels: torch.Tensor,
    classes: int,
    generator: torch.Generator,
    lr: float = 0.2,
    epochs: int = 80,
    batch: int = 1024,
) -> float:
    """Test accuracy of a linear classifier trained as BYOL's is: Nesterov momentum 0.9, cosine rate, no decay.

    Features are taken as they are and without augmentation; `generator` orders the batches.
    """
    head = nn.Linear(train.shape[1], classes).to(train.device)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    optimizer = torch.optim.SGD(head.parameters(), lr=lr, momentum=0.9, nesterov=True)
    steps = epochs * math.ceil(len(train) / batch)
    step = 0
    for _ in range(epochs):
        for rows in torch.randperm(len(train), generator=generator, device=generator.device).split(batch):
            optimizer.param_groups[0]["lr"] = warmup_cosine(step, steps, 0, lr)
            optimizer.zero_grad()
            F.cross_entropy(head(train[rows]), labels[rows]).backward()
            optimizer.step()
            step += 1
    with torch.no_grad():
        return accuracy(head(test).argmax(dim=1), test_labels)


def few_label_subset(labels: torch.Tensor, share: float, classes: int, generator: torch.Generator) -> torch.Tensor:
    """Indices of a class-balanced `share` of the data, at least one of each class, drawn with `generator`.

    Raises:
        ValueError: a share outside (0, 1].
    """
    if not 0 < share <= 1:
        raise ValueError(f"the share of labels must be in (0, 1], got {share}")
    each = max(1, round(share * len(labels) / classes))
    order = torch.randperm(len(labels), generator=generator, device=generator.device).to(labels.device)
    return torch.cat([order[labels[order] == c][:each] for c in range(classes)])
