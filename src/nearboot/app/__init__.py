"""The composition root: one file a use case, each a list one can read."""
