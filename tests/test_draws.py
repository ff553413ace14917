"""Counter-based uniform numbers: SplitMix64's published outputs, and statistics of what is made from them."""

import numpy as np
import torch
from scipy import stats

from dvdn_sim import draws
from dvdn_sim.draws import key, uniform

MASK = (1 << 64) - 1
# The first outputs of SplitMix64 from state 1234567, as on rosettacode.org/wiki/Pseudo-random_numbers/Splitmix64.
PUBLISHED = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821]


def splitmix64(word: int) -> int:
    """The finaliser in Python's own integers."""
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & MASK
    return word ^ (word >> 31)


def test_the_mixing_is_splitmix64():
    """Counter c of seed s is SplitMix64's output number c, c = 0, 1, …; signed wrap-around included."""
    golden = 0x9E3779B97F4A7C15
    states = [(1234567 + (c + 1) * golden) & MASK for c in range(5)]
    signed = torch.tensor([state - (1 << 64) if state >> 63 else state for state in states])
    assert [int(word) & MASK for word in draws._mix(signed)] == PUBLISHED
    assert [splitmix64(state) for state in states] == PUBLISHED


def test_uniform_in_big_integers():
    """The whole of `uniform` again, without a tensor; negative keys and large counters included."""
    golden = 0x9E3779B97F4A7C15
    for stream in (key(3, "exploration"), -5, 2**63 - 1):
        for counters in [(), (0,), (7, 2**40), (1, 2, 3, 4, 5)]:
            word = stream & MASK
            for counter in counters:
                word = splitmix64((word + (counter + 1) * golden) & MASK)
            expected = (splitmix64(word) >> 11) / 2**53
            assert float(uniform(torch.tensor(stream), *map(torch.tensor, counters))) == expected


def test_keys_are_64_bits_and_differ():
    keys = {key(seed, name) for seed in range(200) for name in ("exploration", "evaluation")}
    assert len(keys) == 400
    assert all(-(2**63) <= each < 2**63 for each in keys)


def test_every_counter_is_uniform():
    """KS against scipy's uniform over 20 000 draws along each counter, p > 1e-4; all in [0, 1)."""
    keys = torch.tensor([key(0, "a")])
    line, zero = torch.arange(20_000), torch.tensor(0)
    for counters in [(line,), (line, zero), (zero, line), (zero, zero, line), (line // 2, line % 2)]:
        values = uniform(keys, *counters).numpy()
        assert values.min() >= 0
        assert values.max() < 1
        assert stats.kstest(values, "uniform").pvalue > 1e-4
    seeds = torch.tensor([key(seed, "exploration") for seed in range(20_000)])
    assert stats.kstest(uniform(seeds, zero).numpy(), "uniform").pvalue > 1e-4


def test_streams_are_not_correlated():
    """|r| of 20 000 pairs below 4.5/√20 000 between seeds, names, neighbouring counters, and swapped counters."""
    line, one = torch.arange(20_000), torch.tensor(1)

    def of(seed: int, name: str, *counters: torch.Tensor) -> np.ndarray:
        return uniform(torch.tensor(key(seed, name)), *counters).numpy()

    pairs = [
        (of(0, "exploration", line), of(1, "exploration", line)),
        (of(0, "exploration", line), of(0, "evaluation", line)),
        (of(0, "exploration", line), of(0, "exploration", line + 1)),
        (of(0, "exploration", line, one), of(0, "exploration", line, one + 1)),
        (of(0, "exploration", line + 2, one), of(0, "exploration", one, line + 2)),
        (of(0, "exploration", line), of(0, "exploration", line, one)),
    ]
    for left, right in pairs:
        assert abs(np.corrcoef(left, right)[0, 1]) < 4.5 / len(line) ** 0.5


def test_no_two_draws_of_a_training_run_are_equal():
    """Episodes x agents x steps x 2 of two seeds: 53-bit numbers of 480 000 draws hold no repeat (chance 1e-5)."""
    keys = torch.tensor([key(0, "exploration"), key(1, "exploration")]).view(-1, 1, 1, 1, 1)
    shape = [torch.arange(n).view(-1, *(1,) * after) for n, after in ((800, 3), (3, 2), (50, 1), (2, 0))]
    values = uniform(keys, *shape)
    assert values.shape == (2, 800, 3, 50, 2)
    assert values.unique().numel() == values.numel()
