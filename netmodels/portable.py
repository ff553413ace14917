"""Logarithm, exponential and the draws made of them: equal bits on every platform.

The functions of a C library, and numpy's, are not rounded alike everywhere. Those here are sums, products and quotients
in float64, each of them rounded as IEEE 754 says, in an order that is written down. All take numbers or arrays, in
float64; `numba.extending.register_jitable` makes them known to compiled code, which must not fuse operations.
"""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MANTISSA, HALF = (1 << 52) - 1, 1022 << 52
"""Bits of a number in [½, 1): its mantissa, and its sign and exponent."""
ROOT_HALF = 0.7071067811865476
LN2_HIGH, LN2_LOW = float.fromhex("0x1.62e42feep-1"), float.fromhex("0x1.a39ef35793c76p-33")
"""ln 2 in two parts: multiples of the first by an exponent are exact."""
ODD = 1.0 / np.arange(23.0, 2.0, -2.0)
FACTORIALS = np.array([1.0 / math.factorial(k) for k in range(14, 1, -1)])
SMALLEST = 2.0**-54

# fmt: off
CENTRAL = np.array([
    (2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457, 13731.693765509461125,
     1971.5909503065514427, 133.14166789178437745, 3.3871328727963666080),
    (5226.495278852854561, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867, 5394.1960214247511077,
     687.1870074920579083, 42.313330701600911252, 1.0),
])
TAIL = np.array([
    (7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258,
     3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459,
     0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1.0),
])
FAR_TAIL = np.array([
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386, 0.026532189526576123093,
     0.29656057182850489123, 1.7848265399172913358, 5.4637849111641143699, 6.6579046435011037772),
    (2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4,
     0.0148753612908506148525, 0.13692988092273580531, 0.59983220655588793769, 1.0),
])
# fmt: on


def log(x: Floats) -> Floats:
    """Return ln x of normal numbers above 0, to within two units in the last place.

    With x = m · 2ᵉ, √½ ≤ m < √2 and s = (m - 1)/(m + 1): ln x = e ln 2 + 2 (s + s³/3 + s⁵/5 + …).

    >>> float(log(np.array(10.0)))
    2.302585092994046
    """
    bits = np.float64(x).view(np.int64)
    m = np.int64((bits & MANTISSA) | HALF).view(np.float64)
    small = 1.0 * (m < ROOT_HALF)  # compiled, np.where makes arrays of numbers
    m = m * (1.0 + small)
    e = ((bits >> 52) - 1022) - small
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    series = 0.0 * z
    for share in ODD:
        series = (share + series) * z
    return e * LN2_HIGH + (2.0 * s + (2.0 * s * series + e * LN2_LOW))  # type: ignore[return-value]


def exp(x: Floats) -> Floats:
    """Return eˣ of numbers from -700 to 700, to within two units in the last place.

    With x = n ln 2 + r, |r| ≤ ½ ln 2: eˣ = 2ⁿ (1 + r + r²/2 + r³/6 + …).

    >>> float(exp(np.array(1.0)))
    2.7182818284590455
    """
    n = np.rint(x * 1.4426950408889634)
    r = (x - n * LN2_HIGH) - n * LN2_LOW
    series = 0.0 * r
    for share in FACTORIALS:
        series = (share + series) * r
    return (1.0 + (r + r * series)) * np.int64(np.int64(n + 1023) << 52).view(np.float64)


def exponential(uniform: Floats) -> Floats:
    """Return -ln(1 - u), exponential of mean 1 for uniform u in [0, 1)."""
    return -log(1.0 - uniform)


def normal(uniform: Floats) -> Floats:
    """Return Φ⁻¹(u), standard normal for uniform u in [0, 1); that of 2⁻⁵⁴ for 0.

    Source: Wichura 1988, "Algorithm AS 241", PPND16: relative error 1e-16 in exact arithmetic.

    >>> normal(np.array([0.0, 0.5, 0.975])).tolist()
    [-8.292361075813593, 0.0, 1.9599639845400536]
    """
    q = uniform - 0.5
    r = np.sqrt(-log(np.maximum(0.5 - np.abs(q), SMALLEST)))
    within, near = 1.0 * (np.abs(q) <= 0.425), 1.0 * (r <= 5.0)
    tail = near * ratio(TAIL, r - 1.6) + (1.0 - near) * ratio(FAR_TAIL, r - 5.0)
    return within * (q * ratio(CENTRAL, 0.180625 - q * q)) + (1.0 - within) * np.sign(q) * tail


def lognormal(mean: float, deviation: float) -> tuple[float, float]:
    """Return μ and σ of ln X for a lognormal X of this mean, above 0, and standard deviation.

    With X = exp(μ + σZ): E X = exp(μ + σ²/2) and Var X = (exp(σ²) - 1) (E X)².
    """
    square = (deviation / mean) * (deviation / mean)
    whole = 1.0 + square  # ln(1 + x) is ln of what that is rounded to, scaled by what rounding took away
    variance = float(log(np.array(whole))) * (square / (whole - 1.0)) if whole > 1.0 else square
    return float(log(np.array(mean))) - variance / 2.0, math.sqrt(variance)


def ratio(polynomials: Floats, r: Floats) -> Floats:
    """Return the quotient of two polynomials of degree 7, whose highest coefficients come first.

    In the order of Estrin, 1960: powers and pairs first, so that most of it can be done at the same time.
    """
    square = r * r
    found: Floats = polynomial(polynomials[0], r, square) / polynomial(polynomials[1], r, square)
    return found


def polynomial(c: Floats, r: Floats, square: Floats) -> Floats:
    """Return c₀ r⁷ + c₁ r⁶ + … + c₇, with r² given."""
    high = (c[0] * r + c[1]) * square + (c[2] * r + c[3])
    low = (c[4] * r + c[5]) * square + (c[6] * r + c[7])
    found: Floats = high * (square * square) + low
    return found
