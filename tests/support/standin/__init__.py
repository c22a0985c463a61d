"""A stand-in for Japan Post: a real HTTP server on this machine that answers, and fails, like the real site."""

from .server import FAULT_NUMBERS, StandIn

__all__ = ["FAULT_NUMBERS", "StandIn"]
