"""Luck, addressed: each draw belongs to (seed, purpose, day, user).

A counter-based generator (Philox) makes every draw computable alone, so user 17 has the same luck in
a crowd of 100 or a million, in any block, and under any strategy. Each draw takes exactly one uniform, shaped by
an inverse distribution function.
"""

from __future__ import annotations

import enum

import numpy as np

from evsim._units import Floats

FOR_GOOD = 0
"""The day of a draw made once in a user's life."""

_LEAST = 2.0**-54
"""What a draw of 0 becomes: uniforms are whole multiples of 2**-53, and the quantile of 0 is infinite."""
_DRAWS_PER_BLOCK = 4
_DAY_BITS = 32


class Purpose(enum.IntEnum):
    """What a draw is for. Codes are part of what makes a run repeatable: never reuse or renumber one."""

    HABIT_PLUG_IN = 1
    HABIT_PLUG_OUT = 2
    DAY_PLUG_IN = 3
    DAY_PLUG_OUT = 4
    PLUG_IN_EVENING = 5
    USER_MILES = 6
    DAY_MILES = 7
    FIRST_SOC = 8
    TARGET_SOC = 9
    READY_BY = 10
    RANDOM_DELAY = 11
    BOOST = 12
    V2G = 13
    OPT_OUT = 14
    TURN = 17
    METER_ERROR = 15
    MISSING_READING = 16
    GROUP = 18


class Chance:
    """All the luck of a run, from one seed (0 to 2**64 - 1)."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def uniform(self, purpose: Purpose, n: int, day: int = FOR_GOOD, first_user: int = 0) -> Floats:
        """(n,) uniforms in (0, 1) of users `first_user` onwards."""
        key = np.array([self.seed, (int(purpose) << _DAY_BITS) | (day % (1 << _DAY_BITS))], np.uint64)
        skip = first_user % _DRAWS_PER_BLOCK
        bits = np.random.Philox(key=key, counter=first_user // _DRAWS_PER_BLOCK)
        drawn = np.random.Generator(bits).random(n + skip)[skip:]
        return np.maximum(drawn, _LEAST, out=drawn)

    def normal(self, purpose: Purpose, n: int, day: int = FOR_GOOD, first_user: int = 0) -> Floats:
        """(n,) standard normals of users `first_user` onwards."""
        return normal_quantile(self.uniform(purpose, n, day, first_user))


_CENTRE = 0.425
_CENTRE_SHIFT = 0.180625
_TAIL = 5.0
_TAIL_SHIFT = 1.6
_PIECE = 32_768
# Coefficients of Wichura 1988, numerators and denominators, highest power first.
_A = (
    2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
    1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0,
)  # fmt: skip
_B = (
    5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
    5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0,
)  # fmt: skip
_C = (
    7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0,
    3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0,
)  # fmt: skip
_D = (
    1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
    6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1.0,
)  # fmt: skip
_E = (
    2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
    2.96560571828504891230e-1, 1.78482653991729133580e0, 5.46378491116411436990e0, 6.65790464350110377720e0,
)  # fmt: skip
_F = (
    2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
    1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0,
)  # fmt: skip


def _ratio(top: tuple[float, ...], bottom: tuple[float, ...], x: Floats) -> Floats:
    above = np.full_like(x, top[0])
    below = np.full_like(x, bottom[0])
    for t, b in zip(top[1:], bottom[1:], strict=True):
        above *= x
        above += t
        below *= x
        below += b
    above /= below
    return above


def normal_quantile(p: Floats) -> Floats:
    """The standard normal's inverse distribution function at `p` (n,) in (0, 1), to about 1 part in 1e15.

    Algorithm AS 241 (PPND16), M. J. Wichura, Applied Statistics 37 (1988) 477-484. Ours because
    importing scipy costs more than the whole of a small run; checked against it in the tests.
    Worked through in pieces that stay in the processor's cache.
    """
    z = np.empty_like(p)
    for i in range(0, len(p), _PIECE):
        _normal_quantile(p[i : i + _PIECE], z[i : i + _PIECE])
    return z


def _normal_quantile(p: Floats, z: Floats) -> None:
    q = p - 0.5
    np.multiply(q, _ratio(_A, _B, _CENTRE_SHIFT - q * q), out=z)
    out = np.flatnonzero(np.abs(q) > _CENTRE)
    if not len(out):
        return
    tail_p = p[out]
    r = np.sqrt(-np.log(np.minimum(tail_p, 1.0 - tail_p)))
    tail = _ratio(_C, _D, r - _TAIL_SHIFT)
    far = np.flatnonzero(r > _TAIL)
    if len(far):
        tail[far] = _ratio(_E, _F, r[far] - _TAIL)
    z[out] = np.copysign(tail, q[out])
