"""A server on this machine, in threads, that a test tells how to answer and that says nothing by itself."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Quiet(BaseHTTPRequestHandler):
    """Answers over connections that stay open, without a log."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format, *args):
        pass


def started(handler: type[BaseHTTPRequestHandler]) -> tuple[ThreadingHTTPServer, str]:
    """A running server and its address; whoever asked for it shuts it down."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_port}"
