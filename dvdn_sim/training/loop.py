"""The training loop on one screen: act, insert, exchange, learn, record, evaluate.

One iteration is one episode and one update in every replica; or E episodes, acted side by side, and then E updates, one
for each, or U spread over them, as if the episodes had been acted one after the other. Replicas are ragged: each has
its own step and episode counters, exploration rate and evaluation points, and freezes when its steps are done, or when
it diverges: the others go on.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch

from dvdn_sim.learners import Episodes, all_finite, epsilon_after
from dvdn_sim.training.build import RunParts
from dvdn_sim.training.communication import Communication
from dvdn_sim.training.recorder import Phase, Progress, Recorder, Update


@dataclass
class Loop:
    """Training of R replicas from their first step to their last.

    Attributes:
        parts: What `build` wired.
        recorder: Takes what happens.
        watch: Called after every iteration.
        progress: How far the replicas are.
        acted_with: Parameters that the next episode is acted with where updates overlap with acting, ``[R, G, P]``;
            None where it is the latest ones.
    """

    parts: RunParts
    recorder: Recorder
    watch: Callable[[Progress], None]
    progress: Progress = field(init=False)
    acted_with: torch.Tensor | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.progress = Progress.start(self.parts.train_envs.replicas)
        self._communication = Communication(self.parts, self.progress.episodes)

    def run(self) -> None:
        """Train until every replica has taken its steps, from wherever they are."""
        parts, progress = self.parts, self.progress
        if not progress.evaluations.any():
            everyone = np.ones(parts.train_envs.replicas, bool)
            self._evaluate(everyone, phase="random", epsilon=1.0)
            self._evaluate(everyone, phase="evaluation", epsilon=parts.scenario.evaluation.epsilon)
        while (active := progress.active(parts.scenario.training.steps)).any():
            episodes, epsilon = self._act(active)
            parts.replay.insert(episodes, active)
            ready = bool((parts.replay.stored[active] >= parts.scenario.training.batch).all())
            for number, episode in enumerate(episodes.one_by_one()):
                self._pass(episode.lengths[:, 0], active)
                for _ in range(parts.scenario.training.updates_after(number) if ready else 0):
                    self.recorder.update(progress, self._learn(active), active)
                self.recorder.episode(progress, episode, epsilon, active)
                active = active & ~progress.fallen
            due = active & (progress.env_steps >= progress.next_evaluation)
            self._evaluate(due, phase="evaluation", epsilon=parts.scenario.evaluation.epsilon)
            self.watch(progress)
        self.recorder.settle()

    def _act(self, active: npt.NDArray[np.bool_]) -> tuple[Episodes, npt.NDArray[np.float64]]:
        """Play E episodes per active replica; return them and the exploration rate that they began with, ``[R]``."""
        parts, progress = self.parts, self.progress
        self._restart()
        steps = progress.env_steps + parts.train_envs.copies * np.arange(parts.train_envs.env.episode_limit)[:, None]
        epsilon = epsilon_after(parts.scenario.training.epsilon, steps)
        acting = parts.learner.acting_parameters if self.acted_with is None else self.acted_with.flatten(0, 1)
        parts.actor.begin(acting, progress.episodes, epsilon, self._idle())
        return parts.train_envs.play(parts.actor.act, active), epsilon[0]

    def _pass(self, lengths: npt.NDArray[np.int64], active: npt.NDArray[np.bool_]) -> None:
        """Count one episode per active replica, of these lengths ``[R]``, and let its time pass."""
        for replica, network in enumerate(self.parts.networks):
            network.act(int(lengths[replica]))
        self.progress.env_steps += lengths
        self.progress.episodes += active

    def _idle(self) -> npt.NDArray[np.bool_] | None:
        """Return which agents do nothing at which of the coming steps, ``[T, R, 1, N]``, because they are down."""
        parts = self.parts
        if parts.scenario.network is None or not parts.scenario.network.idles:
            return None
        limit = parts.train_envs.env.episode_limit
        return np.stack([each.down_while_acting(limit) for each in parts.networks], axis=1)[:, :, None]

    def _learn(self, active: npt.NDArray[np.bool_]) -> Update:
        """Do one update per active replica: local errors, their exchange, the gradient step."""
        parts, learner = self.parts, self.parts.learner
        self._restart()
        ids = parts.replay.sample_ids(learner.updates, parts.scenario.training.batch, active)
        minibatch = parts.replay.minibatch(ids)
        td = learner.local_errors(minibatch, active)
        errors, learning, invalid = self._communication.of_errors(minibatch, active, all_finite(td))
        held = self._communication.errors_held(td, errors, invalid)
        if parts.overlap:  # the next episode is acted while this update is still on its way
            self.acted_with = learner.parameters[0].clone()
        figures = learner.differentiate(held)
        parameters, learning = self._communication.of_parameters(learning)
        learner.step(learning, [{r: each.exchanged for r, each in by_replica.items()} for by_replica in parameters])
        self.progress.updates += learning.any(1)
        tracking = {} if learner.tracker is None else learner.tracker.figures(learner.parameters[0])
        return Update(figures, [errors, *parameters], invalid, tracking)

    def _restart(self) -> None:
        """Let agents that lost their state in a crash, and are back, begin anew."""
        restarted = [network.take_restarted() for network in self.parts.networks]
        if any(each.any() for each in restarted):
            anew = self.parts.learner.restart(np.array(restarted))
            if self.acted_with is not None:
                self.acted_with[anew] = self.parts.learner.parameters[0, anew]

    def _evaluate(self, due: npt.NDArray[np.bool_], *, phase: Phase, epsilon: float) -> None:
        """Play evaluation episodes in the replicas that are due; the last evaluation follows the last episode."""
        if not due.any():
            return
        parts, progress = self.parts, self.progress
        rates = np.full((parts.eval_envs.env.episode_limit, parts.eval_envs.replicas), epsilon)
        parts.eval_actor.begin(parts.learner.acting_parameters, progress.evaluations, rates)
        episodes = parts.eval_envs.play(parts.eval_actor.act, due)
        progress.evaluations += due
        every, last = parts.scenario.evaluation.every, parts.scenario.training.steps
        progress.next_evaluation[due] = np.minimum((progress.env_steps[due] // every + 1) * every, last)
        if phase == "evaluation":
            progress.last_return[due] = episodes.returns.mean(1).cpu().numpy()[due]
        self.recorder.evaluation(progress, episodes, epsilon, due, phase)
