"""What an update sends over the network: local errors first, then, where they are exchanged, parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dvdn_sim.algorithms import Held
from dvdn_sim.consensus import Policy, apply_float16, operator_of
from dvdn_sim.learners import Exchanged, Minibatch, counts, mixed, remembered
from dvdn_sim.network import ExchangeReport
from dvdn_sim.scenario import parameter_bytes, td_bytes
from dvdn_sim.training.build import RunParts

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ReplicaExchange:
    """One exchange of one replica.

    Attributes:
        kind: What it carried: `td`, TD errors; `gt`, parameters and trackers.
        report: What the network says of it.
        operator: The mixing of all its rounds, ``[N, N]``.
    """

    kind: str
    report: ExchangeReport
    operator: npt.NDArray[np.float64]

    @property
    def exchanged(self) -> Exchanged:
        """The same as trackers take it."""
        return Exchanged(self.report.facts, self.operator)


ByReplica = Mapping[int, ReplicaExchange]


@dataclass(frozen=True)
class Communication:
    """The exchanges of R replicas, each over its own network.

    Attributes:
        parts: What `build` wired.
        episodes: Training episodes played, ``[R]``; the loop counts them on.
    """

    parts: RunParts
    episodes: npt.NDArray[np.int64]

    def of_errors(self, minibatch: Minibatch, active: Bools, finite: Tensor) -> tuple[ByReplica, Bools, Bools]:
        """Let each active replica's network carry its agents' temporal differences.

        Args:
            minibatch: Its valid positions are sent.
            active: Bool ``[R]``.
            finite: Bool ``[R, N]``, whose values are finite: nobody takes in others. Read when the networks are done,
                so that the device computes what they carry while they carry it.

        Returns:
            By replica, what it exchanged; which agents learn, ``[R, N]``: crashed ones do not; and whose values are not
            finite.
        """
        spec, policy, reports = self.parts.consensus, self.parts.td_policy, {}
        learning = np.repeat(active[:, None], self.parts.train_envs.env.n_agents, axis=1)
        for replica, network in enumerate(self.parts.networks):
            if not active[replica]:
                continue
            if spec is None or spec.rounds == 0:
                learning[replica] = network.compute()
                continue
            size_bytes = td_bytes(minibatch.positions[replica], spec)
            reports[replica] = report = self._exchange(replica, "td", spec.rounds, size_bytes)
            learning[replica] = report.finished
        invalid = ~finite.cpu().numpy() & active[:, None]
        return {} if policy is None else _mixed_by(policy, "td", reports, invalid), learning, invalid

    def of_parameters(self, learning: Bools) -> tuple[list[ByReplica], Bools]:
        """Let networks carry the parameters and trackers that this update exchanges, one exchange after the other.

        Args:
            learning: Bool ``[R, N]``, agents that have a gradient; the others have nothing to send.

        Returns:
            By exchange and replica, what was exchanged; and which agents learn: not those that did not get through.
        """
        learning = learning.copy()
        tracker, policy = self.parts.learner.tracker, self.parts.parameter_policy
        exchanges: list[ByReplica] = []
        if tracker is None or policy is None:
            return exchanges, learning
        sizes = [tracker.messages(int(update)) for update in self.parts.learner.updates]
        for number in range(max(map(len, sizes))):
            reports = {
                replica: self._exchange(replica, "gt", 1, parameter_bytes(size[number]), computing=False)
                for replica, size in enumerate(sizes)
                if number < len(size) and learning[replica].any()
            }
            exchanges.append(_mixed_by(policy, "gt", reports, ~learning))
            for replica, report in reports.items():
                learning[replica] &= report.finished
        return exchanges, learning

    def _exchange(
        self, replica: int, kind: str, rounds: int, size_bytes: int, *, computing: bool = True
    ) -> ExchangeReport:
        return self.parts.networks[replica].exchange(
            kind,
            rounds=rounds,
            size_bytes=size_bytes,
            episode=int(self.episodes[replica]) - 1,
            update=int(self.parts.learner.updates[replica]),
            computing=computing,
        )

    def errors_held(self, td: Tensor, exchanges: ByReplica, invalid: Bools) -> Held | None:
        """Return what agents hold after their exchange of errors; after none, what they held before.

        Args:
            td: Local errors, ``[R, N, T, B]``.
            exchanges: By replica, what was exchanged.
            invalid: Bool ``[R, N]``, agents whose values are not finite.

        Returns:
            None for algorithms that exchange no errors.
        """
        spec, policy = self.parts.consensus, self.parts.td_policy
        if spec is None or policy is None:
            return None
        operators = np.empty((len(td), td.shape[1], td.shape[1]))
        operators[:] = np.eye(td.shape[1])
        for replica, exchange in exchanges.items():
            operators[replica] = exchange.operator
        operator = torch.from_numpy(operators).to(td)
        if spec.wire != "float32":  # not linear, so done on the host: errors there and back in one copy each
            held = td.to("cpu", copy=True)
            for replica, exchange in exchanges.items():
                values = held[replica].double().numpy()
                held[replica] = torch.from_numpy(apply_float16(policy, exchange.report.facts, values)[-1]).to(held)
            return Held(held.to(td.device), counts(operator))
        cut_out = remembered(invalid, td.device) if invalid.any() else None
        return Held(mixed(operator, td, cut_out), counts(operator))


def _mixed_by(policy: Policy, kind: str, reports: Mapping[int, ExchangeReport], silent: Bools) -> ByReplica:
    """Return what exchanges came to, by replica, as if nobody heard the `silent` agents, bool ``[R, N]``."""
    exchanges = {}
    for replica, report in reports.items():
        if silent[replica].any():
            report = replace(report, facts=report.facts.without_senders(silent[replica]))  # noqa: PLW2901
        exchanges[replica] = ReplicaExchange(kind, report, operator_of(policy, report.facts))
    return exchanges
