"""From what happened to records: one row per training episode, exchange and evaluation, of each replica."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dvdn_sim.consensus import operator_figures
from dvdn_sim.errors import DivergedError
from dvdn_sim.learners.learner import UpdateFigures
from dvdn_sim.learners.replay import Episodes
from dvdn_sim.learners.tracking import Tracker, disagreement
from dvdn_sim.network import MessageLife, SimulatedNetwork
from dvdn_sim.records import HealthChecks, RecordWriter
from dvdn_sim.training.communication import Made

Phase = Literal["train", "evaluation", "random"]
Floats = npt.NDArray[np.float64]
UNSOUND = {"loss": np.inf, "grad_norm": np.inf, "q_abs_max": 1e12}
"""From where on a figure means that nothing is learnt any more; a float32 of 1e12 is 65536 from its neighbours."""


@dataclass
class Progress:
    """Where the replicas stand, all int64 ``[R]``.

    Attributes:
        env_steps: Steps taken in training.
        episodes: Training episodes played.
        updates: Learner updates done.
        evaluations: Evaluations played, the one of the random policy included.
        next_evaluation: Environment steps after which the next evaluation is due.
        last_return: Return of each replica's latest evaluation, float64 ``[R]``, NaN before it; for the eye.
    """

    env_steps: npt.NDArray[np.int64]
    episodes: npt.NDArray[np.int64]
    updates: npt.NDArray[np.int64]
    evaluations: npt.NDArray[np.int64]
    next_evaluation: npt.NDArray[np.int64]
    last_return: Floats

    @classmethod
    def start(cls, replicas: int) -> "Progress":
        """Nothing done yet."""
        zeros = np.zeros((5, replicas), np.int64)
        return cls(zeros[0], zeros[1], zeros[2], zeros[3], zeros[4], np.full(replicas, np.nan))

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
        tracking: Of parameters that agents exchange, by name, ``[R]`` each; None where they exchange none.
    """

    figures: UpdateFigures
    exchanges: Sequence[Mapping[int, Made]]
    invalid: npt.NDArray[np.bool_]
    tracking: Mapping[str, Tensor] | None = None


class Recorder:
    """Writes the records of R replicas."""

    def __init__(
        self,
        writer: RecordWriter,
        seeds: tuple[int, ...],
        networks: tuple[SimulatedNetwork, ...],
        signs: HealthChecks | None = None,
    ) -> None:
        """Record into a run folder.

        Args:
            writer: Of the run folder.
            seeds: One per replica.
            networks: One per replica, for the simulated time and the bytes sent; empty without a network.
            signs: Reads along.
        """
        self._writer, self._seeds, self._networks = writer, seeds, networks
        self._signs = HealthChecks() if signs is None else signs

    def episode(
        self,
        progress: Progress,
        episodes: Episodes,
        epsilon: Floats,
        update: Update | None,
        active: npt.NDArray[np.bool_],
    ) -> None:
        """Record an episode and, where there was one, its update.

        Args:
            progress: Counters after both.
            episodes: One per replica.
            epsilon: Exploration rate that the episode began with, ``[R]``.
            update: What the update left.
            active: bool ``[R]``, the replicas to record.

        Raises:
            DivergedError: A loss, a gradient or what an agent would send is not finite, or values are out of bounds.
        """
        returns = episodes.returns[:, 0].double().cpu().numpy()
        figures = _by_replica(update)
        for replica in np.flatnonzero(active).tolist():
            learnt = figures[replica]
            # The exchange's figure; metrics hold those of the learner alone.
            jtd_relative_error = learnt.pop("jtd_relative_error")
            if update is not None:
                for exchange in update.exchanges:
                    if replica in exchange:
                        self._exchange(replica, progress, update, exchange[replica], jtd_relative_error)
            self._metrics(
                self._counters(replica, progress)
                | learnt
                | {
                    "phase": "train",
                    "return_mean": float(returns[replica]),
                    "return_std": None,
                    "episodes_averaged": 1,
                    "episode_length": float(episodes.lengths[replica, 0]),
                    "epsilon": float(epsilon[replica]),
                }
            )
            self._check_sound(replica, progress, learnt, update)

    def _check_sound(
        self, replica: int, progress: Progress, learnt: Mapping[str, float | None], update: Update | None
    ) -> None:
        where = f"seed {self._seeds[replica]}, update {progress.updates[replica]}"
        invalid = [] if update is None else np.flatnonzero(update.invalid[replica]).tolist()
        if invalid:
            who = f"agent {invalid[0]} are" if len(invalid) == 1 else f"agents {', '.join(map(str, invalid))} are"
            raise DivergedError(f"{where}: TD errors of {who} not finite, and nobody took them in; try a smaller lr")
        for name, said in (
            ("loss", "the loss"),
            ("grad_norm", "the gradient's norm"),
            ("q_abs_max", "the largest |Q|"),
        ):
            value = learnt[name]
            if value is not None and not abs(value) < UNSOUND[name]:
                raise DivergedError(f"{where}: {said} is {value:.3g}; try a smaller lr")

    def evaluation(
        self, progress: Progress, episodes: Episodes, epsilon: float, due: npt.NDArray[np.bool_], phase: Phase
    ) -> None:
        """Record an evaluation of the replicas `due`, bool ``[R]``, on ``[R, C]`` episodes."""
        returns = episodes.returns.double().cpu().numpy()
        for replica in np.flatnonzero(due).tolist():
            played = returns[replica]
            self._metrics(
                self._counters(replica, progress)
                | dict.fromkeys(
                    ("loss", "grad_norm", "q_mean", "q_abs_max", "q_sum_abs_max", "td_abs_mean", *TRACKING_FIGURES)
                )
                | {
                    "phase": phase,
                    "return_mean": float(played.mean()),
                    "return_std": float(played.std(ddof=1)) if len(played) > 1 else None,
                    "episodes_averaged": len(played),
                    "episode_length": float(episodes.lengths[replica].mean()),
                    "epsilon": epsilon,
                }
            )

    def _metrics(self, row: Mapping[str, object]) -> None:
        self._writer.metrics(row)
        self._signs.metrics(row)

    def _counters(self, replica: int, progress: Progress) -> dict[str, object]:
        network = self._networks[replica] if self._networks else None
        return {
            "seed": self._seeds[replica],
            "env_steps": int(progress.env_steps[replica]),
            "updates": int(progress.updates[replica]),
            "episodes": int(progress.episodes[replica]),
            "sim_time_s": None if network is None else network.now_s,
            "bytes_sent": None if network is None else network.counters.wire_bytes,
        }

    def _exchange(
        self, replica: int, progress: Progress, update: Update, made: Made, jtd_relative_error: float | None
    ) -> None:
        report = made.report
        messages, acks = report.messages, report.acks
        faults = self._networks[replica].faults
        started_ns = report.first_start_ns
        ended_ns = max(started_ns, int(report.through_at_ns.max()))
        round_times_ns = report.round_times_ns
        row = {
            "seed": self._seeds[replica],
            "update": int(progress.updates[replica]),
            "env_steps": int(progress.env_steps[replica]),
            "kind": made.kind,
            "rounds": report.facts.rounds,
            "sim_time_s": started_ns * 1e-9,
            "duration_s": (ended_ns - started_ns) * 1e-9,
            "round_time_s": (round_times_ns[round_times_ns >= 0] * 1e-9).tolist(),
            "sent": messages.sent,
            "held": messages.delivered,
            "late": messages.late,
            "expired": messages.expired,
            "lost": messages.lost.total(),
            "in_flight": messages.in_flight,
            "duplicates": messages.duplicates,
            "bytes": report.wire_bytes,
            "delivered_fraction": messages.delivered / messages.sent if messages.sent else None,
            "unfinished_agents": int((~report.finished).sum()),
            "invalid_agents": int(update.invalid[replica].sum()),
            "deadline_s": None if report.deadlines_ns is None else int(report.deadlines_ns.max()) * 1e-9,
            "deadlines_fired": report.deadlines_fired,
            "acks_sent": None if acks is None else acks.sent,
            "acks_held": None if acks is None else acks.delivered,
            "ack_mismatch": None if acks is None else report.ack_mismatch,
            "faults": ", ".join(faults.under_way(report.began_ns, report.ended_ns)) if faults else "",
            "jtd_relative_error": jtd_relative_error if made.kind == "td" else None,
        } | asdict(operator_figures(made.operator))
        self._writer.network(row)
        self._signs.network(row)


class Tracer:
    """Writes every message's life of one replica into the trace."""

    def __init__(self, writer: RecordWriter, seed: int) -> None:
        """Trace into a run folder."""
        self._writer, self._seed = writer, seed

    def message(self, life: MessageLife) -> None:
        """See `Probe.message`."""
        self._writer.trace(
            (
                self._seed,
                life.kind,
                life.update + 1,
                life.round,
                life.sender,
                life.receiver,
                life.sent_ns,
                life.bytes,
                life.packets,
                "held" if life.outcome == "delivered" else life.outcome,
                life.reason or None,
                None if life.arrived_ns < 0 else life.arrived_ns,
            )
        )


TRACKING_FIGURES = ("disagreement", "tracker_imbalance", "tracker_in_flight", "tracked_gradient")


def tracking_figures(tracker: Tracker | None, parameters: Tensor) -> dict[str, Tensor] | None:
    """How far agents that exchange parameters ``[R, N, P]`` are apart, and whether their trackers' books balance."""
    if tracker is None:
        return None
    figures = {"disagreement": disagreement(parameters)}
    books = tracker.figures()
    if books is not None:
        figures |= {
            "tracker_imbalance": books.imbalance,
            "tracker_in_flight": books.in_flight,
            "tracked_gradient": books.gradient,
        }
    return figures


def _by_replica(update: Update | None) -> list[dict[str, float | None]] | defaultdict[int, dict[str, float | None]]:
    """Figures of each replica by name; all None where there was no update."""
    names = [*UpdateFigures.__dataclass_fields__, *TRACKING_FIGURES]
    nothing: dict[str, float | None] = dict.fromkeys(names)
    if update is None:
        return defaultdict(lambda: dict(nothing))
    tracking = update.tracking or {}
    known = [*UpdateFigures.__dataclass_fields__, *tracking]
    stacked = torch.cat([update.figures.stacked(), *(figure.double()[None] for figure in tracking.values())])
    return [nothing | dict(zip(known, values, strict=True)) for values in stacked.T.tolist()]
