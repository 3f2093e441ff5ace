"""Probing: health of boot servers, synthetic PXE clients."""
