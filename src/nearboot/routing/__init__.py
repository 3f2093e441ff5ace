"""Choosing boot servers: pure selection with reasons."""
