"""Algorithms: how the agents learn, and what they exchange to do so."""

from dataclasses import field
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from dvdn_sim.consensus import POLICIES, WEIGHTS
from netmodels.units import CLOSED, Count, Flag, Fraction, Natural, Number, kinds_of

Positive = Annotated[Number, Field(gt=0.0)]
Width = Annotated[Count, Field(le=4096)]
RewardModel = Literal["team_mean", "team_sum", "individual"]

if TYPE_CHECKING:
    AnyPolicy = str
    AnyWeights = str
else:
    AnyWeights = Literal[tuple(WEIGHTS)]
    # `auto` is `self`: running sums ruin learning under loss (docs/method.md).
    _RESOLVED = {"auto": "self", **{policy: policy for policy in POLICIES}}
    AnyPolicy = Annotated[
        Literal[tuple(_RESOLVED)], AfterValidator(_RESOLVED.__getitem__), Field(validate_default=True)
    ]


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
    """Independent Q-learning: every agent learns from the reward alone and sends nothing.

    Attributes:
        reward_model: the reward that an agent explains: the team's (``team_sum``), its share, or its own.
        clip_over: ``agent`` has a loss, a clip and an Adam for each agent; ``team`` one of each for all, with the mean
            over agents as the loss, as EPyMARL has it and shared parameters need it.
    """

    kind: Literal["iql"] = field(default="iql", repr=False)
    reward_model: RewardModel = "team_sum"
    clip_over: Literal["agent", "team"] = "agent"


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Vdn(Sharing):
    """Value decomposition: the sum of all agents' values learns the team's reward, in one place."""

    kind: Literal["vdn"] = field(default="vdn", repr=False)


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Qmix(Sharing):
    """Monotone value decomposition: a network that sees everything mixes all agents' values, in one place.

    Attributes:
        mixer_embed: width of the mixing network.
        hypernet_hidden: width of the networks that make its weights from the state.
    """

    kind: Literal["qmix"] = field(default="qmix", repr=False)
    mixer_embed: Width = 32
    hypernet_hidden: Width = 64


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Consensus:
    """How TD errors are exchanged and mixed.

    Attributes:
        rounds: rounds of an exchange; 0 exchanges nothing.
        policy: what an agent makes of the messages that did not come (`dvdn_sim.consensus`); ``auto`` is ``self``.
        weights: weight of each neighbour; ``running_sum`` and ``push_sum`` need none and give equal shares.
        wire: how messages carry a value; ``float16`` halves them and rounds to 3 digits.
    """

    rounds: Annotated[Natural, Field(le=1000)] = 1
    policy: AnyPolicy = "auto"
    weights: AnyWeights = "metropolis"
    wire: Literal["float32", "float16"] = "float32"


@dataclass(frozen=True, kw_only=True, config=CLOSED)
class Dvdn(QLearning):
    """Distributed value decomposition: agents estimate the sum of TD errors from what their neighbours send.

    Attributes:
        consensus: how TD errors are exchanged and mixed.
        reward_model: the reward within an agent's TD error: the team's divided by its size, the team's, or its own.
        self_estimate: what an agent multiplies the mix by: the size of the team (``literal``), or the number of agents
            whose errors are in it (``count_aware``), so that an agent that heard nobody learns alone.
    """

    kind: Literal["dvdn"] = field(default="dvdn", repr=False)
    consensus: Consensus = Consensus()
    reward_model: RewardModel = "team_mean"
    self_estimate: Literal["literal", "count_aware"] = "literal"


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


AnyAlgorithm = Annotated[Iql | Vdn | Qmix | NetworkedQ | Dvdn | DvdnGt, Field(discriminator="kind")]
"""The catalogue: an algorithm is a class and its name here."""
ALGORITHMS = kinds_of(AnyAlgorithm)
