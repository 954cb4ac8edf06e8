"""Calls that an Asterisk places for us: ARI for what happens, a websocket for what is said.

Nothing is named here: the brain reads settings of `trunk`, and must not load the rest.
"""
