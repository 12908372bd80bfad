"""The parts of the config and how a file becomes one; `_scenario` is the whole."""
