"""Files that may be compressed, opened so that one which is cut off says so."""

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import zstandard


class _Zstd(io.RawIOBase):
    """A zstd file. Where it is cut off, reading raises `EOFError`; the library's own reader just ends."""

    def __init__(self, path: Path) -> None:
        self.fileobj = path.open("rb")
        # Pushshift-style dumps are made with a window of 2 GiB.
        decompressor = zstandard.ZstdDecompressor(max_window_size=2**31)
        self._reader = decompressor.stream_reader(self.fileobj, read_across_frames=True)

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        n: int = self._reader.readinto(into)
        if n == 0 and not self._whole():
            raise EOFError("it ends within a frame")
        return n

    def close(self) -> None:
        self.fileobj.close()
        super().close()

    def _whole(self) -> bool:
        """Whether the file ends where a frame does: goes from block header to block header (RFC 8878)."""
        file, at = self.fileobj, 0
        size = file.seek(0, io.SEEK_END)
        while at < size:
            file.seek(at)
            head = file.read(18)
            if head[1:4] == b"\x2a\x4d\x18":  # a frame to be skipped
                at += 8 + int.from_bytes(head[4:8], "little")
                continue
            at += zstandard.frame_header_size(head)
            last = 0
            while not last:
                file.seek(at)
                block = int.from_bytes(file.read(3), "little")
                last, kind, length = block & 1, block >> 1 & 3, block >> 3
                at += 3 + (1 if kind == 1 else length)  # kind 1: one byte, repeated
                if at > size:
                    return False
            at += 4 if head[4] & 4 else 0  # a checksum
        return at == size


OPEN: dict[str, Callable[[Path], IO[bytes]]] = {
    "": lambda path: path.open("rb"),
    ".gz": lambda path: io.BufferedReader(gzip.GzipFile(path, "rb"), 2**17),
    ".zst": lambda path: io.BufferedReader(_Zstd(path), 2**17),
}
"""Compression, as a file's name ends → how to open it."""
