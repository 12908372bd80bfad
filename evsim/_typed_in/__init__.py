"""What people type, read with its place: JSON, numbers, times; and faults told as sentences."""
