"""The version of otframe."""

__version__ = "0.1.0"
