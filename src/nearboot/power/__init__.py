"""Power control (not yet)."""
