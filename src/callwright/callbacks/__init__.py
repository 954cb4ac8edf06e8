"""Telling `result_url`s how calls ended, without being made to talk to the wrong machine."""

from callwright.callbacks.http_sender import HttpSender

__all__ = ["HttpSender"]
