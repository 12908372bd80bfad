"""What was measured elsewhere: the numbers a run is compared with, each with its source.

The files they come from are not part of evsim. Where a number is our own sum over such a file, tests that have the
file compute it again.
"""

from __future__ import annotations

SHEET = "derived from the sheet's mileage, efficiency, battery, frequency and charger"
CNZ = 'Centre for Net Zero, "Learning from Intelligent Octopus" (May 2022), Figure 4, from a digitised copy'
TRONDHEIM = "Sorensen et al. 2021 (CC-BY-4.0): home sessions of 77 users in apartment garages, Norway"
TRONDHEIM_ADMD = "our sums over 62 of Trondheim's users, December and January, as if all had 7.2 kW"

PLUG_INS = {
    True: (
        0.341, 0.066, 0.043, 0.011, 0.118, 0.257, 1.222, 2.678, 3.402, 2.596, 2.214, 2.842,
        3.258, 3.604, 4.325, 6.428, 9.523, 12.834, 12.636, 11.111, 8.54, 6.425, 3.929, 1.597,
    ),
    False: (
        1.24, 0.689, 0.268, 0.055, 0.098, 0.17, 0.496, 0.939, 1.654, 2.343, 3.199, 3.781,
        4.261, 4.477, 5.321, 6.525, 9.435, 11.624, 11.349, 9.931, 8.002, 6.541, 4.857, 2.746,
    ),
}  # fmt: skip
"""CNZ: share of the plug-ins in each hour of the day, midnight first [%], by whether it is Monday to Friday."""

PLUG_OUTS = {
    True: (
        0.043, 0.043, 0.043, 0.1, 0.996, 3.47, 9.721, 16.795, 14.64, 7.37, 5.757, 5.265,
        4.589, 3.957, 3.772, 4.009, 4.806, 4.667, 3.727, 2.635, 1.552, 1.072, 0.682, 0.289,
    ),
    False: (
        0.202, 0.171, 0.159, 0.111, 0.309, 0.999, 2.743, 6.587, 11.599, 13.601, 13.265, 10.213,
        8.077, 6.477, 5.524, 4.63, 3.833, 3.517, 2.971, 2.131, 1.317, 0.876, 0.432, 0.257,
    ),
}  # fmt: skip
"""The same of plug-outs."""

EVENING = (12, 4)
MORNING = (3, 12)
"""Hours from which plug-in and plug-out times were calibrated; the second is the first hour after them."""

SHORT_GAP_H = 12
CNZ_SHORT_GAPS_PERCENT = 26.3
"""CNZ, the same report, Table 2, second-hand: gaps between plug-ins under 12 h."""
TRONDHEIM_SHORT_GAPS_PERCENT = 23
"""Trondheim: our count of times from one plug-in of a user to the next, all sessions with a beginning and an end."""

SESSION_KWH_MEAN, SESSION_KWH_MEDIAN = 12.95, 9.20
CONNECTION_H_MEAN, CONNECTION_H_MEDIAN = 11.4, 10.2
PLUG_IN_MODE_H, PLUG_OUT_MODE_H = 16, 7
SESSIONS_PER_WEEK = 3.45
PLUGGED_IN_PERCENT = 24.0
YEARLY_KWH_CV = 0.60
"""Trondheim; the last is ours, of 72 users."""

ADMD_KW = {2: 6.48, 5: 4.29, 10: 3.08, 20: 2.31, 50: 1.63, 62: 1.49}
ADMD_DAYS = 61
"""Trondheim: the highest mean power of groups of so many cars [kW per car], in 61 days."""
