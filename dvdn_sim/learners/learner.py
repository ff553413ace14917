"""The update: from a minibatch to local temporal differences, and from an operator to new parameters."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dvdn_sim.learners.objective import Objective
from dvdn_sim.learners.optim import Adam, clip_by_norm
from dvdn_sim.learners.recurrent_q import RecurrentQ, Tape, Weights
from dvdn_sim.learners.replay import Minibatch
from dvdn_sim.learners.standardise import RewardStatistics
from dvdn_sim.learners.td import chosen, continues, double_q_value, td_errors, valid_steps
from netmodels.streams import stream


@dataclass(frozen=True)
class LearnerOptions:
    """Hyperparameters, named as in the scenario.

    Attributes:
        lr: Adam's step size.
        gamma: Discount per step.
        clip: Largest gradient norm; None for no clipping.
        standardise_rewards: Whether rewards are standardised by running statistics.
        target_update: Updates between hard copies into the target network.
        batch: B, episodes per minibatch.
    """

    lr: float = 3e-4
    gamma: float = 0.99
    clip: float | None = 10.0
    standardise_rewards: bool = True
    target_update: int = 200
    batch: int = 32


@dataclass(frozen=True)
class UpdateFigures:
    """What one update looked like, per replica ``[R]``, still on the device.

    Attributes:
        loss: Σ mask e² / Σ mask, mean over agents.
        grad_norm: Before clipping; the largest over agents, or the team's where clipping is joint.
        q_mean: Mean value of the chosen actions over agents and valid steps.
        q_abs_max: Largest |Q| of a chosen action.
        td_abs_mean: Mean |δ_i|.
        jtd_relative_error: ‖e - Σδ‖ / (√N ‖Σδ‖): how far the error signal is from the joint temporal difference.
    """

    loss: Tensor
    grad_norm: Tensor
    q_mean: Tensor
    q_abs_max: Tensor
    td_abs_mean: Tensor
    jtd_relative_error: Tensor

    def stacked(self) -> Tensor:
        """One tensor ``[fields, R]``, so that reading it costs one transfer."""
        return torch.stack([value.double() for value in vars(self).values()])


class Learner:
    """Q-networks of R teams of N agents, and how they learn.

    An update has two halves, because the network stands between them: `local_errors` gives the temporal differences
    that agents would put on the wire, `update` takes what became of them.

    Attributes:
        parameters: ``[2, R, N, P]``, online and target.
        updates: Updates done, ``[R]``, on the host.
    """

    def __init__(
        self,
        network: RecurrentQ,
        objective: Objective,
        options: LearnerOptions,
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
            network: Sizes, the same for all agents.
            objective: IQL, VDN or DVDN.
            options: Hyperparameters.
            seeds: One per replica.
            available: Actions that each agent has, bool ``[N, A]``.
            steps: T, the longest possible episode.
            device: Where everything lives.
            dtype: Of parameters and temporal differences.
            agent_keys: Names of the agents in random streams; their indices by default. Relabelling agents together
                with their keys relabels the result.
        """
        self.network, self.objective, self.options = network, objective, options
        self.n_agents = len(available)
        self._names = [(seed, key) for seed in seeds for key in agent_keys or range(self.n_agents)]
        initial = self._initial_parameters().to(device, dtype)
        self.parameters = initial.view(1, len(seeds), self.n_agents, -1).repeat(2, 1, 1, 1)
        self.updates = np.zeros(len(seeds), np.int64)
        self._optimiser = Adam(self.parameters[0], options.lr)
        self._statistics = RewardStatistics(len(seeds), device)
        everyone = bool(available.all())
        self._unavailable = None if everyone else ~available[:, None, None, :].to(device)
        rows = len(seeds) * self.n_agents
        self._tape = Tape(
            network, networks=2 * rows, trained=rows, steps=steps + 1, batch=options.batch, like=self.parameters
        )
        self._d_q = torch.zeros(rows, steps, options.batch, network.n_actions, device=device, dtype=dtype)
        self._minibatch: Minibatch | None = None
        self._td = self._q_t = self.parameters

    def _initial_parameters(self) -> Tensor:
        generators = [stream(seed, "initial_weights", key) for seed, key in self._names]
        return self.network.initial_parameters(generators)

    def restart(self, agents: npt.NDArray[np.bool_]) -> None:
        """Let some agents begin anew, with the weights that they began with and no memory: they lost all they had.

        Args:
            agents: Bool ``[R, N]``.
        """
        lost = torch.from_numpy(agents).to(self.parameters.device)
        self.parameters[:, lost] = self._initial_parameters().to(self.parameters)[lost.flatten()]
        self._optimiser.forget(lost)

    @property
    def acting_weights(self) -> Weights:
        """Views of the online networks, R·N rows; they follow the updates."""
        return self.network.weights(self.parameters[0].flatten(0, 1))

    @torch.inference_mode()
    def local_errors(self, minibatch: Minibatch, active: npt.NDArray[np.bool_]) -> Tensor:
        """Local temporal differences δ_i of every agent, before any exchange.

        Args:
            minibatch: The same episodes for all agents of a replica.
            active: bool ``[R]``; the other replicas keep their reward statistics.

        Returns:
            ``[R, N, T, B]``; positions where there was no step hold nonsense.
        """
        rewards = minibatch.rewards
        if self.options.standardise_rewards:
            self._statistics.merge(rewards, minibatch.longest, torch.from_numpy(active).to(rewards.device))
            rewards = self._statistics.standardise(rewards)
        local = self.objective.local_reward(rewards.to(self.parameters.dtype), self.n_agents)
        weights = self.network.weights(self.parameters.view(-1, self.parameters.shape[-1]))
        q = self.network.forward(weights, minibatch.observations, self._tape)
        q_online, q_target = q.view(2, *self.parameters.shape[1:3], *q.shape[1:]).unbind(0)
        steps = minibatch.actions.shape[2]
        self._q_t = chosen(q_online[:, :, :-1], minibatch.actions)
        value_tp1 = double_q_value(q_online[:, :, 1:], q_target[:, :, 1:], self._unavailable)
        more = continues(minibatch.lengths, steps)
        self._td = td_errors(self._q_t, value_tp1, local[:, None], more[:, None], self.options.gamma)
        self._minibatch = minibatch
        return self._td

    @torch.inference_mode()
    def update(self, held: Tensor | None, active: npt.NDArray[np.bool_]) -> UpdateFigures:
        """Take one gradient step on the errors of the last `local_errors`.

        Args:
            held: What each agent holds after the exchange ``[R, N, T, B]``; None where the objective exchanges nothing.
            active: bool ``[R]``, or ``[R, N]`` where some agents of a replica do not learn; the others are left exactly
                as they are.

        Returns:
            Figures of the update; those of inactive replicas mean nothing.
        """
        if self._minibatch is None:
            raise RuntimeError("update follows local_errors")
        minibatch, self._minibatch = self._minibatch, None
        steps = minibatch.actions.shape[2]
        mask = valid_steps(minibatch.lengths, steps)[:, None].to(self._td.dtype)
        count = mask.sum((2, 3), keepdim=True)
        error = self.objective.error(self._td, held) * mask

        d_q = self._d_q[:, :steps].view(*error.shape, -1).zero_()
        d_q.scatter_(-1, minibatch.actions.unsqueeze(-1), (error * (-2 / count)).unsqueeze(-1))
        weights = self.network.weights(self.parameters[0].flatten(0, 1))
        gradient = self.network.backward(weights, d_q.flatten(0, 1), self._tape).view_as(self.parameters[0])
        norms = clip_by_norm(gradient, self.options.clip, jointly=self.objective.clips_jointly)
        figures = self._figures(error, mask, count, norms)
        self._step(gradient, active)
        return figures

    def _step(self, gradient: Tensor, active: npt.NDArray[np.bool_]) -> None:
        """Adam and the target copy, for those that learn only."""
        optimiser, online = self._optimiser, self.parameters[0]
        learning = np.broadcast_to(active.reshape(len(active), -1), online.shape[:2])
        if learning.all():  # indexing by nothing is not free
            optimiser.step(online, gradient)
        else:
            frozen = torch.from_numpy(~learning).to(online.device)
            touched = (online, optimiser.first, optimiser.second, optimiser.steps)
            kept = [tensor[frozen] for tensor in touched]
            optimiser.step(online, gradient)
            for tensor, rows in zip(touched, kept, strict=True):
                tensor[frozen] = rows
        self.updates += learning.any(1)
        due = learning & (self.updates % self.options.target_update == 0)[:, None]
        if due.any():
            rows = torch.from_numpy(due).to(online.device)
            self.parameters[1][rows] = online[rows]

    def _figures(self, error: Tensor, mask: Tensor, count: Tensor, norms: Tensor) -> UpdateFigures:
        td, q_t = self._td * mask, self._q_t * mask
        per_step = count[:, 0, 0, 0] * self.n_agents
        joint = td.sum(1, keepdim=True)
        off = (error - joint).square().sum((1, 2, 3)).sqrt()
        return UpdateFigures(
            loss=error.square().sum((1, 2, 3)) / per_step,
            grad_norm=norms.amax(1),
            q_mean=q_t.sum((1, 2, 3)) / per_step,
            q_abs_max=q_t.abs().amax((1, 2, 3)),
            td_abs_mean=td.abs().sum((1, 2, 3)) / per_step,
            jtd_relative_error=off / (joint.square().sum((1, 2, 3)) * self.n_agents).sqrt(),
        )
