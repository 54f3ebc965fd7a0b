"""Frames that a Jetstream v2 server packs with zstd and a dictionary of its own.

Protocol: github.com/bluesky-social/jetstream, lexicons/network/bsky/jetstream/getZstdDictionary.json.
"""

from urllib.parse import urlsplit

import httpx
import zstandard

from barograph.sources.bluesky import Unreadable

_HTTP = {"ws": "http", "wss": "https"}


class Packed:
    """The dictionary of one server. `number` is what it is asked by."""

    def __init__(self, dictionary: bytes, longest: int) -> None:
        """longest: bytes that a frame may unpack to. Raises `ValueError` where that is no dictionary."""
        try:
            found = zstandard.ZstdCompressionDict(dictionary, dict_type=zstandard.DICT_TYPE_FULLDICT)
            self._unpack = zstandard.ZstdDecompressor(dict_data=found)
        except zstandard.ZstdError as error:
            raise ValueError(str(error)) from None
        self.number, self._longest = found.dict_id(), longest

    @classmethod
    def of(cls, address: str, longest: int) -> "Packed | None":
        """What the server of a ws:// or wss:// address packs with; None where it does not say."""
        asked = urlsplit(address)._replace(scheme=_HTTP[urlsplit(address).scheme]).geturl()
        try:
            answer = httpx.get(f"{asked}/xrpc/network.bsky.jetstream.getZstdDictionary", timeout=10)
            return cls(answer.raise_for_status().content, longest)
        except (httpx.HTTPError, ValueError):
            return None

    def unpack(self, frame: bytes) -> bytes:
        """The frame as it was before. Raises `Unreadable`."""
        try:
            return self._unpack.decompress(frame, max_output_size=self._longest)
        except zstandard.ZstdError:
            raise Unreadable("frame: expected zstd, packed with the server's dictionary") from None
