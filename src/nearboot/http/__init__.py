"""The HTTP server: boot files and call-backs."""
