"""A snapshot as a file: parameters, workers' counts, the tolerances chosen on gold and what is known of tasks beforehand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from annotation.consensus.calibrate import Calibration
from annotation.consensus.decide import Rule
from annotation.consensus.model import Floats, Parameters, find_log_tables, read_numbers

FIELDS = {"parameters", "workers", "rules"}
OPTIONAL_FIELDS = {"priors"}


@dataclass(frozen=True, kw_only=True)
class Tolerances:
    """What was chosen on gold for policies with this target error and cap."""

    target_error: float
    vote_cap: int
    accept: float
    reject: float

    @classmethod
    def of_calibration(cls, *, rule: Rule, calibration: Calibration) -> Self:
        return cls(
            target_error=rule.target_error,
            vote_cap=rule.vote_cap,
            accept=calibration.accept.tolerance,
            reject=calibration.reject.tolerance,
        )

    def find_rule(self) -> Rule:
        return Rule(
            target_error=self.target_error,
            vote_cap=self.vote_cap,
            accept_tolerance=self.accept,
            reject_tolerance=self.reject,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredSnapshot:
    """`workers` holds each known worker's expected votes [S, A] by name, `priors` the log factors [S] of the states of tasks of
    which something is known before any vote. ValueError names what is wrong."""

    parameters: Parameters
    workers: Mapping[str, Floats]
    rules: Sequence[Tolerances]
    priors: Mapping[str, Floats] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for position, rule in enumerate(self.rules):
            _check_rule(position, rule)
        shape = self.parameters.responses.shape
        for name, counts in self.workers.items():
            if counts.shape != shape:
                raise ValueError(f"workers[{name!r}]: must have {shape[0]} rows of {shape[1]} counts")
            if not np.all((counts >= 0) & np.isfinite(counts)):
                raise ValueError(f"workers[{name!r}]: counts must not be negative")
        for name, factors in self.priors.items():
            if factors.shape != shape[:1] or not np.all(np.isfinite(factors)):
                raise ValueError(f"priors[{name!r}]: must have {shape[0]} finite numbers")

    def find_log_tables(self, workers: Sequence[str]) -> Floats:
        """[W, S, A] for these workers; one that is not known answers as the crowd does."""
        nothing = np.zeros(self.parameters.responses.shape)
        counts = np.stack([self.workers.get(name, nothing) for name in workers]) if workers else nothing[np.newaxis][:0]
        return find_log_tables(counts=counts, parameters=self.parameters)

    def find_log_prior(self, tasks: Sequence[str]) -> Floats | None:
        """[tasks, S]: what is known of these tasks before any vote, 0 where nothing is; None where nothing is of any."""
        if not self.priors:
            return None
        nothing = np.zeros(self.parameters.states)
        return np.array([self.priors.get(name, nothing) for name in tasks]).reshape(-1, self.parameters.states)

    def find_rule(self, *, target_error: float, vote_cap: int) -> Rule:
        """The rule for such a policy: with the tolerances chosen for it, else without."""
        for chosen in self.rules:
            if chosen.target_error == target_error and chosen.vote_cap == vote_cap:
                return chosen.find_rule()
        return Rule(target_error=target_error, vote_cap=vote_cap)

    def to_json(self) -> dict[str, Any]:
        """Plain lists and numbers; without `priors` where there are none."""
        priors = {"priors": {name: factors.tolist() for name, factors in self.priors.items()}} if self.priors else {}
        return {
            "parameters": self.parameters.to_json(),
            "workers": {name: counts.tolist() for name, counts in self.workers.items()},
            "rules": [
                {
                    "target_error": rule.target_error,
                    "vote_cap": rule.vote_cap,
                    "accept": rule.accept,
                    "reject": rule.reject,
                }
                for rule in self.rules
            ],
            **priors,
        }

    @classmethod
    def from_json(cls, content: object) -> Self:
        if not isinstance(content, Mapping) or set(content) - OPTIONAL_FIELDS != FIELDS:
            raise ValueError(f"snapshot: must be an object with {', '.join(sorted(FIELDS))}")
        rules = content["rules"]
        if not isinstance(rules, Sequence):
            raise ValueError("rules: must be a list")  # noqa: TRY004 - bad content is one kind of error
        return cls(
            parameters=Parameters.from_json(content["parameters"]),
            workers=_read_named("workers", content["workers"], dimensions=2),
            rules=[_read_tolerances(position, rule) for position, rule in enumerate(rules)],
            priors=_read_named("priors", content.get("priors", {}), dimensions=1),
        )


def _read_named(field: str, content: object, *, dimensions: int) -> dict[str, Floats]:
    if not isinstance(content, Mapping):
        raise ValueError(f"{field}: must be an object")  # noqa: TRY004 - bad content is one kind of error
    return {
        str(name): read_numbers(field=f"{field}[{name!r}]", value=value, dimensions=dimensions)
        for name, value in content.items()
    }


def _check_rule(position: int, rule: Tolerances) -> None:
    try:
        rule.find_rule()
    except ValueError as error:
        raise ValueError(f"rules[{position}]: {error}") from error


def _read_tolerances(position: int, content: object) -> Tolerances:
    names = ("target_error", "vote_cap", "accept", "reject")
    if not isinstance(content, Mapping) or set(content) != set(names):
        raise ValueError(f"rules[{position}]: must be an object with {', '.join(names)}")
    values = {
        name: float(read_numbers(field=f"rules[{position}].{name}", value=content[name], dimensions=0))
        for name in names
    }
    if not values["vote_cap"].is_integer():
        raise ValueError(f"rules[{position}].vote_cap: must be a whole number, is {values['vote_cap']}")
    return Tolerances(
        target_error=values["target_error"],
        vote_cap=int(values["vote_cap"]),
        accept=values["accept"],
        reject=values["reject"],
    )
