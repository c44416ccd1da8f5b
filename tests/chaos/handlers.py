"""The real Lambda handlers, each in a copy of its own whose application is that of the call that runs."""

from __future__ import annotations

import importlib.util
import os
import threading
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import patch

import functions

_ENVIRONMENT: Final = {
    "VAXLINE_STAGE": "chaos",
    "VAXLINE_TABLE": "chaos",
    "VAXLINE_BUCKET": "chaos",
    "VAXLINE_OUTBOX_URL": "chaos",
    "VAXLINE_RESUBMISSION_URL": "chaos",
    "AWS_REGION": "us-east-1",
}


class _AppOfTheCall:
    """The application of the thread that asks."""

    def __getattr__(self, name: str) -> Any:
        return getattr(threading.current_thread().app, name)  # type: ignore[attr-defined]


class _Silent:
    """What handlers log and measure, without a word; what went wrong is told to the application of the call."""

    def line(self, message: str, **fields: object) -> None:
        pass

    def failure(self, message: str, error: BaseException, **fields: object) -> None:
        _AppOfTheCall().noted(f"{type(error).__name__}: {error}")

    def put(self, measured: Iterable[object]) -> None:
        list(measured)

    def log(self, told: object, *_: object) -> None:
        for result in told if isinstance(told, list | tuple) else ():
            if getattr(result, "error", ""):
                _AppOfTheCall().noted(result.error)


@cache
def handler(name: str) -> Callable[[dict[str, Any], Any], Any]:
    """The handler of `functions/<name>`, apart from the module that everybody else imports."""
    path = Path(functions.__file__).parent / name / "handler.py"
    spec = importlib.util.spec_from_file_location(f"chaos_{name}_handler", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with patch.dict(os.environ, _ENVIRONMENT):
        spec.loader.exec_module(module)
    silent = _Silent()
    for told in ("deliveries", "telemetry"):
        if hasattr(module, told):
            setattr(module, told, SimpleNamespace(**(vars(getattr(module, told)) | {"log": silent.log})))
    module._app, module.logs, module.metrics = _AppOfTheCall(), silent, silent
    return module.handler
