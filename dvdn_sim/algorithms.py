"""Algorithms: the options of each, what its agents exchange, and the error that they learn from.

Every algorithm minimises a mean of squared errors and differentiates only the agents' own -Q_i(a_i) inside them, so
a gradient step is known from what pulls each Q_i: `signal` says that, the learner (`dvdn_sim.learners`) does the rest.
Nothing here imports torch: a scenario is checked without it.
"""

import dataclasses
from dataclasses import field
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from dvdn_sim.consensus import POLICIES, WEIGHTS
from netmodels.units import CLOSED, Count, Flag, Fraction, Natural, Number, kinds_of

if TYPE_CHECKING:
    from torch import Tensor

Positive = Annotated[Number, Field(gt=0.0)]
Width = Annotated[Count, Field(le=4096)]
RewardModel = Literal["team_mean", "team_sum", "individual"]

if TYPE_CHECKING:
    AnyPolicy = str
    AnyWeights = str
    TdWeights = str
else:
    AnyWeights = Literal[tuple(WEIGHTS)]
    TdWeights = Literal["auto", *WEIGHTS]
    # `auto` is `self`: running sums ruin learning under loss (docs/method.md).
    _RESOLVED = {"auto": "self", **{policy: policy for policy in POLICIES}}
    AnyPolicy = Annotated[
        Literal[tuple(_RESOLVED)], AfterValidator(_RESOLVED.__getitem__), Field(validate_default=True)
    ]


@dataclasses.dataclass(frozen=True)
class Local:
    """What agents know before any exchange; R teams, N agents, T steps, B episodes.

    Attributes:
        td: Local temporal differences δ ``[R, N, T, B]``; nonsense where there was no step.
        q_t: Q_i(τ_t, a_t), of the same shape.
        value_tp1: Q_i⁻(τ_{t+1}, argmax_a Q_i(τ_{t+1}, a)), of the same shape.
        rewards: ρ_i, ``[R, N or 1, T, B]``.
        continues: Whether the value of the next state counts, bool ``[R, T, B]``.
        mask: 1 where there was a step, 0 elsewhere, ``[R, 1, T, B]``.
        observations: ``[R, N, T + 1, B, D]``.
        gamma: Discount per step.
    """

    td: "Tensor"
    q_t: "Tensor"
    value_tp1: "Tensor"
    rewards: "Tensor"
    continues: "Tensor"
    mask: "Tensor"
    observations: "Tensor"
    gamma: float


class Held(NamedTuple):
    """What agents hold after an exchange.

    Attributes:
        values: ``[R, N, T, B]``, the mix of local errors.
        counts: ``[R, N]``, how many agents' errors are in it.
    """

    values: "Tensor"
    counts: "Tensor"


class Signal(NamedTuple):
    """What an algorithm makes of the errors, each ``[R, N, T, B]``; positions without a step may hold nonsense.

    Attributes:
        error: What the loss squares.
        pull: -½ of the derivative of the squared error with respect to Q_i(a_i), before the mean over steps.
    """

    error: "Tensor"
    pull: "Tensor"


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class QLearning:
    """What all algorithms here share: double Q-learning with a network per agent.

    Attributes:
        hidden: units of the network.
        recurrent: whether it has a memory (a GRU), or a second layer in its place.
        lr: Adam's step size.
        gamma: discount per environment step.
        clip: longest gradient (L2 norm); None does not clip.
        standardise_rewards: subtract the running mean of the team's rewards and divide by their running deviation.
        bootstrap_on_timeout: whether the value of the state at a time limit counts; EPyMARL takes every end for one.
    """

    hidden: Width = 64
    recurrent: Flag = True
    lr: Positive = 3e-4
    gamma: Fraction = 0.99
    clip: Positive | None = 10.0
    standardise_rewards: Flag = True
    bootstrap_on_timeout: Flag = False

    @property
    def central(self) -> bool:
        """Whether one trainer clips the gradient over the whole team, rather than every agent its own."""
        return False

    @property
    def reward_model(self) -> RewardModel:
        """Which reward is inside a local temporal difference."""
        raise NotImplementedError

    def signal(self, local: Local, held: Held | None) -> Signal:
        """Return the error signal, from what agents know and what they hold after the exchange (None without one)."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Sharing(QLearning):
    """What algorithms with a trainer in one place may do besides.

    Attributes:
        share_parameters: whether all agents use one network, as in the variants called PS.
        agent_ids: whether agents that share a network observe their own number, one-hot.
    """

    share_parameters: Flag = False
    agent_ids: Flag = True


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Iql(Sharing):
    """Independent Q-learning (Tan 1993): every agent learns from the reward alone and sends nothing.

    With ρ_i = R (`team_sum`, EPyMARL's common reward) each agent explains the whole team reward; with its own reward,
    ρ_i = r_i, it is Q-learning on that.

    Attributes:
        reward_model: the reward that an agent explains: the team's (``team_sum``), its share, or its own.
        clip_over: ``agent`` has a loss, a clip and an Adam for each agent; ``team`` one of each for all, with the mean
            over agents as the loss, as EPyMARL has it and shared parameters need it.
    """

    kind: Literal["iql"] = field(default="iql", repr=False)
    reward_model: RewardModel = "team_sum"
    clip_over: Literal["agent", "team"] = "agent"

    @property
    def central(self) -> bool:
        """Whether there is one loss for all, the mean over agents, which makes each one's gradient 1/N as long."""
        return self.share_parameters or self.clip_over == "team"

    def signal(self, local: Local, held: Held | None) -> Signal:
        """e_i = δ_i: each agent explains the reward alone."""
        return Signal(local.td, local.td / local.td.shape[1] if self.central else local.td)


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Centralised(Sharing):
    """What is trained in one place, with one clip of the gradient over the whole team."""

    @property
    def central(self) -> bool:
        """True: the trainer has all gradients."""
        return True


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Vdn(Centralised):
    """Value decomposition (Sunehag et al. 2018): the sum of all agents' values learns the team reward, in one place."""

    kind: Literal["vdn"] = field(default="vdn", repr=False)

    @property
    def reward_model(self) -> RewardModel:
        """Agents' shares, which sum to the team's reward."""
        return "team_mean"

    def signal(self, local: Local, held: Held | None) -> Signal:
        """e_i = Σ_j δ_j = R + γ Σ_j Q_j⁻ - Σ_j Q_j, the joint temporal difference, for every agent."""
        joint = local.td.sum(1, keepdim=True).expand_as(local.td)
        return Signal(joint, joint)


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Qmix(Centralised):
    """Monotone value decomposition: a network that sees everything mixes all agents' values, in one place.

    Attributes:
        mixer_embed: width of the mixing network.
        hypernet_hidden: width of the networks that make its weights from the state.
    """

    kind: Literal["qmix"] = field(default="qmix", repr=False)
    mixer_embed: Width = 32
    hypernet_hidden: Width = 64

    @property
    def reward_model(self) -> RewardModel:
        """The team's reward."""
        return "team_sum"

    def signal(self, local: Local, held: Held | None) -> Signal:
        """Not known from the options alone: `dvdn_sim.learners.qmix.TeamMixers` has parameters of its own."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Consensus:
    """How TD errors are exchanged and mixed.

    Attributes:
        rounds: rounds of an exchange; 0 exchanges nothing.
        policy: what an agent makes of the messages that did not come (`dvdn_sim.consensus`); ``auto`` is ``self``.
        weights: weight of each neighbour; ``running_sum`` and ``push_sum`` need none and give equal shares. ``auto`` is
            ``metropolis`` on complete graphs and random ones that are drawn anew, and ``lazy`` on graphs that stay, on
            which learning may diverge with `metropolis`.
        wire: how messages carry a value; ``float16`` halves them and rounds to 3 digits.
    """

    rounds: Annotated[Natural, Field(le=1000)] = 1
    policy: AnyPolicy = "auto"
    weights: TdWeights = "auto"
    wire: Literal["float32", "float16"] = "float32"


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Dvdn(QLearning):
    """Distributed value decomposition (arXiv 2502.07635): agents estimate the sum of TD errors by consensus.

    e_i = N Σ_j A_ij δ_j: own TD plus N (A δ)_i - δ_i, the paper's estimate of the others' sum. For any K the own
    initial δ_i is what the estimate excludes, so e = N A δ with the operator of all K rounds (our reading where the
    paper is ambiguous). On the complete lossless graph A = 11ᵀ/N and the update is VDN's.

    Attributes:
        consensus: how TD errors are exchanged and mixed.
        reward_model: the reward within an agent's TD error: the team's divided by its size, the team's, or its own.
        self_estimate: what an agent multiplies the mix by (docs/method.md, limits). ``literal``: by N; an agent that
            heard nobody learns from N δ_i, with `team_mean` independent learning of N·Q_i on R. ``count_aware``: by the
            number of agents whose errors are in it; that agent learns alone, on R/N, and a part of the team that is
            cut off learns its own sum. The reward in the target then changes with who is heard.
    """

    kind: Literal["dvdn"] = field(default="dvdn", repr=False)
    consensus: Consensus = Consensus()
    reward_model: RewardModel = "team_mean"
    self_estimate: Literal["literal", "count_aware"] = "literal"

    def signal(self, local: Local, held: Held | None) -> Signal:
        """e_i = N x_i, or n_i x_i, with x = A δ what agents hold after the exchange."""
        if held is None:
            raise ValueError("dvdn needs what its agents hold after the exchange")
        literal = self.self_estimate == "literal"
        error = held.values * (held.values.shape[1] if literal else held.counts[..., None, None])
        return Signal(error, error)


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class ParameterExchange:
    """How agents exchange numbers as long as their networks.

    Attributes:
        every: updates from one exchange to the next.
        blocks: parts that the parameters are cut into; each exchange carries one of them, in turn.
        policy: what an agent makes of the messages that did not come: ``self`` keeps their weight for its own value,
            ``symmetric`` uses links on which both ends were heard, and needs ``acks``.
        weights: weight of each neighbour.
    """

    every: Annotated[Count, Field(le=10**9)] = 1
    blocks: Annotated[Count, Field(le=10**6)] = 1
    policy: Literal["self", "symmetric"] = "self"
    weights: AnyWeights = "metropolis"


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Tracking(ParameterExchange):
    """How agents track the team's gradient.

    Attributes:
        form: ``paper`` mixes trackers and parameters as they were and then takes the step; ``adapt_then_combine`` steps
            first, in two exchanges one after the other, and on a complete graph is VDN with one network for all;
            ``running_sum`` sends totals of the trackers, so that nothing of them is lost for good.
    """

    form: Literal["paper", "adapt_then_combine", "running_sum"] = "paper"


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class GtAdam:
    """Adam on the tracked gradient (GTAdam); the paper's choices are the defaults, as far as they are known.

    Attributes:
        bias_correction: divide moments by 1 - β^t, as Adam does; without it the first steps are up to 6.6 lr long.
        epsilon: smallest denominator.
        epsilon_inside: whether it stands inside the root, where it is a far larger floor.
        ceiling: largest second moment.
        warmup: updates over which lr rises from 0.
    """

    bias_correction: Flag = False
    epsilon: Positive = 1e-8
    epsilon_inside: Flag = False
    ceiling: Positive = 1e6
    warmup: Annotated[Natural, Field(le=10**9)] = 0


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class DvdnGt(Dvdn):
    """Distributed value decomposition with gradient tracking: agents also agree on parameters, for teams of equals.

    Attributes:
        tracking: how parameters and trackers are exchanged and mixed.
        optimiser: the step that is taken on the tracked gradient.
    """

    kind: Literal["dvdn_gt"] = field(default="dvdn_gt", repr=False)  # type: ignore[assignment]  # it is a `Dvdn`, too
    tracking: Tracking = Tracking()
    optimiser: GtAdam = GtAdam()


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class NetworkedQ(QLearning):
    """Networked Q-learning: agents learn alone and average their parameters with their neighbours' now and then.

    Attributes:
        reward_model: the reward that an agent explains.
        averaging: how parameters are exchanged and mixed.
    """

    kind: Literal["networked_q"] = field(default="networked_q", repr=False)
    reward_model: RewardModel = "team_sum"
    averaging: ParameterExchange = ParameterExchange(every=5)

    def signal(self, local: Local, held: Held | None) -> Signal:
        """e_i = δ_i, as independent agents."""
        return Signal(local.td, local.td)


AnyAlgorithm = Annotated[Iql | Vdn | Qmix | NetworkedQ | Dvdn | DvdnGt, Field(discriminator="kind")]
"""The catalogue: an algorithm is a class and its name here."""
ALGORITHMS = kinds_of(AnyAlgorithm)
