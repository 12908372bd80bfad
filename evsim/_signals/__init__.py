"""Prices, carbon intensity and demand: from what a config says of them to signals on the clock of a run."""
