"""ISC Kea: configuration, checks, and its files and control channel."""
