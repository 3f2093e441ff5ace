"""A TFTP server of one's own, as written for fbtftp: python with_fbtftp_api.py [PORT]"""

import sys

from nearboot.fbtftp import BaseHandler, BaseServer, StringResponseData  # was: from fbtftp...


class Handler(BaseHandler):
    def get_response_data(self):
        if self._path != "hello":
            raise FileNotFoundError(self._path)
        return StringResponseData(f"hello {self._peer[0]}\n")


class Server(BaseServer):
    def get_handler(self, server_addr, peer, path, options):
        return Handler(server_addr, peer, path, options, lambda stats: print(vars(stats), flush=True))


server = Server("::", int(sys.argv[1]) if sys.argv[1:] else 6969, retries=3, timeout=5)
print(f"port {server._listener.getsockname()[1]}", flush=True)
server.run()
