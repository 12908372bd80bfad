"""How plug-in and plug-out times spread around an archetype's: the shapes, from the field's data.

Quantiles in minutes from the archetype's time, to 5 minutes. *Plug-in*: the hourly marginals of Centre for Net Zero,
"Learning from Intelligent Octopus" (May 2022), Figure 4, plug-ins from 12:00 to 04:00, from 18:00; the working day's
median is put at 0. *Plug-out*: the mean of two sets of quantiles, those of the same figure from 03:00 to 12:00
and those of 3,577 overnight stays in Trondheim (Sorensen et al. 2021, CC-BY-4.0; over 0.5 kWh and 6 minutes, plugged
in from 10:00 to 04:00 and out from 02:00 to 20:00 of the next day), from 07:00; less 20 minutes. That is a compromise
between the sheet, by which half would have left at 07:00, and the data, by which they have at 07:56 (assumption A9).
Weekend rows are measured from the same 18:00 and 07:00.
"""

from __future__ import annotations

import numpy as np

from evsim._shapes import Offsets

HABIT_SD_MINUTES = 75
DAY_SD_MINUTES = 130
"""Together 150 minutes. A quarter of the variance is between people: in Trondheim's normal scores it is 0.25 for
plug-ins and 0.25 for plug-outs (variance components, people with 20 overnight stays or more)."""

_Z = np.array([-3.0, -2.4, -1.8, -1.4, -1.0, -0.7, -0.4, -0.2, 0.0, 0.2, 0.4, 0.7, 1.0, 1.4, 1.8, 2.4, 3.0])


def _offsets(*minutes: float) -> Offsets:
    return Offsets(_Z, np.array(minutes, np.float64))


PLUG_IN = {
    True: _offsets(-370, -355, -315, -250, -170, -110, -60, -30, 0, 35, 65, 115, 165, 220, 275, 340, 415),
    False: _offsets(-370, -360, -325, -275, -190, -125, -70, -35, 0, 35, 75, 135, 195, 265, 330, 435, 515),
}
"""By whether it is a working day."""

PLUG_OUT = {
    True: _offsets(-250, -150, -85, -60, -35, -10, 5, 20, 35, 55, 75, 140, 205, 295, 385, 475, 500),
    False: _offsets(-260, -170, -40, 30, 75, 110, 145, 170, 200, 225, 255, 300, 350, 410, 450, 500, 515),
}
"""By whether it is a working day."""

READY_BY_MINUTES = (180, 210, 240, 270, 300, 330, 360, 390, 420, 450, 480, 510, 540, 600)
READY_BY_SHARES = (1.3, 0.2, 2.4, 9.2, 8.4, 6.7, 15.7, 7.8, 30.5, 3.4, 9.5, 0.7, 2.8, 1.5)
"""Ready-by times that drivers typed [min after midnight], and their shares [%]: Centre for Net Zero, as above, Figure
2, summed over targets and scaled to their sum."""
