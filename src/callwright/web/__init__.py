"""HTTP: the routes of the dialects, health, and the server they run on."""

from callwright.web.app import make_app
from callwright.web.health import Vitals
from callwright.web.server import HttpServer

__all__ = ["HttpServer", "Vitals", "make_app"]
