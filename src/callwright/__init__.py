"""Callwright: an outbound-calling server that speaks the Plum Fuse and Insight APIs."""

__version__ = "0.1.0"
