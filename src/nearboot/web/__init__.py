"""The dashboard (not yet)."""
