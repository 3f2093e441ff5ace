"""Numbers for people: milliseconds, seconds and ages with as many digits as one reads.

ms_text(0.28), seconds_text(95.0), age_text(95.0)    # "0.28 ms", "95 s", "95 s"
"""

from __future__ import annotations


def ms_text(value: float | None) -> str:
    """A round trip or a cost."""
    return "unknown" if value is None else f"{value:.3g} ms" if value < 1 else f"{value:.1f} ms"


def seconds_text(value: float | None) -> str:
    """A duration in its largest fitting unit: 1.6 s, 95 s, 12 min, 3.4 h."""
    if value is None:
        return "unknown"
    for limit, unit, name in ((60.0, 1, ".1f"), (600.0, 1, ".0f")):
        if value < limit:
            return f"{value / unit:{name}} s"
    return f"{value / 60:.0f} min" if value < 7200 else f"{value / 3600:.1f} h"


def age_text(age_s: float) -> str:
    """An age in its largest fitting unit: 3 s, 5 min, 2 h, 40 d."""
    for limit, unit, name in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if age_s < limit:
            return f"{max(0.0, age_s) / unit:.0f} {name}"
    return f"{age_s / 86_400:.0f} d"
