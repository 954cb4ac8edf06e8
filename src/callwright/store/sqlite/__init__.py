"""The store on SQLite."""

from callwright.store.sqlite.note_file import NoteFile
from callwright.store.sqlite.store import SqliteStore, open_sqlite_store

__all__ = ["NoteFile", "SqliteStore", "open_sqlite_store"]
