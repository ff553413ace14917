"""Any link, for hypothesis."""

from hypothesis import strategies as st

from netmodels import LinkSpec
from netmodels.links import (
    Bernoulli,
    Constant,
    DelayTrace,
    Empirical,
    Exponential,
    GilbertElliott,
    Lognormal,
    LossTrace,
    Normal,
    Pareto,
    Uniform,
)

LONGEST_S = 1e3
probabilities = st.sampled_from([0.0, 0.05, 0.5, 0.95, 1.0]) | st.floats(0, 1)
times = st.sampled_from([0.0, 1e-9, 1e-3, 2.0]) | st.floats(0, LONGEST_S)
above_zero = st.floats(1e-9, LONGEST_S)
recordings = st.lists(times, min_size=1, max_size=5).map(tuple)
delays = st.one_of(
    st.builds(Constant, times),
    st.builds(Normal, times, times),
    st.builds(lambda mean, share: Uniform(mean, mean * share), times, probabilities),
    st.builds(Exponential, above_zero),
    st.builds(lambda mean, ratio: Lognormal(mean, mean * ratio), above_zero, st.floats(0, 1e3)),
    st.builds(lambda mean, jitter: Pareto(mean, jitter=jitter), above_zero, above_zero),
    st.builds(lambda mean, shape: Pareto(mean, shape=shape), above_zero, st.floats(1.001, 50)),
    st.builds(lambda values: Empirical(values=values), recordings),
    st.builds(lambda values: DelayTrace(values=values), recordings),
)
losses = st.one_of(
    st.builds(Bernoulli, probabilities),
    st.builds(GilbertElliott, probabilities, probabilities, probabilities, probabilities),
    st.builds(lambda values: LossTrace(values=tuple(values)), st.lists(st.integers(0, 1), min_size=1, max_size=9)),
)


def any_spec(**fixed):
    options = {
        "rate": st.sampled_from(["unlimited", 3, "250 kbit/s", "20 Mbit/s", "1 Gbit/s"]) | st.floats(1, 1e9),
        "delay": delays,
        "loss": losses,
        "corrupt": probabilities,
        "duplicate": probabilities,
        "retries": st.integers(0, 3),
        "retry_delay": times,
        "mtu": st.integers(1, 1500),
        "overhead": st.integers(0, 60),
        "limit": st.integers(0, 30),
        "limit_bytes": st.none() | st.integers(0, 20_000),
        "fifo": st.booleans(),
    }
    return st.builds(LinkSpec, **{**options, **fixed})
