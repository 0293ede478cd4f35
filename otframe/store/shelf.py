"""`Shelf`: what of a run's values is kept in a store, under which address. It crosses to worker processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_origin

from otframe.graph import Node
from otframe.store.store import Hit, Store

__all__ = ["Shelf", "rebuilt"]


@dataclass(frozen=True)
class Shelf:
    """Values of a run in a store.

    Parameters
    ----------
    store : Store
        Where they are kept.
    addresses : mapping
        The address of what is kept, by node and key.
    """

    store: Store
    addresses: Mapping[tuple[str, str], str]

    def get(self, name: str, key: str) -> Hit | None:
        """The value, None where it is not there or none that is kept."""
        address = self.addresses.get((name, key))
        return None if address is None else self.store.get(address)

    def put(self, name: str, key: str, value: Any) -> None:
        """Keep a value, where it is one that is kept."""
        address = self.addresses.get((name, key))
        if address is not None:
            self.store.put(address, value, node=name, key=key)


def rebuilt(value: Any, node: Node) -> Any:
    """A stored value as the node gave it: named tuples are stored as plain ones."""
    cls = get_origin(node.type) or node.type
    return cls(*value) if node.fields and type(value) is tuple else value
