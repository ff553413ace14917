"""From what happened to records: one row per training episode, exchange and evaluation, of each replica."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dvdn_sim.consensus import operator_figures
from dvdn_sim.errors import DivergedError
from dvdn_sim.learners import TRACKING_FIGURES, Episodes, UpdateFigures
from dvdn_sim.network import NEVER, MessageLife, SimulatedNetwork, TeamFaults
from dvdn_sim.records import HealthChecks, RecordWriter
from dvdn_sim.training.communication import ByReplica, ReplicaExchange

Phase = Literal["train", "evaluation", "random"]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
FIGURES = (*(each.name for each in fields(UpdateFigures)), *TRACKING_FIGURES)
"""Of an update."""
NOTHING: Mapping[str, float | None] = dict.fromkeys(name for name in FIGURES if name != "jtd_relative_error")
"""What metrics hold of an update in a row without one."""
BLOCK = 128
"""Rows that wait to be made and written together, which takes half the time: what has just been done is quick."""
BOUNDS = {
    "loss": ("the loss", np.inf),
    "grad_norm": ("the gradient's norm", np.inf),
    "q_abs_max": ("the largest |Q|", 1e12),
}
"""From where on a figure means that nothing is learnt any more; a float32 of 1e12 is 65536 from its neighbours."""


@dataclass
class Progress:
    """How far the replicas are: counts ``[R]`` of what was done in training.

    `evaluations` counts that of the random policy, too; the next one is due after `next_evaluation` environment steps;
    `last_return` is for the eye, NaN before the first. Those that have `fallen` diverged: they do nothing any more.
    """

    env_steps: npt.NDArray[np.int64]
    episodes: npt.NDArray[np.int64]
    updates: npt.NDArray[np.int64]
    evaluations: npt.NDArray[np.int64]
    next_evaluation: npt.NDArray[np.int64]
    last_return: Floats
    fallen: Bools

    @classmethod
    def start(cls, replicas: int) -> "Progress":
        """Return the progress of replicas that have done nothing yet."""
        zeros = np.zeros((5, replicas), np.int64)
        return cls(
            zeros[0], zeros[1], zeros[2], zeros[3], zeros[4], np.full(replicas, np.nan), np.zeros(replicas, bool)
        )

    def active(self, steps: int) -> Bools:
        """Return which replicas have not taken so many steps, and have not fallen."""
        active: Bools = (self.env_steps < steps) & ~self.fallen
        return active

    @property
    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold, the numbers themselves: copy into them to restore."""
        return {name: torch.from_numpy(values) for name, values in vars(self).items()}


@dataclass(frozen=True)
class Update:
    """What one update left for the records.

    Attributes:
        figures: Of the learners, ``[R]`` each.
        exchanges: In the order in which they were made, by replica.
        invalid: Agents whose TD errors were not finite, bool ``[R, N]``.
        tracking: Of parameters that agents exchange, by name, ``[R]`` each.
    """

    figures: UpdateFigures
    exchanges: Sequence[ByReplica]
    invalid: Bools
    tracking: Mapping[str, Tensor] = field(default_factory=dict)

    def by_replica(self) -> list[dict[str, float | None]]:
        """Return the figures of each replica by name; None for those of parameters where none are exchanged."""
        names = [*FIGURES[: -len(TRACKING_FIGURES)], *self.tracking]
        stacked = torch.stack([*vars(self.figures).values(), *self.tracking.values()])  # to be read in one transfer
        return [dict.fromkeys(FIGURES) | dict(zip(names, values, strict=True)) for values in stacked.T.tolist()]


class Recorder:
    """Writes the records of R replicas; health checks read along.

    Of the networks, one per replica or none, it takes the simulated time and the bytes sent.
    """

    def __init__(
        self,
        writer: RecordWriter,
        seeds: tuple[int, ...],
        networks: tuple[SimulatedNetwork, ...],
        checks: HealthChecks | None = None,
    ) -> None:
        self._writer, self._seeds, self._networks = writer, seeds, networks
        self._checks = HealthChecks() if checks is None else checks
        self._waiting: deque[Callable[[], None]] = deque()
        self._learnt: list[tuple[npt.NDArray[np.int64], list[dict[str, float | None]], Bools]] = []
        """Of the updates since the last episode: their numbers, figures and agents whose TD errors were not finite."""

    def update(self, progress: Progress, update: Update, active: Bools) -> None:
        """Record what an update exchanged; what it learnt goes with the episode before it.

        Args:
            progress: Counters after it.
            update: What it left.
            active: bool ``[R]``, the replicas to record.
        """
        figures = update.by_replica()
        self._learnt.append((progress.updates.copy(), figures, update.invalid))
        for replica in np.flatnonzero(active).tolist():
            # The exchange's figure; metrics hold those of the learner alone.
            jtd_relative_error = figures[replica].pop("jtd_relative_error")
            begun: dict[str, object] = {
                "seed": self._seeds[replica],
                "update": int(progress.updates[replica]),
                "env_steps": int(progress.env_steps[replica]),
                "invalid_agents": int(update.invalid[replica].sum()),
            }
            for exchanges in update.exchanges:
                if replica in exchanges:
                    exchange = exchanges[replica]
                    begun["jtd_relative_error"] = jtd_relative_error if exchange.kind == "td" else None
                    self._waiting.append(
                        partial(self._exchange, begun.copy(), exchange, self._networks[replica].faults)
                    )

    def episode(self, progress: Progress, episodes: Episodes, epsilon: Floats, active: Bools) -> None:
        """Record an episode with the figures of the last update after it; None where there was none.

        A replica has fallen whose loss, gradient or what an agent would send is not finite, or whose values are out of
        bounds.

        Args:
            progress: Counters after the episode and its updates.
            episodes: One per replica.
            epsilon: Exploration rate that the episode began with, ``[R]``.
            active: bool ``[R]``, the replicas to record.

        Raises:
            DivergedError: All have fallen.
        """
        returns = episodes.returns[:, 0].cpu().tolist()
        updates, self._learnt = self._learnt, []
        fell: list[str] = []
        for replica in np.flatnonzero(active).tolist():
            self._metrics(
                replica,
                progress,
                updates[-1][1][replica] if updates else NOTHING,
                phase="train",
                return_mean=returns[replica],
                return_std=None,
                episodes_averaged=1,
                episode_length=float(episodes.lengths[replica, 0]),
                epsilon=float(epsilon[replica]),
            )
            for numbers, figures, invalid in updates:
                found = _divergence(figures[replica], np.flatnonzero(invalid[replica]).tolist())
                if found:
                    self.settle()
                    progress.fallen[replica] = True
                    seed, update = self._seeds[replica], int(numbers[replica])
                    fell.append(f"seed {seed}, update {update}: {found}")
                    self._checks.diverged(seed, int(progress.env_steps[replica]), update, found)
                    break
        if fell and progress.fallen.all():
            raise DivergedError(f"{'; '.join(fell)}; try a smaller lr")

    def evaluation(self, progress: Progress, episodes: Episodes, epsilon: float, due: Bools, phase: Phase) -> None:
        """Record an evaluation of the replicas `due`, bool ``[R]``, on ``[R, C]`` episodes."""
        returns = episodes.returns.double().cpu().numpy()
        for replica in np.flatnonzero(due).tolist():
            played = returns[replica]
            self._metrics(
                replica,
                progress,
                NOTHING,
                phase=phase,
                return_mean=float(played.mean()),
                return_std=float(played.std(ddof=1)) if len(played) > 1 else None,
                episodes_averaged=len(played),
                episode_length=float(episodes.lengths[replica].mean()),
                epsilon=epsilon,
            )

    def _metrics(self, replica: int, progress: Progress, learnt: Mapping[str, float | None], **played: object) -> None:
        network = self._networks[replica] if self._networks else None
        row = {
            "seed": self._seeds[replica],
            "env_steps": int(progress.env_steps[replica]),
            "updates": int(progress.updates[replica]),
            "episodes": int(progress.episodes[replica]),
            "sim_time_s": None if network is None else network.now_s,
            "bytes_sent": None if network is None else network.counters.wire_bytes,
            **learnt,
            **played,
        }
        self._waiting.append(partial(_tell, row, self._writer.metrics, self._checks.metrics))
        if len(self._waiting) >= BLOCK:
            self.settle()

    def settle(self) -> None:
        """Write the rows that wait, in their order: to be done before records are flushed or looked at."""
        while self._waiting:
            self._waiting.popleft()()

    def _exchange(self, begun: Mapping[str, object], exchange: ReplicaExchange, faults: TeamFaults) -> None:
        report = exchange.report
        messages, acks = report.messages, report.acks
        started_ns = report.first_start_ns
        through_ns = report.through_at_ns.tolist()
        ended_ns = max(started_ns, *map(max, through_ns))
        row = {
            **begun,
            "kind": exchange.kind,
            "rounds": report.facts.rounds,
            "sim_time_s": started_ns * 1e-9,
            "duration_s": (ended_ns - started_ns) * 1e-9,
            "round_time_s": [time_ns * 1e-9 for time_ns in report.round_times_ns.ravel().tolist() if time_ns >= 0],
            **messages.as_json(),
            "lost": messages.lost.total(),
            "bytes": report.wire_bytes,
            "delivered_fraction": messages.delivered / messages.sent if messages.sent else None,
            "unfinished_agents": through_ns[-1].count(NEVER),
            "deadline_s": None if report.deadlines_ns is None else int(report.deadlines_ns.max()) * 1e-9,
            "deadlines_fired": report.deadlines_fired,
            "acks_sent": None if acks is None else acks.sent,
            "acks_held": None if acks is None else acks.delivered,
            "ack_mismatch": None if acks is None else report.ack_mismatch,
            "faults": ", ".join(faults.under_way(report.began_ns, report.ended_ns)),
            **vars(operator_figures(exchange.operator)),
        }
        _tell(row, self._writer.network, self._checks.network)


def _divergence(learnt: Mapping[str, float | None], invalid: Sequence[int]) -> str:
    """Say why nothing is learnt any more; nothing where all is well."""
    if invalid:
        who = f"agent {invalid[0]} are" if len(invalid) == 1 else f"agents {', '.join(map(str, invalid))} are"
        return f"TD errors of {who} not finite, and nobody took them in"
    for name, (words, bound) in BOUNDS.items():
        value = learnt[name]
        if value is not None and not abs(value) < bound:
            return f"{words} is {value:.3g}"
    return ""


def _tell(row: Mapping[str, object], *readers: Callable[[Mapping[str, object]], None]) -> None:
    for reader in readers:
        reader(row)


class Tracer:
    """Writes the life of every message of one replica into the trace."""

    def __init__(self, writer: RecordWriter, seed: int) -> None:
        self._writer, self._seed = writer, seed

    def message(self, life: MessageLife) -> None:
        """See `Probe.message`."""
        kind, _, *way, outcome, reason, arrived_ns = life
        fate = "held" if outcome == "delivered" else outcome
        arrived = None if life.arrived_ns < 0 else arrived_ns
        self._writer.trace((self._seed, kind, life.update + 1, *way, fate, reason or None, arrived))
