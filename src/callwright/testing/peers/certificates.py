"""Certificates for TLS peers, made by openssl: a CA, and what it signs."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from callwright.testing.programs import require


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files in PEM format: who signed it, the certificate itself, its key."""

    ca: Path
    file: Path
    key: Path


class Authority:
    """A CA of its own, in `folder`."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._folder = folder
        self.file = folder / f"{name}.pem"
        self._key = folder / f"{name}.key"
        _openssl(
            *("req", "-x509", "-subj", f"/CN={name}", "-days", "2"),
            *("-addext", "basicConstraints=critical,CA:TRUE"),
            *_new_key(self._key),
            *("-out", str(self.file)),
        )

    def certify(self, name: str, subject: Sequence[str], *, days: int = 2) -> Certificate:
        """A certificate for `subject`, such as `DNS:sip.example.com` or `IP:127.0.0.1`.

        `days` below 0: one that has expired.
        """
        request, file = self._folder / f"{name}.csr", self._folder / f"{name}.pem"
        key, extensions = self._folder / f"{name}.key", self._folder / f"{name}.ext"
        _openssl("req", "-subj", f"/CN={name}", *_new_key(key), "-out", str(request))
        extensions.write_text(f"subjectAltName={','.join(subject)}\n")
        _openssl(
            *("x509", "-req", "-in", str(request), "-CA", str(self.file), "-CAkey"),
            *(str(self._key), "-days", str(days), "-extfile", str(extensions), "-out", str(file)),
        )
        return Certificate(ca=self.file, file=file, key=key)


def _new_key(file: Path) -> tuple[str, ...]:
    return (
        *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        "-nodes",
        "-keyout",
        str(file),
    )


def _openssl(*arguments: str) -> None:
    ended = subprocess.run(
        [require("openssl"), *arguments], capture_output=True, text=True, check=False, timeout=30
    )
    assert ended.returncode == 0, ended.stderr
