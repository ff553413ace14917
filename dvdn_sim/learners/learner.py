"""The update: from a minibatch to local temporal differences, and from what became of them to new parameters."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dvdn_sim.algorithms import Held, Local, QLearning, Qmix, Signal
from dvdn_sim.learners import transfer
from dvdn_sim.learners.optim import Adam, clip_by_norm, frozen
from dvdn_sim.learners.parameter_exchange import Exchange
from dvdn_sim.learners.q_network import Layout, QNetwork
from dvdn_sim.learners.qmix import Mixer, TeamMixers
from dvdn_sim.learners.replay import Minibatch
from dvdn_sim.learners.td import RewardStatistics, local_of, measure, plain_measure
from dvdn_sim.learners.tracking import Tracker, parameter_exchange_of, tracker_of
from dvdn_sim.learners.unroll import unroll_of
from dvdn_sim.scenario import Training
from netmodels.streams import stream


@dataclass(frozen=True)
class UpdateFigures:
    """What one update looked like, per replica ``[R]``, still on the device.

    Attributes:
        loss: Σ mask e² / Σ mask, mean over agents.
        grad_norm: Before clipping; the largest over agents, or the team's where one trainer clips.
        q_mean: Mean value of the chosen actions over agents and valid steps.
        q_abs_max: Largest |Q| of a chosen action.
        q_sum_abs_max: Largest |Σ_i Q_i| of the chosen actions: small beside N·`q_abs_max` where the
            individual values diverge while the team sum stays bounded.
        td_abs_mean: Mean |δ_i|.
        jtd_relative_error: ‖e - Σδ‖ / (√N ‖Σδ‖): how far the error signal is from the joint temporal difference.
    """

    loss: Tensor
    grad_norm: Tensor
    q_mean: Tensor
    q_abs_max: Tensor
    q_sum_abs_max: Tensor
    td_abs_mean: Tensor
    jtd_relative_error: Tensor

    def stacked(self) -> Tensor:
        """Return one tensor ``[fields, R]``, so that reading it costs one transfer."""
        return torch.stack([value.double() for value in vars(self).values()])


class Learner:
    """Q-networks of R teams of N agents, and how they learn.

    An update has three parts, because the network stands between them: `local_errors` gives the temporal differences
    that agents would put on the wire, `differentiate` takes what became of them, and `step` what became of the
    parameters that agents exchange, if they do.

    Attributes:
        parameters: ``[2, R, G, P]``, online and target; G networks per team, one for each agent or one for all.
        gradient: Clipped, of the latest `differentiate`, ``[R, G, P]``.
        mixers: What QMIX learns beside the agents' networks; None for other algorithms.
        updates: Updates done, ``[R]``, on the host.
    """

    def __init__(
        self,
        network: QNetwork,
        spec: QLearning,
        training: Training,
        *,
        seeds: list[int],
        available: Tensor,
        steps: int,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        agent_keys: tuple[int, ...] | None = None,
    ) -> None:
        """Draw initial weights and allocate buffers.

        Args:
            network: Sizes, the same for all agents; its input holds the numbers of agents that share it, too.
            spec: The algorithm: what is learnt, step size, discount, clipping, and which agents share a network.
            training: Size of a minibatch, and how targets follow.
            seeds: One per replica.
            available: Actions that each agent has, bool ``[N, A]``.
            steps: T, the longest possible episode.
            agent_keys: Names of the agents in random streams; relabelling both relabels the result.
        """
        self.network, self._spec, self._training = network, spec, training
        self.n_agents = len(available)
        self.layout = layout = Layout.from_spec(spec, len(seeds), self.n_agents)
        # Who agrees on parameters begins with the same ones.
        one_start = layout.shared or parameter_exchange_of(spec) is not None
        keys = ["team"] * layout.networks if one_start else list(agent_keys or range(self.n_agents))
        self._names = [(seed, key) for seed in seeds for key in keys]
        initial = self._initial_parameters().to(device, dtype)
        self.parameters = initial.view(1, len(seeds), layout.networks, -1).repeat(2, 1, 1, 1)
        self.updates = np.zeros(len(seeds), np.int64)
        self._own_updates = np.zeros((len(seeds), layout.networks), np.int64)
        online = self.parameters[0]
        self._optimiser: Adam | Tracker = tracker_of(spec, online) or Adam(online, spec.lr)
        state_dim = self.n_agents * (network.obs_dim - layout.ids)
        self.mixers = (
            TeamMixers(Mixer(self.n_agents, state_dim, spec), seeds, self.parameters)
            if isinstance(spec, Qmix)
            else None
        )
        self._statistics = RewardStatistics(len(seeds), device)
        self._unroll = unroll_of(network, layout, available, steps=steps, batch=training.batch, like=self.parameters)
        self._local: Local | None = None
        self._minibatch: Minibatch | None = None
        self.gradient = self.parameters[0]

    def _initial_parameters(self) -> Tensor:
        generators = [stream(seed, "initial_weights", key) for seed, key in self._names]
        return self.network.initial_parameters(generators)

    def restart(self, agents: npt.NDArray[np.bool_]) -> Tensor:
        """Let agents ``[R, N]`` begin anew, with their first weights and no memory: they lost all they had.

        Returns the networks that begin anew, bool ``[R, G]``; one that agents share is lost if any of them lost it.
        """
        networks = self._of_networks(agents)
        lost = torch.from_numpy(networks).to(self.parameters.device)
        self.parameters[:, lost] = self._initial_parameters().to(self.parameters)[lost.flatten()]
        self._optimiser.forget(lost)
        self._own_updates[networks] = 0
        return lost

    @property
    def tracker(self) -> Tracker | None:
        """What takes the step where parameters are exchanged; None where each network has an Adam of its own."""
        return self._optimiser if isinstance(self._optimiser, Tracker) else None

    @property
    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold between two updates, the tensors themselves: copy into them to restore."""
        state = {
            "parameters": self.parameters,
            "updates": torch.from_numpy(self.updates),
            "own_updates": torch.from_numpy(self._own_updates),
        }
        state |= {f"optimiser.{name}": tensor for name, tensor in self._optimiser.state.items()}
        state |= {f"rewards.{name}": tensor for name, tensor in self._statistics.state.items()}
        return state if self.mixers is None else state | self.mixers.state

    @property
    def acting_parameters(self) -> Tensor:
        """Of the online networks, ``[R·G, P]``; a view, which follows the updates."""
        return self.parameters[0].flatten(0, 1)

    @torch.inference_mode()
    def local_errors(self, minibatch: Minibatch, active: npt.NDArray[np.bool_]) -> Tensor:
        """Return local temporal differences δ_i of every agent ``[R, N, T, B]``, nonsense where there was no step.

        Replicas that are not active, bool ``[R]``, keep their reward statistics.
        """
        found, expected = minibatch.observations.shape[-1], self.network.obs_dim - self.layout.ids
        if found != expected:
            raise ValueError(f"observations of {found} numbers found; {expected} expected")
        timed_out = minibatch.timed_out if self._spec.bootstrap_on_timeout else None
        values = self._unroll.values(self.parameters, minibatch, timed_out)
        self._local = local_of(self._spec, minibatch, active, self._statistics, values)
        self._minibatch = minibatch
        return self._local.td

    @torch.inference_mode()
    def differentiate(self, held: Held | None) -> UpdateFigures:
        """Work out the clipped gradient on the errors of the last `local_errors`.

        Args:
            held: What each agent holds after the exchange; None where the algorithm exchanges nothing.

        Returns:
            Figures of the update; those of inactive replicas mean nothing.
        """
        if self._local is None or self._minibatch is None:
            raise RuntimeError("differentiate follows local_errors")
        local, minibatch, self._local, self._minibatch = self._local, self._minibatch, None, None
        signal = (self.mixers or self._spec).signal(local, held)
        self.gradient = self._unroll.gradient(minibatch, signal.pull)
        others = [] if self.mixers is None else [self.mixers.gradient[:, None]]
        norms = clip_by_norm([self.gradient, *others], self._spec.clip, jointly=self._spec.central)
        return self._figures(local, signal, norms)

    @torch.inference_mode()
    def step(self, active: npt.NDArray[np.bool_], exchanges: Sequence[Exchange] = ()) -> None:
        """Move the parameters along the latest gradient, count that, and let the targets follow.

        Args:
            active: bool ``[R]``, or ``[R, N]`` where some agents of a replica do not learn; the others are left exactly
                as they are.
            exchanges: What came of the exchanges of parameters, in their order.
        """
        everyone = np.ones((len(active), self.n_agents), bool)
        learning = self._of_networks(everyone & active.reshape(len(active), -1))
        online, gradient = self.parameters[0], self.gradient
        if isinstance(self._optimiser, Tracker):
            self._optimiser.step(online, gradient, updates=self.updates, exchanges=exchanges, learning=learning)
        else:
            _adam(self._optimiser, online, gradient, learning)
        if self.mixers is not None:
            online, gradient = self.mixers.parameters[0][:, None], self.mixers.gradient[:, None]
            _adam(self.mixers.optimiser, online, gradient, _any(learning))
        self._follow(learning)

    def _follow(self, learning: npt.NDArray[np.bool_]) -> None:
        teams = _any(learning)[:, 0]
        self.updates += teams
        self._own_updates += learning
        self._pull_targets(self.parameters, learning, self._own_updates)
        if self.mixers is not None:
            self._pull_targets(self.mixers.parameters, teams, self.updates)

    def _pull_targets(self, copies: Tensor, learnt: npt.NDArray[np.bool_], updates: npt.NDArray[np.int64]) -> None:
        """Make hard or soft copies ``[2, R, P]`` or ``[2, R, G, P]``, online to target, of what has just learnt."""
        tau = self._training.target_tau
        due = learnt if tau is not None else learnt & (updates % self._training.target_update == 0)
        if due.any():
            online, target = copies.view(2, due.size, -1)
            which = transfer.rows(due, copies.device)
            new = online[which]
            target[which] = new if tau is None else torch.lerp(target[which], new, tau)

    def _of_networks(self, agents: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """From agents ``[R, N]`` to the networks that they use, ``[R, G]``: those of any of them."""
        return _any(agents) if self.layout.shared else agents

    def _figures(self, local: Local, signal: Signal, norms: Tensor) -> UpdateFigures:
        parts = signal.error.contiguous(), local.td, local.q_t, local.mask
        figures = norms.new_empty(len(fields(UpdateFigures)), len(norms), dtype=torch.float64)
        if transfer.compiled_for(norms):
            arrays: list[Any] = [each.numpy() for each in (*parts, figures)]
            measure(*arrays)
        else:
            plain_measure(*parts, figures)
        figures[1] = norms.amax(1)
        return UpdateFigures(*figures)


def _any(agents: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Whether any agent of a team is among them, ``[R, N]`` to ``[R, 1]``."""
    return np.asarray(agents.any(1))[:, None]


def _adam(optimiser: Adam, parameters: Tensor, gradient: Tensor, learning: npt.NDArray[np.bool_]) -> None:
    """One step of the networks that learn, bool ``[R, G]``; the others stay to the bit."""
    with frozen(learning, (parameters, *optimiser.state.values())):
        optimiser.step(parameters, gradient)
