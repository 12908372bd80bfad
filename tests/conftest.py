"""What all tests share: hypothesis draws the same examples every time, and takes the time it needs."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "evsim",
    deadline=None,
    derandomize=True,
    max_examples=30,
    print_blob=False,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("evsim")
