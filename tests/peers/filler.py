"""A process that fills a cache without end, for tests that kill it: ``filler.py FOLDER ORIGIN_URL PATH``.

It says a line for each time that it has read the whole file.
"""

from __future__ import annotations

import sys
from pathlib import Path

from nearboot.boot.cache_runner import FileCache, Streamed
from nearboot.boot.cache_store import CacheFolder
from nearboot.boot.origin import Directory
from nearboot.boot.origin_client import OriginClient
from nearboot.model import Origin, Slug


def main() -> None:
    folder, url, path = sys.argv[1:]
    store = CacheFolder(Path(folder), 1 << 30)
    store.clean()
    client = OriginClient(connect_timeout_s=5, read_timeout_s=5, rest_s=0)
    cache = FileCache(store, client, fresh_s=0, retry_s=0)
    cache.directory = Directory((Origin(Slug("o"), url),))
    while True:
        opened = cache.find(path).result()
        if isinstance(opened, Streamed):
            while opened.read(1 << 20):
                pass
            opened.close()
        print("read", flush=True)


if __name__ == "__main__":
    main()
