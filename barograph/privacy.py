"""Keyed hashes: what stands for a person or a post where neither may be known."""

import hashlib
import os
from pathlib import Path

import polars as pl

from barograph import texts
from barograph.errors import InputError

_KEY_BYTES = 32


class Keyed:
    """BLAKE2b keyed with HOME/key. Without the key a hash can neither be recomputed nor compared.

    The key is created once, readable by its owner alone (mode 0600). Raises `InputError` where it is damaged.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            part = path.with_suffix(f".{os.getpid()}")
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(os.urandom(_KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            # Of several that begin at once, as streams and the monitor do, the first one's key counts for all.
            try:
                os.link(part, path)
            except FileExistsError:
                pass
            except OSError:  # a file system without links
                os.replace(part, path)
            part.unlink(missing_ok=True)
        self._key = path.read_bytes()
        if len(self._key) != _KEY_BYTES:
            raise InputError(
                f"{path}: got {len(self._key)} bytes, expected {_KEY_BYTES}: without the key that made it, "
                "this home cannot tell its authors apart; restore the file from a backup"
            )

    def hash(self, value: str | bytes, size: int = 16) -> str:
        """`size` bytes in hexadecimal."""
        raw = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(raw, key=self._key, digest_size=size).hexdigest()

    def column(self, values: pl.Series, size: int = 16) -> pl.Series:
        """The hash of every value; NULL stays NULL."""
        return texts.blake2b(values, self._key, size)
