"""The kinds of loss and delay by name, and how a plain value becomes a model.

A kind is a dataclass and one line here.
"""

from collections.abc import Mapping
from typing import cast

from netmodels.choice import of_kind
from netmodels.links.delay import Constant, DelayModel, Normal, Uniform
from netmodels.links.loss import Bernoulli, GilbertElliott, LossModel
from netmodels.links.recorded import DelayTrace, Empirical, LossTrace
from netmodels.links.tails import Exponential, Lognormal, Pareto

DELAYS: Mapping[str, type[DelayModel]] = {
    "constant": Constant,
    "uniform": Uniform,
    "normal": Normal,
    "lognormal": Lognormal,
    "pareto": Pareto,
    "exponential": Exponential,
    "empirical": Empirical,
    "trace": DelayTrace,
}
LOSSES: Mapping[str, type[LossModel]] = {
    "bernoulli": Bernoulli,
    "gemodel": GilbertElliott,
    "trace": LossTrace,
}


def delay_model(value: object) -> DelayModel:
    """Make a delay model of a model, a mapping with ``kind``, or a quantity (a constant delay).

    Args:
        value: one of these.

    Returns:
        The model.

    Raises:
        ValueError: naming the option and the value that does not fit.

    >>> delay_model("5 ms"), delay_model({"kind": "constant", "mean": "1 s"})
    (Constant(mean=0.005), Constant(mean=1.0))
    """
    if isinstance(value, Mapping):
        return of_kind("delay", DELAYS, value)
    if hasattr(value, "quantile"):
        return cast("DelayModel", value)
    return Constant(cast("float", value))


def loss_model(value: object) -> LossModel:
    """Make a loss model of a model, a mapping with ``kind``, or a probability (independent losses).

    Args:
        value: one of these.

    Returns:
        The model.

    Raises:
        ValueError: naming the option and the value that does not fit.

    >>> loss_model("10%"), loss_model({"kind": "gemodel", "p": 0.03})
    (Bernoulli(p=0.1), GilbertElliott(p=0.03, r=0.97, one_minus_h=1.0, one_minus_k=0.0))
    """
    if isinstance(value, Mapping):
        return of_kind("loss", LOSSES, value)
    if hasattr(value, "transmit"):
        return cast("LossModel", value)
    return Bernoulli(cast("float", value))
