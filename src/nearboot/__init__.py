"""nearboot: every server of a fleet boots from the nearest healthy boot server."""

__version__ = "0.1.0"
