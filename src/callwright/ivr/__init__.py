"""Flows and surveys: their files, what they compile to, and the machine that runs them."""

from callwright.ivr.files import SAMPLE_FLOW, SAMPLE_SURVEY, load_file, load_sample, sample_text
from callwright.ivr.interpreter import Interpreter
from callwright.ivr.lint import warnings_for
from callwright.ivr.load import load, load_flow, load_survey
from callwright.ivr.script import Script, dump, parse

__all__ = [
    "SAMPLE_FLOW",
    "SAMPLE_SURVEY",
    "Interpreter",
    "Script",
    "dump",
    "load",
    "load_file",
    "load_flow",
    "load_sample",
    "load_survey",
    "parse",
    "sample_text",
    "warnings_for",
]
