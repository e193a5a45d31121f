"""`groundup dashboard`: a folder is watched, a port is taken, and the page is there until somebody says stop."""

import contextlib
import errno
import logging
import socket
from pathlib import Path

import uvicorn

from groundup.errors import Problem
from groundup.serving.dashboard.alerts import Webhook
from groundup.serving.dashboard.app import build
from groundup.serving.dashboard.watching import Watching
from groundup.serving.listening import address_of, bound, is_this_machine

NEXT = 20  # ports that are tried after the one asked for, when it was left to us


def dashboard(root: Path, host: str, port: int | None, key: str | None, webhook: str | None) -> None:
    """Show the runs below a folder in the foreground, until Ctrl-C. `port` None: 6006, or the next that is free."""
    if not root.is_dir():
        raise Problem(f"there is no folder {root}: name one with runs in it, like runs/")
    if not key and not is_this_machine(host):
        raise Problem(f"whoever reaches {host} could read the runs: give a key with --key, or listen at 127.0.0.1")
    watching = Watching(root.resolve(), Webhook(webhook)) if webhook else Watching(root.resolve())
    with contextlib.closing(_listen(host, port)) as listener:
        address = address_of(host, listener)
        watching.start()
        found = len(watching.state()["runs"])
        print(
            f"{found} {'run' if found == 1 else 'runs'} below {root}   dashboard: {address}   stop: Ctrl-C", flush=True
        )
        logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
        config = uvicorn.Config(
            build(watching, key),
            loop="asyncio",
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        with contextlib.suppress(KeyboardInterrupt):  # to stop is how it ends
            Server(config, watching).run([listener])
        watching.stop()


class Server(uvicorn.Server):
    """Uvicorn's server; streams end when it is told to stop."""

    def __init__(self, config: uvicorn.Config, watching: Watching):
        super().__init__(config)
        self.watching = watching

    def handle_exit(self, sig: int, frame) -> None:
        """Pages need no time to say goodbye."""
        self.watching.stop()
        super().handle_exit(sig, frame)


def _listen(host: str, port: int | None) -> socket.socket:
    """A bound socket."""
    tried = [port] if port is not None else range(6006, 6006 + NEXT)
    for number in tried:
        try:
            return bound(host, number, 128)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise Problem(f"{host} port {number} cannot be listened at: {error.strerror}") from None
    raise Problem(f"port {tried[0]} at {host} is in use: choose another one with --port, or 0 for any that is free")
