"""Instructions to the fleet over a window: what was said, which word stands when, and who does what about it."""
