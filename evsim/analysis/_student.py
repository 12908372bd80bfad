"""How sure a mean over a few seeds is: Student's t."""

from __future__ import annotations

import math

import numpy as np

from evsim._units import Floats

_FEW = (12.706205, 4.302653, 3.182446)
"""97.5% quantiles of Student's t with 1, 2 and 3 degrees of freedom."""
_Z = 1.959964
"""The same of the normal distribution."""


def t_quantile(freedom: int) -> float:
    """The 97.5% quantile of Student's t: a mean is within so many standard errors with 95% confidence.

    From 4 degrees of freedom on Cornish and Fisher's expansion (Abramowitz & Stegun 1964, 26.7.5), which is right to
    0.0007 there and soon to more; loading scipy for this would take longer (0.37 s) than to simulate a variant.
    """
    if freedom <= len(_FEW):
        return _FEW[freedom - 1]
    z, v = _Z, float(freedom)
    return (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * v**4)
    )


def half_width(values: Floats) -> float:
    """Half of the 95% confidence interval of the mean of independent values (n,); NaN of a single one."""
    n = len(values)
    if n < 2:  # noqa: PLR2004 - one value tells nothing of the spread
        return math.nan
    return float(t_quantile(n - 1) * np.std(values, ddof=1) / math.sqrt(n))
