"""Replaces methods of moto that are slow with many items or messages, without changing their results.

moto sorts the whole table for each query, and counts the queue six times for each message that is sent. Each row of
`_REPLACEMENTS` replaces one method. `tests/local/aws/test_moto_speed.py` compares the results of both, so that it fails
when a new version of moto behaves differently.
"""

from __future__ import annotations

import copy
import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final

from moto.core.serialize import BaseJSONSerializer
from moto.core.utils import camelcase_to_underscores, unix_time_millis
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table
from moto.dynamodb.parsing import ast_nodes, expressions, validators
from moto.sqs import models as sqs_models
from moto.sqs.models import Queue

_Value = tuple[str, str]

# a queue's attributes -------------------------------------------------------------------------------------------------


class _Attributes(Mapping[str, Any]):
    """`Queue.attributes`, each computed when it is read, since three of them count the whole queue."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def __iter__(self) -> Iterator[str]:
        yield from self._queue.BASE_ATTRIBUTES
        if self._queue.fifo_queue:
            yield from self._queue.FIFO_ATTRIBUTES
        if getattr(self._queue, "kms_master_key_id", None):
            yield from self._queue.KMS_ATTRIBUTES

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return any(name == attribute for attribute in self)

    def __getitem__(self, name: str) -> Any:
        if name not in self:
            raise KeyError(name)
        value = getattr(self._queue, camelcase_to_underscores(name))
        if name == "RedrivePolicy" and value:
            return json.dumps(value)
        return str(value).lower() if isinstance(value, bool) else value


def _milliseconds(moment: Any = None) -> float:
    return time.time() * 1000 if moment is None else unix_time_millis(moment)


# an index of the table ------------------------------------------------------------------------------------------------

# Attribute of a table that maps (attribute, value) to all items that ever had this value. Items that were deleted or
# have another value now are skipped when it is read.
_ITEMS_BY_VALUE: Final = "_items_by_value"
_partition: Final = threading.local()
_put_item: Final = Table.put_item
_update_item: Final = DynamoDBBackend.update_item
_query: Final = Table.query
_all_items: Final = Table.all_items


def _add_to_index(table: Table, item: Item) -> Item:
    by_value: Any = table.__dict__.setdefault(_ITEMS_BY_VALUE, defaultdict(dict))
    for index in table.all_indexes():
        for key in index.schema:
            value = item.attrs.get(key["AttributeName"]) if key["KeyType"] == "HASH" else None
            if value is not None:
                by_value[key["AttributeName"], value.value][_primary_key(item)] = item
    return item


def _primary_key(item: Item) -> _Value:
    return item.hash_key.value, item.range_key.value if item.range_key else ""


def _put_and_index(table: Table, *arguments: Any, **named: Any) -> Item:
    return _add_to_index(table, _put_item(table, *arguments, **named))


def _update_and_index(backend: DynamoDBBackend, table_name: str, *arguments: Any, **named: Any) -> Item:
    return _add_to_index(backend.get_table(table_name), _update_item(backend, table_name, *arguments, **named))


def _query_partition(table: Table, hash_key: DynamoType | None, *arguments: Any, **named: Any) -> Any:
    """Let moto's query, which scans `all_items`, see only the items of the queried partition."""
    conditions = named.get("hash_key_conditions") or []
    # Positional parameters: comparison, values, limit, start, direction, projection, index.
    index = named.get("index_name") or (arguments[6] if len(arguments) > 6 else None)
    if index and len(conditions) == 1:
        _partition.items = _items_with_value(table, conditions[0][0], conditions[0][1])
    elif not index and hash_key is not None and table.range_key_attr:
        _partition.items = list(table.items.get(hash_key, {}).values())
    try:
        return _query(table, hash_key, *arguments, **named)
    finally:
        _partition.items = None


def _items_with_value(table: Table, attribute: str, value: DynamoType) -> list[Item]:
    by_value: Any = table.__dict__.setdefault(_ITEMS_BY_VALUE, defaultdict(dict))
    items: dict[_Value, Item] = by_value[attribute, value.value]
    for key, item in list(items.items()):
        current = table.get_item(item.hash_key, item.range_key)
        if current is not item or attribute not in item.attrs or item.attrs[attribute] != value:
            del items[key]
    return list(items.values())


def _items_of_partition(table: Table) -> list[Item]:
    items: list[Item] | None = getattr(_partition, "items", None)
    return _all_items(table) if items is None else items


# values ---------------------------------------------------------------------------------------------------------------

_cast_value: Final = DynamoType.cast_value.fget  # type: ignore[attr-defined]
# moto leaves this module untyped.
_parser: Final[Any] = expressions.UpdateExpressionParser  # type: ignore[attr-defined]
_traverser: Final[Any] = ast_nodes.DepthFirstTraverser  # type: ignore[attr-defined]
_NODES: Final[tuple[type, ...]] = (ast_nodes.Node,)  # type: ignore[attr-defined]
_KINDS: Final = "_kinds_of_nodes"
_structure: Final = BaseJSONSerializer._serialize_type_structure  # noqa: SLF001
_project: Final = Item.project


def _cast_string(value: DynamoType) -> Any:
    return value.value if value.type == "S" else _cast_value(value)


def _serialize_attribute(serializer: BaseJSONSerializer, serialized: Any, value: Any, shape: Any, key: str) -> None:
    """Serialize an attribute by its one type; moto tries ten names for each of ten types."""
    is_attribute = shape.name == "AttributeValue" and key and type(value) is dict and len(value) == 1
    if not is_attribute or serializer._value_picker.response_transformers:  # noqa: SLF001 - moto's own
        _structure(serializer, serialized, value, shape, key)
        return
    [(kind, content)] = value.items()
    result: Any = serializer.MAP_TYPE()
    if content is not None:
        serializer._serialize(result, content, shape.members[kind], kind)  # noqa: SLF001
    serializer._default_serialize(serialized, result, shape, key)  # noqa: SLF001


def _project_attributes(item: Item, paths: list[list[str]]) -> Item:
    """Keep some attributes of an item; moto converts the whole item and back, once per attribute."""
    names = ["".join(path) for path in paths if len(path) == 1]
    if len(names) < len(paths) or any("[" in name for name in names):
        return _project(item, paths)
    projected = Item(item.hash_key, item.range_key, {})
    # Not by `LimitedSizeDict.update`, which computes the size of all attributes for each one; a part cannot be larger.
    dict.update(projected.attrs, {name: item.attrs[name] for name in names if name in item.attrs})
    return projected


@lru_cache(maxsize=1024)
def _is_subclass(kind: Any, kinds: tuple[type, ...]) -> bool:
    """Cache `issubclass`, which is slow for moto's abstract classes."""
    return issubclass(kind, kinds)


def _traverse(traverser: Any, node: Any, child_id: int = -1) -> Any:
    """Traverse a tree and compute `nodes_to_be_processed` once; moto computes it for each node."""
    kinds: tuple[type, ...] | None = traverser.__dict__.get(_KINDS)
    if kinds is None:
        kinds = traverser.__dict__[_KINDS] = traverser.nodes_to_be_processed()
    kind: Any = type(node)
    if not _is_subclass(kind, _NODES):
        return node
    parent = node.parent
    for number, child in enumerate(node.children or ()):
        traverser.pre_processing_of_child(node, number)
        _traverse(traverser, child, number)
    if _is_subclass(kind, kinds):
        node = traverser.process(node)
        node.parent = parent
        if parent:
            parent.children[child_id] = node
    return node


def _copy_tree(node: Any) -> Any:
    """Copy the tree of an expression, which moto does for each update, without the protocol of `deepcopy`."""
    kind: Any = type(node)
    if not _is_subclass(kind, _NODES):
        return copy.deepcopy(node)
    copied = kind.__new__(kind)
    copied.__dict__.update(vars(node))
    if node.children is not None:
        copied.children = [_copy_tree(child) for child in node.children]
        for child in copied.children:
            if getattr(child, "parent", None) is node:
                child.parent = copied
    return copied


_REPLACEMENTS: Final[tuple[tuple[Any, str, Any], ...]] = (
    (Queue, "attributes", property(_Attributes)),
    (sqs_models, "unix_time_millis", _milliseconds),
    (Table, "put_item", _put_and_index),
    (DynamoDBBackend, "update_item", _update_and_index),
    (Table, "query", _query_partition),
    (Table, "all_items", _items_of_partition),
    (DynamoType, "cast_value", property(_cast_string)),
    (BaseJSONSerializer, "_serialize_type_structure", _serialize_attribute),
    (Item, "project", _project_attributes),
    (_traverser, "traverse_node_recursively", _traverse),
    (validators, "deepcopy", _copy_tree),
    # Safe to cache, since callers copy the tree before they change it.
    (_parser, "make", staticmethod(lru_cache(maxsize=256)(_parser.make))),
)
"""Class or module, name, and what replaces moto's own."""

# vars() and not getattr(), to get properties themselves.
_ORIGINALS: Final = tuple((owner, name, vars(owner)[name]) for owner, name, _ in _REPLACEMENTS)


def apply() -> None:
    """Replace the methods for the rest of the process."""
    for owner, name, replacement in _REPLACEMENTS:
        setattr(owner, name, replacement)


@contextmanager
def originals() -> Iterator[None]:
    """Put moto's own methods back within the context, for a comparison."""
    before = [(owner, name, vars(owner)[name]) for owner, name, _ in _REPLACEMENTS]
    for owner, name, original in _ORIGINALS:
        setattr(owner, name, original)
    yield
    for owner, name, replacement in before:
        setattr(owner, name, replacement)
