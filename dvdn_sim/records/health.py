"""Warn while a run goes wrong: checks of its records as they are written, each warning with its likely cause.

They are those of the paper's summary and of docs/method.md: returns that swing, agents that learn almost alone,
individual Q-values that diverge while the team's sum stays bounded, trackers that do not add up to the gradient,
parameters that drift apart. A warning is no proof; it says where to look. Manifest and JSON call them ``signs``.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError

from dvdn_sim.errors import RunFolderError
from dvdn_sim.records.schema import MANIFEST_FILE

Row = Mapping[str, Any]

CheckName = Literal["alone", "apart", "unbalanced", "drift", "swings", "diverged"]
HEALTH_CHECKS: Mapping[CheckName, str] = {
    "alone": "agents learn almost alone",
    "apart": "individual Q-values diverge, while the team's sum stays bounded",
    "unbalanced": "trackers do not add up to the team's gradient",
    "drift": "parameters drift apart",
    "swings": "returns swing from evaluation to evaluation",
    "diverged": "values are not finite any more, and the seed ends there",
}
"""Every check, and what it finds."""

EARLY = 10
"""Updates that are the beginning of a run."""
RECENT = 100
"""Updates that a check looks back on."""
ALONE = 0.95
"""a_eff from which a team learns almost alone."""
APART = 20.0
"""How many times larger than the team's summed value agents' own values are when they diverge."""
ASCENDING = 0.5
"""The same where mixing matrices have negative eigenvalues, which takes three agents, and the sum is dragged along.

Seen were 0.7 to 1.1 of a ring of four, and 0.27 to 0.36 of healthy teams of four.
"""
GROWN = 10.0
"""How many times what it was early on a figure is when it has grown."""
UNBALANCED = 0.1
"""Share of the tracked gradient that trackers may be off by."""
SWINGS = 8
"""Evaluations that the check of swinging looks back on."""


@dataclass(frozen=True)
class HealthWarning:
    """What a check found: the message has its figure, the cause what it mostly comes from and what to do."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    name: CheckName
    seed: int
    env_steps: int
    message: str
    cause: str

    def __str__(self) -> str:
        """The warning in one line."""
        return f"seed {self.seed}, step {self.env_steps}: {self.message}; likely: {self.cause}"


_WARNINGS = TypeAdapter(list[HealthWarning])


@dataclass
class _Replica:
    """The past of one replica: of updates, the last `RECENT`."""

    early_q: float = 0.0
    early_disagreement: float | None = None
    a_eff: list[float] = field(default_factory=list)
    held: list[float] = field(default_factory=list)
    lambda_min: list[float] = field(default_factory=list)
    imbalance: list[float] = field(default_factory=list)
    returns: list[float] = field(default_factory=list)
    updates: int = 0


def _remember(values: list[float], value: float) -> None:
    values.append(value)
    del values[:-RECENT]


class HealthChecks:
    """Reads rows of `METRICS` and `NETWORK` in the order in which they are written, and warns.

    Attributes:
        seen: All warnings so far, each once per seed; `show` is told each when it is first seen.
    """

    def __init__(self, show: Callable[[HealthWarning], None] = lambda _: None) -> None:
        self.seen: list[HealthWarning] = []
        self._show = show
        self._replicas: dict[int, _Replica] = {}
        self._known: set[tuple[str, int]] = set()

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint must hold, as JSON can say it."""
        replicas = {str(seed): asdict(each) for seed, each in self._replicas.items()}
        return {"seen": [asdict(warning) for warning in self.seen], "replicas": replicas}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state; what was seen before is not shown again."""
        self.seen = [HealthWarning(**warning) for warning in state["seen"]]
        self._known = {(warning.name, warning.seed) for warning in self.seen}
        self._replicas = {int(seed): _Replica(**values) for seed, values in state["replicas"].items()}

    def network(self, row: Row) -> None:
        """Take in a row of `NETWORK`."""
        if row["kind"] != "td":
            return
        replica = self._of(row)
        _remember(replica.a_eff, row["a_eff"])
        _remember(replica.lambda_min, row["lambda_min"])
        fraction = row["delivered_fraction"]  # None if nothing was sent
        _remember(replica.held, float("nan") if fraction is None else fraction)
        if len(replica.a_eff) == RECENT and (alone := sum(replica.a_eff) / RECENT) >= ALONE:
            held = float(np.nanmean(replica.held)) if not np.isnan(replica.held).all() else 0.0
            cause = (
                f"only {held:.0%} of messages are held in time: look at loss, deadline and queues"
                if held < 0.5
                else "messages arrive, so look at the topology and the weights"
            )
            self._warn("alone", row, f"a_eff is {alone:.2f}, agents learn almost alone", cause)

    def metrics(self, row: Row) -> None:
        """Take in a row of `METRICS`."""
        if row["phase"] == "evaluation":
            self._evaluation(row)
        elif row["phase"] == "train" and row["q_abs_max"] is not None:
            self._update(row)

    def diverged(self, seed: int, env_steps: int, update: int, found: str) -> None:
        """Take in that a seed has fallen."""
        row = {"seed": seed, "env_steps": env_steps}
        self._warn("diverged", row, f"it has diverged at update {update}, and ends here: {found}", "a smaller `lr`")

    def _update(self, row: Row) -> None:
        replica = self._of(row)
        replica.updates += 1
        q, team = row["q_abs_max"], row["q_sum_abs_max"]
        if replica.updates <= EARLY:
            replica.early_q = max(replica.early_q, q)
        if q > GROWN * max(replica.early_q, 1.0) and q > ASCENDING * max(team, 1e-12):
            self._apart(row, replica, q, team)
        self._parameters(row, replica)

    def _apart(self, row: Row, replica: _Replica, q: float, team: float) -> None:
        ascending = sum(value < -1e-9 for value in replica.lambda_min) > len(replica.lambda_min) / 2
        if ascending or q > APART * max(team, 1e-12):
            cause = (
                "the mix of errors has negative eigenvalues, in whose directions DVDN ascends: `policy: self`, and, "
                "on a graph that stays as it is, `weights: lazy`"
                if ascending
                else "too large a step, or agents that hardly hear each other: a smaller `lr`"
            )
            self._warn("apart", row, f"|Q| has grown to {q:.3g}, the sum over the team to {team:.3g}", cause)

    def _parameters(self, row: Row, replica: _Replica) -> None:
        if row["disagreement"] is not None:
            apart = row["disagreement"]
            if replica.updates == RECENT:
                replica.early_disagreement = apart
            early = replica.early_disagreement
            if early is not None and apart > GROWN * max(early, 1e-3):
                cause = (
                    "few messages of parameters arrive, or agents have different tasks: tracking is for equal agents"
                )
                self._warn("drift", row, f"agents' parameters are {apart:.3g} apart, {early:.3g} early on", cause)
        if row["tracker_imbalance"] is not None:
            off, gradient = row["tracker_imbalance"], row["tracked_gradient"]
            _remember(replica.imbalance, off / max(gradient, 1e-12))
            if len(replica.imbalance) == RECENT and (share := float(np.median(replica.imbalance))) > UNBALANCED:
                cause = "messages are lost one way: `tracking.form: running_sum`, or `policy: symmetric` with many acks"
                self._warn("unbalanced", row, f"trackers are off by {share:.0%} of the gradient they track", cause)

    def _evaluation(self, row: Row) -> None:
        returns, seed = self._of(row).returns, row["seed"]
        returns.append(row["return_mean"])
        if len(returns) < SWINGS or ("apart", seed) in self._known:
            return  # values that diverge swing, too, and their cause was told
        steps = np.diff(returns[-SWINGS:])
        turns = int((steps[1:] * steps[:-1] < 0).sum())
        spread = max(returns) - min(returns)
        if turns >= SWINGS - 3 and spread > 0 and float(np.abs(steps).mean()) > 0.4 * spread:
            cause = (
                "trackers that are off (see the earlier sign)"
                if ("unbalanced", seed) in self._known
                else "too large a step, or (gradient tracking) unequal beginnings or no bias correction: a smaller `lr`"
            )
            self._warn(
                "swings", row, f"returns swing by {np.abs(steps).mean():.2g} from evaluation to evaluation", cause
            )

    def _of(self, row: Row) -> _Replica:
        return self._replicas.setdefault(row["seed"], _Replica())

    def _warn(self, name: CheckName, row: Row, message: str, cause: str) -> None:
        seed = row["seed"]
        if (name, seed) in self._known:
            return
        self._known.add((name, seed))
        warning = HealthWarning(name, seed, row["env_steps"], message, cause)
        self.seen.append(warning)
        self._show(warning)


def health_warnings(manifest: Mapping[str, Any]) -> list[HealthWarning]:
    """Return the warnings that a manifest holds, which are written at the end of a run.

    Raises:
        RunFolderError: They are not as a run writes them.
    """
    try:
        return _WARNINGS.validate_python(manifest.get("signs") or [])
    except ValidationError as error:
        where, why = error.errors()[0]["loc"], error.errors()[0]["msg"]
        raise RunFolderError(f"its {MANIFEST_FILE} is damaged: signs {where}: {why}") from error
