"""Real sessions, read from a file and judged, so that they can be lived again."""

from evsim._recorded.sessions import RecordedSessions, Rejected, rejected_table

__all__ = ["RecordedSessions", "Rejected", "rejected_table"]
