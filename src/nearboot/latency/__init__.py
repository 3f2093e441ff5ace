"""Latency maps: parsing, guards, estimates."""
