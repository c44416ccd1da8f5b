"""The web console: pages that `vaxline console` serves to the operator's own browser.

The server listens on 127.0.0.1 only and works with the operator's own AWS identity (ADR 0013). NiceGUI brings its
charts, tables and fonts in its wheel, so no page loads anything from another host.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Final

import uvicorn
from fastapi import FastAPI
from nicegui import ui

from console.web import site
from console.web.guard import PARAMETER, Guard, new_token
from console.web.session import ConsoleSession
from shared.bootstrap import Application

HOST: Final = "127.0.0.1"
_POLL_SECONDS: Final = 0.05


class Console:
    """The web server for one application. `address` contains the access token: whoever has it can read PHI."""

    def __init__(self, application: Application, stage: str, *, port: int = 0) -> None:
        """Bind the port.

        Args:
            application: the stage's application.
            stage: the stage's name.
            port: the port to listen on; 0 is any free port.

        Raises:
            LookupError: the port is taken.
        """
        self._socket = _bind(port)
        self.port: int = self._socket.getsockname()[1]
        token = new_token()
        self.address = f"http://{HOST}:{self.port}/?{PARAMETER}={token}"
        site.register(ConsoleSession(application, stage))
        pages = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        ui.run_with(pages, title="vaxline", dark=None, language="en-US", show_welcome_message=False)
        guarded = Guard(pages, token=token, port=self.port)
        # No access log: it would contain the token and the addresses of pages.
        config = uvicorn.Config(
            guarded, log_config=None, log_level="critical", access_log=False, lifespan="on", timeout_graceful_shutdown=2
        )
        self._server = uvicorn.Server(config)

    def serve(self, *, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until Ctrl-C. `ready` is called once the server answers."""
        threading.Thread(target=self._wait_until_started, args=(ready,), daemon=True).start()
        self._server.run(sockets=[self._socket])

    def _wait_until_started(self, ready: Callable[[], None]) -> None:
        while not self._server.started:
            if self._server.should_exit:
                return
            threading.Event().wait(_POLL_SECONDS)
        ready()


def _bind(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, port))
    except OSError:
        bound.close()
        raise LookupError(f"port {port} is taken; name another with --port") from None
    return bound
