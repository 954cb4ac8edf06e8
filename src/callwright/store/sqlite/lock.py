"""One server a database file: a lock that ends with the process that holds it.

The kernel drops the lock when the process ends in whatever way, `kill -9` too, so a file
that is left over means nothing. Processes started by `fork` alone would share it; the
server starts others with `exec`, which closes it there.
"""

import fcntl
import os
from pathlib import Path

from callwright.errors import ConfigInvalid


class ServerLock:
    """Holds `<database>.lock` from construction to `release`."""

    def __init__(self, database: Path) -> None:
        """
        Raises:
            ConfigInvalid: another server holds it, or it cannot be written.
        """
        # Resolved, so that a symbolic link is no way around it.
        real = database.resolve()
        path = real.with_name(real.name + ".lock")
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise ConfigInvalid(
                f"store.url: cannot write the lock file {path} ({exc.strerror}); make its folder "
                "writable for the server, or choose another place"
            ) from exc
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            holder = os.read(self._fd, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._fd)
            raise ConfigInvalid(
                f"store.url: another server (process {holder}) runs on {database}; two would dial "
                "every call twice. Stop that one first, or give this one its own file"
            ) from exc
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let another server have the file. The lock file stays: deleting it would race."""
        os.close(self._fd)
