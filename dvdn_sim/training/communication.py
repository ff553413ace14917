"""What an update sends over the network: local errors first, then, where they are exchanged, parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dvdn_sim.consensus import Policy
from dvdn_sim.learners.dvdn import counts, mixed
from dvdn_sim.learners.objective import Held
from dvdn_sim.learners.replay import Minibatch
from dvdn_sim.learners.tracking import Exchanged
from dvdn_sim.learners.transfer import remembered
from dvdn_sim.network import ExchangeReport
from dvdn_sim.scenario.messages import parameter_bytes, td_bytes
from dvdn_sim.training.build import Consensus, Parts

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Made:
    """One exchange of one replica.

    Attributes:
        kind: What it carried: `td`, TD errors; `gt`, parameters and trackers.
        report: What the network says of it.
        operator: What all its rounds came to, ``[N, N]``.
    """

    kind: str
    report: ExchangeReport
    operator: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Communication:
    """The exchanges of R replicas, each over its own network.

    Attributes:
        parts: What `build` wired.
        episodes: Training episodes played, ``[R]``; the loop counts them on.
    """

    parts: Parts
    episodes: npt.NDArray[np.int64]

    def of_errors(self, minibatch: Minibatch, active: Bools, finite: Tensor) -> tuple[dict[int, Made], Bools, Bools]:
        """What each active replica's network makes of its agents' temporal differences.

        Args:
            minibatch: Its valid positions are sent.
            active: Bool ``[R]``.
            finite: Bool ``[R, N]``, whose values are finite: nobody takes in others. Read when the networks are done,
                so that the device computes what they carry while they carry it.

        Returns:
            By replica, what it exchanged; which agents learn, ``[R, N]``: crashed ones do not; and whose values are not
            finite.
        """
        consensus, reports = self.parts.consensus, {}
        learning = np.repeat(active[:, None], self.parts.arena.env.n_agents, axis=1)
        for replica, network in enumerate(self.parts.networks):
            if not active[replica]:
                continue
            if consensus is None or consensus.spec.rounds == 0:
                learning[replica] = network.compute()
                continue
            size_bytes = td_bytes(minibatch.positions[replica], consensus.spec)
            reports[replica] = report = self._exchange(replica, "td", consensus.spec.rounds, size_bytes)
            learning[replica] = report.finished
        invalid = ~finite.cpu().numpy() & active[:, None]
        made = {} if consensus is None else _made("td", reports, invalid, consensus.policy)
        return made, learning, invalid

    def of_parameters(self, learning: Bools) -> tuple[list[dict[int, Made]], Bools]:
        """What networks make of the parameters and trackers that this update exchanges, one exchange after the other.

        Args:
            learning: Bool ``[R, N]``, agents that have a gradient; the others have nothing to send.

        Returns:
            By exchange and replica, what was exchanged; and which agents learn: not those that did not get through.
        """
        learning = learning.copy()
        tracker, policy, every = self.parts.tracker, self.parts.parameter_policy, []
        if tracker is None or policy is None:
            return [], learning
        sizes = [tracker.messages(int(update)) for update in self.parts.learner.updates]
        for number in range(max(map(len, sizes))):
            reports = {
                replica: self._exchange(replica, "gt", 1, parameter_bytes(size[number]), computing=False)
                for replica, size in enumerate(sizes)
                if number < len(size) and learning[replica].any()
            }
            every.append(_made("gt", reports, ~learning, policy))
            for replica, report in reports.items():
                learning[replica] &= report.finished
        return every, learning

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


def _made(kind: str, reports: Mapping[int, ExchangeReport], silent: Bools, policy: Policy) -> dict[int, Made]:
    """What exchanges came to, by replica, without the agents that are `silent`, bool ``[R, N]``: nobody heard those."""
    made = {}
    for replica, report in reports.items():
        facts = report.facts.without_senders(silent[replica]) if silent[replica].any() else report.facts
        made[replica] = Made(kind, replace(report, facts=facts), policy.operator(facts)[-1])
    return made


def held_after(consensus: Consensus, td: Tensor, made: Mapping[int, Made], invalid: Bools) -> Held:
    """What agents hold after their exchanges of errors; after one of no rounds, what they held before.

    Args:
        consensus: How errors are mixed.
        td: Local errors, ``[R, N, T, B]``.
        made: By replica, what was exchanged.
        invalid: Bool ``[R, N]``, agents whose values are not finite.
    """
    operators = np.tile(np.eye(td.shape[1]), (len(td), 1, 1))
    for replica, exchange in made.items():
        operators[replica] = exchange.operator
    operator = torch.from_numpy(operators).to(td)
    if consensus.spec.wire != "float32":  # not linear, so done on the host: errors there and back in one copy each
        held = td.to("cpu", copy=True)
        for replica, exchange in made.items():
            held[replica] = consensus.held(exchange.report.facts, held[replica])
        return Held(held.to(td.device), counts(operator))
    cut_out = remembered(invalid, td.device) if invalid.any() else None
    return Held(mixed(operator, td, cut_out), counts(operator))


def for_tracker(every: list[dict[int, Made]]) -> list[dict[int, Exchanged]]:
    """What was exchanged, as trackers take it."""
    return [{replica: Exchanged(each.report.facts, each.operator) for replica, each in made.items()} for made in every]
