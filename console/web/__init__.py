"""The web console: the pages that `vaxline console` serves to the operator's own browser, and to nobody else.

It listens on 127.0.0.1 only and works with the operator's own AWS identity (ADR 0013). NiceGUI ships its charts, grids
and fonts in its wheel, so that no page asks another host for anything.
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


class Console:
    """The console of one application. `address` holds the key to it: whoever has it, reads PHI."""

    def __init__(self, application: Application, stage: str, *, port: int = 0) -> None:
        """Takes the port; 0 is any that is free.

        Raises:
            LookupError: another program has the port.
        """
        self._socket = _bound(port)
        self.port: int = self._socket.getsockname()[1]
        token = new_token()
        self.address = f"http://{HOST}:{self.port}/?{PARAMETER}={token}"
        site.register(ConsoleSession(application, stage))
        pages = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        ui.run_with(pages, title="vaxline", dark=None, language="en-US", show_welcome_message=False)
        guarded = Guard(pages, token=token, port=self.port)
        # No access log: it would hold the token, and what people looked for.
        config = uvicorn.Config(
            guarded, log_config=None, log_level="critical", access_log=False, lifespan="on", timeout_graceful_shutdown=2
        )
        self._server = uvicorn.Server(config)

    def serve(self, *, ready: Callable[[], None] = lambda: None) -> None:
        """Answers until Ctrl-C; `ready` is called once it does."""
        threading.Thread(target=self._tell, args=(ready,), daemon=True).start()
        self._server.run(sockets=[self._socket])

    def _tell(self, ready: Callable[[], None]) -> None:
        while not self._server.started:
            if self._server.should_exit:
                return
            threading.Event().wait(0.05)
        ready()


def _bound(port: int) -> socket.socket:
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((HOST, port))
    except OSError:
        taken.close()
        raise LookupError(f"port {port} is taken; name another with --port") from None
    return taken
