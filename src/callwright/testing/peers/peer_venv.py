"""Peers from PyPI that we do not depend on: each set in a virtual environment of its own."""

import fcntl
import subprocess
import venv
from pathlib import Path


def peer_python(lock: Path, folder: Path) -> Path:
    """The Python of a virtual environment in `folder` that holds what `lock` pins, by hash.

    Made on first use; and anew when the lock has changed.

    Raises:
        subprocess.CalledProcessError: it cannot be installed, for want of a network perhaps.
    """
    folder.parent.mkdir(exist_ok=True)
    python, stamp = folder / "bin" / "python", folder / "stamp.lock"
    with folder.with_suffix(".making").open("w") as making:
        fcntl.flock(making, fcntl.LOCK_EX)  # tests run side by side
        if not (stamp.exists() and stamp.read_bytes() == lock.read_bytes()):
            venv.create(folder, clear=True, with_pip=True)
            pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            # The lock is whole: what a package wants beside it is not what is used of it.
            subprocess.run(
                [*pip, "--require-hashes", "--no-deps", "-r", str(lock)],
                check=True,
                capture_output=True,
            )
            stamp.write_bytes(lock.read_bytes())
    return python
