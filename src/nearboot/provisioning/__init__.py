"""Provisioning runs: phases and traces."""
