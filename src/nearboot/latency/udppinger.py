"""UdpPinger's CSV (``-output_csv``): an address, the median in ms, the share lost; no header, no source, no time.

    10.64.0.5,2.5,0

Its histogram has steps of 5 ms, and hosts that never answered are left out (facebook/UdpPinger, 2018). Where it ran is
said by the user or by the head of the file.
"""

from __future__ import annotations

from nearboot.latency.document import Document, Parts
from nearboot.latency.rows import Options, RawRow, Unit, counted, family_of, read_loss, read_name, read_rtt_ms

COARSE = "UdpPinger counts in steps of 5 ms, and leaves out hosts that never answered"


def sniff(document: Document, _options: Options) -> bool:
    """Whether the first line is an address and two more cells."""
    cells = [] if document.is_json else document.first.split(",")
    return len(cells) == 3 and family_of(cells[0].strip()) is not None


def parse(document: Document, options: Options) -> Parts:
    """One row a host."""
    options.known_unit(document.file, Unit.MS)
    src = options.measured_from(document.file)

    def read(line: str, number: int) -> RawRow:
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) != 3:
            raise ValueError(f"the line has {counted(len(cells), 'cell')}; address, rtt and loss are 3")
        dst, loss = read_name(cells[0]), read_loss(cells[2])
        rtt_ms = None if loss == 1.0 else read_rtt_ms(cells[1], Unit.MS)
        return RawRow(src, dst, rtt_ms, loss=loss, line=number, family=family_of(dst))

    rows, refused, notes = document.read_lines(read)
    return rows, refused, [*notes, COARSE]
