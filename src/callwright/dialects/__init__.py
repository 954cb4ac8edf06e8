"""Wire to domain and back, for each product. Pure: no I/O, no framework, no database."""

from callwright.dialects.registry import by_product

__all__ = ["by_product"]
