"""What outlives a run: values by what they were made of, and what was written into an output folder."""

from otframe.store.address import Addresses, Settings
from otframe.store.ledger import Ledger
from otframe.store.lock import Lock
from otframe.store.shelf import Shelf, rebuilt
from otframe.store.store import Hit, Store

__all__ = ["Addresses", "Hit", "Ledger", "Lock", "Settings", "Shelf", "Store", "rebuilt"]
