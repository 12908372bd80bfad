"""A run beside the facts it was calibrated with, and beside some it was not; misses are explained, not hidden."""
