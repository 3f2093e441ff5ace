"""fbtftp 0.5's programming interface on nearboot's TFTP server: change the import, keep your server.

    from nearboot.fbtftp import BaseHandler, BaseServer, ResponseData

Names, signatures, the options dict, callbacks, counters and the fields of the statistics are fbtftp's; so are the
modules ``base_handler``, ``base_server``, ``netascii`` and ``constants``. What differs, and why:

- ``get_response_data()`` runs in a pool of threads, not in the accept loop: a slow backend holds up its own client
  alone. Content is read in threads while it is sent. Nothing forks: callbacks run in the server's process, so
  counters can be shared; they must bear to be called from several threads. ``get_handler()`` is called by one at
  a time.
- A handler is no ``Process``, and the server has no ``run_once()`` or ``on_new_data()``: packets are the engine's
  matter.
- ``retries`` is how often a packet is sent again (fbtftp: once more than that). Before the first ACK at most two times,
  and less for clients that ask for ever: the sender's address may be forged.
- A client cannot set ``retries``, ``default_timeout`` or ``mode`` by sending options of these names.
- ``PermissionError`` is ERROR 2. The client gets short fixed texts; the exception's text stays in ``stats.error``.
  No handler (None) is ERROR 2, and a ``get_handler()`` that raises ERROR 0, where fbtftp leaves the client waiting.
- Options out of their RFC's range are left out of the OACK; blksize never exceeds the MTU; windowsize (RFC 7440) is
  granted. Broken packets and strangers end neither server nor transfer; a client's ERROR is not sent back to it.
- ``stats.options_in`` and ``options_acked`` are always there. ``bytes_sent`` leaves out what was sent again.
- IPv4 peers are IPv4 on ``::`` too, never ``::ffff:``. With port 0 handlers see the real port.
- Where tsize was answered, content of another size is an error, not a file that passes for whole.
- ``run(run_once=True)`` returns after the first read; ``close()`` lets reads under way end (``GRACE_S``).
"""

from nearboot.fbtftp.base_handler import BaseHandler, ResponseData, SessionStats, StringResponseData
from nearboot.fbtftp.base_server import BaseServer, ServerStats
from nearboot.fbtftp.netascii import NetasciiReader

__all__ = [
    "BaseHandler",
    "BaseServer",
    "NetasciiReader",
    "ResponseData",
    "ServerStats",
    "SessionStats",
    "StringResponseData",
]
