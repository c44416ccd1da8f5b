"""A value with some of its fields changed, where it is a struct or may be one.

`copy.replace` of Python 3.13, and vaxline runs on 3.11 too. Its type is that of `dataclasses.replace`, by which mypy
holds the names and types of the changes, of structs too.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from dataclasses import replace
else:

    def replace(value: Any, /, **changes: Any) -> Any:
        """A copy of a frozen struct or dataclass with these fields.

        Raises:
            TypeError: it has no such field.
        """
        kind = msgspec.structs if isinstance(value, msgspec.Struct) else dataclasses
        return kind.replace(value, **changes)


__all__ = ["replace"]
