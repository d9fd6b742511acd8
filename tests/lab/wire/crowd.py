"""Many clients of one host at once, each with a shell of its own and a Receive that waits: a process of its own.

``python -m tests.lab.wire.crowd PORT USER COUNT``, the password on stdin. Prints "ready" once all of them wait, and
ends when its input does.
"""

from __future__ import annotations

import os
import resource
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from pypsrp.exceptions import WSManFaultError
from pypsrp.powershell import RunspacePool
from pypsrp.wsman import WSMan

#: Seconds that a Receive waits, as pypsrp asks by default.
PATIENCE = 20


def opened(port: int, user: str, password: str) -> RunspacePool:
    wsman = WSMan("127.0.0.1", port=port, ssl=False, auth="ntlm", username=user, password=password, no_proxy=True,
                  operation_timeout=PATIENCE, read_timeout=PATIENCE + 40)
    pool = RunspacePool(wsman)
    pool.open()
    return pool


def wait_for_ever(pool: RunspacePool, begun: threading.Semaphore) -> None:
    begun.release()
    while True:
        try:
            pool.shell.receive("stdout", timeout=PATIENCE)
        except WSManFaultError as fault:
            if fault.code != 2150858793:
                print(fault, file=sys.stderr)
                os._exit(1)


def main() -> None:
    port, user, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    password = sys.stdin.readline().strip()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    threading.stack_size(256 * 1024)
    with ThreadPoolExecutor(8) as openers:
        pools = list(openers.map(lambda _: opened(port, user, password), range(count)))
    begun = threading.Semaphore(0)
    for pool in pools:
        threading.Thread(target=wait_for_ever, args=(pool, begun), daemon=True).start()
    for _ in pools:
        begun.acquire()
    print("ready", flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
