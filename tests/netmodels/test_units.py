import math

import numpy as np
import pytest

from netmodels import units


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (units.TIME.read, "5 ms", 0.005),
        (units.TIME.read, "5ms", 0.005),
        (units.TIME.read, "3 ms", 0.003),
        (units.TIME.read, "1e3 us", 0.001),
        (units.TIME.read, " 1.5 h ", 5400.0),
        (units.TIME.read, 0, 0.0),
        (units.TIME.read, np.float64(0.25), 0.25),
        (units.RATE.read, "20 Mbit/s", 20e6),
        (units.RATE.read, "250 kbit/s", 250e3),
        (units.RATE.read, "1 MB/s", 8e6),
        (units.RATE.read, "unlimited", math.inf),
        (units.RATE.read, math.inf, math.inf),
        (units.RATE.read, 1000, 1000.0),
        (units.SIZE.read, "6.4 kB", 6400),
        (units.SIZE.read, "212 kB", 212_000),
        (units.SIZE.read, "2 KiB", 2048),
        (units.SIZE.read, "150_000 B", 150_000),
        (units.SIZE.read, np.int64(3), 3),
        (units.PROBABILITY.read, "10%", 0.1),
        (units.PROBABILITY.read, "3%", 0.03),
        (units.PROBABILITY.read, 1, 1.0),
        (units.PROBABILITY.read, "0.5", 0.5),
        (units.LENGTH.read, "1.2 km", 1200.0),
    ],
)
def test_reads(read, value, expected):
    assert read(value) == expected


@pytest.mark.parametrize(
    ("read", "value"),
    [
        *[(read, bad) for read in (units.TIME.read, units.RATE.read, units.SIZE.read, units.LENGTH.read)
          for bad in (True, math.nan, -1, "5", "-5 ms", "nan s", "five", "", None, [1], "5 parsecs", "5 ms ms", 1j)],
        *[(read, 10**400) for read in (units.TIME.read, units.RATE.read, units.SIZE.read, units.PROBABILITY.read)],
        (units.SIZE.read, "1e300 B"),
        (units.LENGTH.read, "1e300 km"),
        (units.SPEED.read, 1e10),
        (units.TIME.read, math.inf),
        (units.TIME.read, "5 MS"),
        (units.SIZE.read, math.inf),
        (units.SIZE.read, 1.5),
        (units.SIZE.read, "1.2345 kB"),
        (units.SIZE.read, "5 kb"),
        (units.RATE.read, 0),
        (units.RATE.read, "0 Mbit/s"),
        (units.RATE.read, "20 Mbps"),
        (units.RATE.read, "0.5 bit/s"),
        *[(units.PROBABILITY.read, bad) for bad in (-0.1, 1.1, "101%", "x%", True, math.nan, None)],
    ],
)  # fmt: skip
def test_refuses_with_a_remedy(read, value):
    with pytest.raises(ValueError, match=r"is not a .*; write it as `"):
        read(value)


@pytest.mark.parametrize("value", [True, 1.0, "3", -1, None])
def test_count_refuses(value):
    with pytest.raises(ValueError, match="limit"):
        units.count(value, "limit")
