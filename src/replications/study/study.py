"""A study: what one paper's claims need to be run, declared per profile."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from replications.study.context import Context
from replications.study.errors import UserError
from replications.study.outcome import Metric, Outcome

PROFILES = ("smoke", "laptop", "gpu", "paper")  # from small to large


class DataSet(Protocol):
    """Data that a study reads: fetched once, known by the checksum of the decoded arrays."""

    @property
    def name(self) -> str: ...

    def checksum(self) -> str: ...


@dataclass(frozen=True)
class Plan:
    """One profile of a study: its conditions, its seeds, and what they are expected to cost."""

    conditions: Mapping[str, Any]  # name → frozen config dataclass
    seeds: int
    minutes: float  # expected wall time of the whole profile on `hardware`
    hardware: str = "2 CPU cores"
    memory_gb: float = 2.0  # peak of one run

    @property
    def needs_gpu(self) -> bool:
        """Whether the budget was stated for a GPU."""
        return "GPU" in self.hardware


@dataclass(frozen=True)
class Run:
    """One condition, one seed: the unit of work, caching, resuming and distribution."""

    paper: str
    profile: str
    condition: str
    config: Any
    seed: int

    @property
    def identity(self) -> str:
        """Hash of study, config and seed: two runs with the same identity ask for the same numbers."""
        content = [self.paper, type(self.config).__name__, config_fields(self.config), self.seed]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]

    def __str__(self) -> str:
        return f"{self.paper} {self.profile} {self.condition} seed {self.seed}"


@dataclass(frozen=True)
class Study:
    """The runs that a paper's claims need.

    `run` is a pure function of a config and the context's seed. Where small models train faster as one batched
    program, `together` runs several members at once and returns the same outcomes as `run` would, member by member;
    runs whose configs share `program(config)` may be put together, at most `together_limit` at a time.

    `kinds` holds runs of another kind, by the type of their config. A record depends on the function that made it
    and on no other: a new kind leaves the records of the others fresh.
    """

    paper: str
    title: str
    run: Callable[[Any, Context], Outcome]
    metrics: Mapping[str, Metric]
    profiles: Mapping[str, Plan]
    data: Sequence[DataSet] = ()
    dry_run: Callable[[Any, Context], str] | None = None
    together: Callable[[list[Any], list[Context]], list[Outcome]] | None = None
    program: Callable[[Any], Hashable] = field(default=lambda config: config)
    together_limit: int = 64
    kinds: Mapping[type, Callable[[Any, Context], Outcome]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for profile, plan in self.profiles.items():
            if profile not in PROFILES:
                raise ValueError(
                    f"study '{self.paper}': unknown profile '{profile}', choose from {', '.join(PROFILES)}"
                )
            by_config: dict[str, str] = {}
            for condition, config in plan.conditions.items():
                twin = by_config.setdefault(Run(self.paper, profile, "", config, 0).identity, condition)
                if twin != condition:
                    raise ValueError(
                        f"study '{self.paper}': '{twin}' and '{condition}' have the same config at {profile}"
                    )

    def plan(self, profile: str) -> Plan:
        """The plan of `profile`.

        Raises:
            UserError: the study has no such profile.
        """
        if profile not in self.profiles:
            raise UserError(f"{self.paper} has no profile '{profile}': choose one of {', '.join(self.profiles)}")
        return self.profiles[profile]

    def run_of(self, config: Any) -> Callable[[Any, Context], Outcome]:
        """The function that runs `config`: that of its kind, else `run`."""
        return self.kinds.get(type(config), self.run)

    def together_of(self, config: Any) -> Callable[[list[Any], list[Context]], list[Outcome]] | None:
        """The batched program for configs like `config`, None where there is none: `kinds` have none."""
        return None if type(config) in self.kinds else self.together

    def runs(self, profile: str, seeds: int | None = None, only: Sequence[str] = ()) -> list[Run]:
        """Every run of `profile`, or those of the conditions `only`, with the plan's number of seeds or `seeds`.

        Raises:
            UserError: unknown profile or condition, or fewer than one seed.
        """
        plan = self.plan(profile)
        for condition in only:
            if condition not in plan.conditions:
                known = ", ".join(plan.conditions)
                raise UserError(
                    f"{self.paper} has no condition '{condition}' at profile {profile}: choose from {known}"
                )
        if seeds is not None and seeds < 1:
            raise UserError(f"--seeds {seeds}: at least one seed is needed")
        return [
            Run(self.paper, profile, condition, config, seed)
            for seed in range(plan.seeds if seeds is None else seeds)
            for condition, config in plan.conditions.items()
            if not only or condition in only
        ]

    def validate(self, outcome: Outcome) -> None:
        """Raise ValueError where an outcome reports a scalar that the study does not declare."""
        unknown = sorted(set(outcome.scalars) - set(self.metrics))
        if unknown:
            raise ValueError(f"study '{self.paper}' does not declare the metric(s) {', '.join(unknown)}")


def config_fields(config: Any) -> dict[str, Any]:
    """The fields of a config as plain JSON values; tuples become lists."""
    fields = dataclasses.asdict(config)
    plain: dict[str, Any] = json.loads(json.dumps(fields))
    return plain
