"""How a script says that the callee wants no more calls.

A variable by convention, because flows and surveys store nothing else: whatever step stores
it, the callee's number goes on the account's list. Described in docs/flows.md.
"""

OPT_OUT = "opt_out"
"""The variable."""

_YES = frozenset({"yes", "true", "1"})


def is_opt_out(name: str, value: str) -> bool:
    """Whether storing `value` as `name` asks for no more calls; neither case nor spaces
    around matter."""
    return name.strip().casefold() == OPT_OUT and value.strip().casefold() in _YES
