"""What Vigie remembers: one module a subject, over `tables`."""

from service.store.store import AnyRow, Store

__all__ = ["AnyRow", "Store"]
