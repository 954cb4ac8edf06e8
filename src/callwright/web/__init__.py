"""HTTP: the routes of the dialects, the native API, health, and the server they run on.

Empty on purpose: loading `web.metrics` must not load the whole API.
"""
