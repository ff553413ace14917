"""Counter-based uniform numbers: SplitMix64's published outputs, and statistics of what is made from them."""

import numpy as np
from scipy import stats

from dvdn_sim.compiled import compiled
from dvdn_sim.draws import key, keys, mixed, uniform, unit

MASK = (1 << 64) - 1
# The first outputs of SplitMix64 from state 1234567, as on rosettacode.org/wiki/Pseudo-random_numbers/Splitmix64.
PUBLISHED = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821]


def splitmix64(word: int) -> int:
    """The finaliser in Python's own integers."""
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & MASK
    return word ^ (word >> 31)


def test_the_mixing_is_splitmix64():
    """Counter c of seed s is SplitMix64's output number c, c = 0, 1, …; wrap-around included."""
    golden = 0x9E3779B97F4A7C15
    states = [(1234567 + (c + 1) * golden) & MASK for c in range(5)]
    assert [int(mixed(np.uint64(1234567), counter)) for counter in range(5)] == PUBLISHED
    assert [splitmix64(state) for state in states] == PUBLISHED


def test_uniform_in_big_integers():
    """The whole of `uniform` again, in Python's own integers; large keys and counters included."""
    golden = 0x9E3779B97F4A7C15
    for stream in (int(key(3, "exploration")), MASK - 4, 2**63 - 1):
        for counters in [(), (0,), (7, 2**40), (1, 2, 3, 4, 5)]:
            word = stream
            for counter in counters:
                word = splitmix64((word + (counter + 1) * golden) & MASK)
            expected = (splitmix64(word) >> 11) / 2**53
            assert float(uniform(np.uint64(stream), *counters)) == expected


def test_keys_are_64_bits_and_differ():
    found = {int(each) for name in ("exploration", "evaluation") for each in keys(range(200), name)}
    assert len(found) == 400
    assert 2**63 < max(found) < 2**64


def test_every_counter_is_uniform():
    """KS against scipy's uniform over 20 000 draws along each counter, p > 1e-4; all in [0, 1)."""
    line, zero = np.arange(20_000), 0
    for counters in [(line,), (line, zero), (zero, line), (zero, zero, line), (line // 2, line % 2)]:
        values = uniform(key(0, "a"), *counters)
        assert values.min() >= 0
        assert values.max() < 1
        assert stats.kstest(values, "uniform").pvalue > 1e-4
    assert stats.kstest(uniform(keys(range(20_000), "exploration"), zero), "uniform").pvalue > 1e-4


def test_streams_are_not_correlated():
    """|r| of 20 000 pairs below 4.5/√20 000 between seeds, names, neighbouring counters, and swapped counters."""
    line, one = np.arange(20_000), 1

    def of(seed: int, name: str, *counters: int | np.ndarray) -> np.ndarray:
        return uniform(key(seed, name), *counters)

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
    streams = keys((0, 1), "exploration").reshape(-1, 1, 1, 1, 1)
    values = uniform(streams, *np.ix_(range(800), range(3), range(50), range(2)))
    assert values.shape == (2, 800, 3, 50, 2)
    assert len(np.unique(values)) == values.size


def test_compiled_code_draws_the_same():
    @compiled
    def draw(stream, count):
        drawn = np.empty(count)
        for counter in range(count):
            drawn[counter] = unit(mixed(mixed(stream, 7), counter))
        return drawn

    stream = keys([3], "exploration")[0]
    assert np.array_equal(draw(stream, 50), uniform(stream, 7, np.arange(50)))
