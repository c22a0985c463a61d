"""A Japan Post to talk to: a real HTTP server on this machine, with the real site's pages and bad days."""

from .server import FAULT_NUMBERS, StandIn

__all__ = ["FAULT_NUMBERS", "StandIn"]
