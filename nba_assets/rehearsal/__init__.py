"""What shows the product under stress: faults of a source, and the incident replayed."""
