"""All sections of a validation."""

from __future__ import annotations

from evsim._results import Results
from evsim._validation.measure import Measured
from evsim._validation.rows import Section
from evsim._validation.sheet import sheet
from evsim._validation.trials import groups, marginals, sessions


def validate(results: Results) -> list[Section]:
    """A run beside each set of facts; those it has nothing to say about are left out."""
    run = Measured(results)
    found = sheet(run), marginals(run), sessions(run), groups(run)
    return [section for section in found if section is not None]
