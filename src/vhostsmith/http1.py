"""Reading an HTTP/1 response from pieces of bytes, however odd, and never more than is there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

Headers = tuple[tuple[str, str], ...]

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_STATUS_LINE = re.compile(rb"HTTP/\d\.\d (\d{3})(?: .*)?")
_HEAD_LIMIT = 64 * 1024


class NotHttpError(Exception):
    """What came is not an HTTP/1 response; the message shows its beginning."""


class EndedError(Exception):
    """The other side ended before it was due."""


class Reader:
    """The bytes that ``receive`` returns, one piece a call; an empty piece is the end."""

    __slots__ = ("_pending", "_receive")

    def __init__(self, receive: Callable[[], bytes]) -> None:
        self._receive = receive
        self._pending = bytearray()

    def _more(self) -> bool:
        piece = self._receive()
        self._pending += piece
        return bool(piece)

    def _take(self, size: int) -> bytes:
        taken = bytes(self._pending[:size])
        del self._pending[:size]
        return taken

    def head(self) -> bytes:
        """Return the bytes before the empty line; what is not HTTP is seen from its first bytes."""
        while (end := _HEAD_END.search(self._pending)) is None:
            seen = bytes(self._pending[:40])
            if not (seen.startswith(b"HTTP/") or b"HTTP/".startswith(seen)):
                raise NotHttpError(f"the answer is not HTTP: {_shown(seen)}")
            if len(self._pending) > _HEAD_LIMIT:
                raise NotHttpError("the head of the answer does not end")
            if not self._more():
                if seen:
                    raise NotHttpError(f"the answer is cut short: {_shown(seen)}")
                raise EndedError("the connection ended without an answer")
        head = self._take(end.start())
        self._take(end.end() - end.start())
        return head

    def line(self) -> bytes:
        """Return the next line without its end."""
        while (end := self._pending.find(b"\n")) < 0:
            if len(self._pending) > _HEAD_LIMIT:
                raise NotHttpError("a line of the body does not end")
            if not self._more():
                raise EndedError("the body ended early")
        return self._take(end + 1).rstrip(b"\r\n")

    def exactly(self, size: int) -> Iterator[bytes]:
        """Yield the next ``size`` bytes as they come."""
        while size > 0:
            if not self._pending and not self._more():
                raise EndedError("the body ended early")
            piece = self._take(size)
            size -= len(piece)
            yield piece

    def rest(self) -> Iterator[bytes]:
        """Yield everything until the end."""
        while self._pending or self._more():
            yield self._take(len(self._pending))


def read_head(reader: Reader) -> tuple[int, Headers]:
    """Return the final response's status and headers; interim ones (1xx but 101) are skipped.

    Text is decoded as UTF-8 with surrogate escapes, so no byte is lost.
    """
    while True:
        first, *lines = re.split(rb"\r?\n", reader.head())
        status_line = _STATUS_LINE.fullmatch(first)
        if status_line is None:
            raise NotHttpError(f"the answer is not HTTP: {_shown(first[:40])}")
        status = int(status_line[1])
        if status >= 200 or status == 101:
            return status, tuple(_parse_header(line) for line in lines)


def body_pieces(reader: Reader, method: str, status: int, headers: Headers) -> Iterator[bytes]:
    """Yield the body as it comes, delimited by RFC 9112 section 6.3."""
    fields = {name.lower(): value for name, value in headers}
    if method == "HEAD" or status in {101, 204, 304}:
        return
    if "chunked" in fields.get("transfer-encoding", "").lower():
        while size := _parse_size(reader.line().partition(b";")[0], base=16):
            yield from reader.exactly(size)
            reader.line()
    elif "content-length" in fields:
        length = fields["content-length"].encode("utf-8", "surrogateescape")
        yield from reader.exactly(_parse_size(length, base=10))
    else:
        yield from reader.rest()


def _parse_header(line: bytes) -> tuple[str, str]:
    name, colon, value = line.partition(b":")
    if not colon:
        raise NotHttpError(f"a header has no colon: {_shown(line[:40])}")
    text = value.strip(b" \t").decode("utf-8", "surrogateescape")
    return name.decode("utf-8", "surrogateescape"), text


def _parse_size(text: bytes, *, base: int) -> int:
    digits = text.strip()
    if not re.fullmatch(rb"[0-9]{1,18}" if base == 10 else rb"[0-9A-Fa-f]{1,15}", digits):
        raise NotHttpError(f"a size is not a number: {_shown(digits[:40])}")
    return int(digits, base)


def _shown(received: bytes) -> str:
    if received[:1] == b"\x15":
        return "it is a TLS alert"
    return repr(received.decode("ascii", "backslashreplace"))
