"""Pictures as files: how they look, and SVG or PNG by the file's suffix. What is drawn stands in heatmap and route_map.

Drawn without a display and without fonts or maps of the network. Colours are those that all eyes tell apart: Okabe and
Ito's for kinds, viridis for amounts; kinds differ in shape as well.

    picture = blank(12, 8, "Round trips", "between 241 places")
    write(picture, Path("latency.svg"))
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nearboot.config import Config
from nearboot.errors import ConfigError, Fault, InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import LogNorm
    from matplotlib.figure import Figure

SUFFIXES = (".svg", ".png")
PNG_DPI = 110
MAX_PIXELS = 6000  # of a PNG's longer side
INK, SOFT, PAPER, UNKNOWN = "#222222", "#777777", "#ffffff", "#e4e4e4"
BLUE, ORANGE, VERMILLION, GREY = "#0072B2", "#E69F00", "#D55E00", "#8a8a8a"  # Okabe and Ito 2008
SCALE = "viridis_r"  # near is light, far is dark
COARSE_MS, FINE_MS = (1, 3), (1, 1.5, 2, 3, 5, 7)  # marks of a scale in each power of ten
FEW_MARKS = 4
STYLE: Any = {  # matplotlib of 3.11 types its keys one by one, older ones do not
    "svg.fonttype": "none",  # text stays text: small files that can be searched
    "svg.hashsalt": "nearboot",  # the same picture is the same bytes
    "font.size": 9,
    "axes.edgecolor": SOFT,
    "axes.linewidth": 0.6,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "hatch.color": "#b0b0b0",
    "hatch.linewidth": 0.6,
}


def prepare(config: Config, file: str) -> Path:
    """Say where the picture goes, before any work is done; InputError for a suffix that is none of ours."""
    path = Path(file)
    if path.suffix.lower() not in SUFFIXES:
        raise InputError([Fault(file, 0, "", f"the suffix {path.suffix or '(none)'}", "a name in .svg or .png")])
    os.environ.setdefault("MPLCONFIGDIR", str(Path(config.state_dir) / "matplotlib"))  # its cache of fonts
    return path


def blank(width: float, height: float, title: str, subtitle: str) -> Figure:
    """An empty picture of a size in inches, with its title."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - a third of a second, for those who draw

    figure = Figure(figsize=(width, height), facecolor=PAPER)
    figure.text(0.2 / width, 1 - 0.16 / height, title, fontsize=13, fontweight="bold", va="top")
    figure.text(0.2 / width, 1 - 0.44 / height, subtitle, fontsize=9, color=SOFT, va="top")
    return figure


def place(figure: Figure, left: float, bottom: float, right: float, top: float) -> Axes:
    """Axes with these margins in inches."""
    width, height = figure.get_size_inches()
    return figure.add_axes(
        (left / width, bottom / height, 1 - (left + right) / width, 1 - (bottom + top) / height), facecolor=PAPER
    )


def scale(values: list[float]) -> LogNorm:
    """A logarithmic scale of milliseconds that holds the values."""
    from matplotlib.colors import LogNorm  # noqa: PLC0415

    known = [value for value in values if value > 0]
    low, high = (min(known), max(known)) if known else (1.0, 100.0)
    return LogNorm(low * 0.9, max(high * 1.1, low * 3))


def colour_bar(figure: Figure, painted: Any, box: tuple[float, float, float, float], label: str) -> None:
    """The scale beside the picture; ``box``: left, bottom, width, height in inches."""
    width, height = figure.get_size_inches()
    axes = figure.add_axes((box[0] / width, box[1] / height, box[2] / width, box[3] / height))
    bar = figure.colorbar(painted, cax=axes)
    low, high = painted.norm.vmin, painted.norm.vmax
    ticks = marks(low, high)
    bar.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    bar.minorticks_off()
    bar.set_label(label)


def marks(low: float, high: float) -> list[float]:
    """The milliseconds that a scale names: few of a wide one, more of a narrow one."""
    powers = [10.0**power for power in range(-2, 6)]
    coarse, fine = ([step * power for power in powers for step in steps] for steps in (COARSE_MS, FINE_MS))
    found = [tick for tick in coarse if low <= tick <= high]
    return found if len(found) >= FEW_MARKS else [tick for tick in fine if low <= tick <= high]


def write(figure: Figure, path: Path) -> None:
    """Write the picture whole, in the format of the file's suffix."""
    import matplotlib as mpl  # noqa: PLC0415

    kind = path.suffix.lower()[1:]
    content = io.BytesIO()
    dpi = min(PNG_DPI, MAX_PIXELS / max(figure.get_size_inches()))
    metadata = {"Date": None} if kind == "svg" else {}
    with mpl.rc_context(STYLE):
        figure.savefig(content, format=kind, dpi=dpi, metadata=metadata)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.getvalue())
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}") from error
