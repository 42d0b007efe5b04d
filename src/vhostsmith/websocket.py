"""RFC 6455 as far as the demo page and the verification of a front door need it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

Read = Callable[[int], bytes]
Write = Callable[[bytes], object]

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_MESSAGE_LIMIT = 1024 * 1024


class ProtocolError(Exception):
    """What a client must not send; ``code`` is the close code that tells it so (section 7.4.1)."""

    def __init__(self, code: int, what: str) -> None:
        super().__init__(what)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One unmasked frame."""

    opcode: int
    payload: bytes
    is_final: bool = True


def accept_key(key: str) -> str:
    """Return the ``Sec-WebSocket-Accept`` that proves that ``Sec-WebSocket-Key`` was read.

    >>> accept_key("dGhlIHNhbXBsZSBub25jZQ==")
    's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
    """
    # The protocol's own choice; nothing secret rests on it.
    digest = hashlib.sha1((key + _GUID).encode(), usedforsecurity=False).digest()
    return base64.b64encode(digest).decode("ascii")


def echo(read: Read, write: Write) -> None:
    """Serve one connection after its handshake: send each message back, until either side closes.

    ``read(n)`` returns exactly n bytes, fewer only at the end of the connection.
    """
    try:
        while (message := _next_message(read, write)) is not None:
            write(encode(message))
    except ProtocolError as error:
        reason = str(error).encode()
        write(encode(Frame(opcode=CLOSE, payload=error.code.to_bytes(2, "big") + reason)))
    except EOFError:
        return


def encode(frame: Frame) -> bytes:
    """Return the bytes of a frame as a server sends it, unmasked."""
    size = len(frame.payload)
    first = (0x80 if frame.is_final else 0) | frame.opcode
    if size < 126:
        head = bytes((first, size))
    elif size < 1 << 16:
        head = bytes((first, 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, 127)) + size.to_bytes(8, "big")
    return head + frame.payload


def read_frame(read: Read) -> Frame:
    """Read one client's frame; raise `ProtocolError`, or EOFError when the connection ended."""
    first, second = _exactly(read, 2)
    opcode, size = first & 0x0F, second & 0x7F
    if first & 0x70 or opcode not in {CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG}:
        raise ProtocolError(1002, "no extension was agreed on")
    if not second & 0x80:
        raise ProtocolError(1002, "a client's frames are masked")
    if opcode >= CLOSE and (size > 125 or not first & 0x80):
        raise ProtocolError(1002, "a control frame is short and whole")
    if size > 125:
        size = int.from_bytes(_exactly(read, 2 if size == 126 else 8), "big")
    if size > _MESSAGE_LIMIT:
        raise ProtocolError(1009, "more than 1 MiB")
    mask = _exactly(read, 4)
    return Frame(
        opcode=opcode, payload=_unmask(_exactly(read, size), mask), is_final=bool(first & 0x80)
    )


def _next_message(read: Read, write: Write) -> Frame | None:
    """Return the next whole message, with pings answered meanwhile; None once it is closed."""
    opcode = CONTINUATION
    payload = bytearray()
    while True:
        frame = read_frame(read)
        if frame.opcode >= CLOSE:
            if _answer_control(frame, write):
                return None
            continue
        if (frame.opcode == CONTINUATION) != (opcode != CONTINUATION):
            raise ProtocolError(1002, "the frames of a message are out of order")
        opcode = frame.opcode or opcode
        payload += frame.payload
        if len(payload) > _MESSAGE_LIMIT:
            raise ProtocolError(1009, "more than 1 MiB")
        if frame.is_final:
            return _whole(opcode, bytes(payload))


def _answer_control(frame: Frame, write: Write) -> bool:
    """Answer a control frame; true when it closed the connection."""
    if frame.opcode == PING:
        write(encode(Frame(opcode=PONG, payload=frame.payload)))
    if frame.opcode != CLOSE:
        return False
    if len(frame.payload) == 1:
        raise ProtocolError(1002, "half a close code")
    write(encode(Frame(opcode=CLOSE, payload=frame.payload[:2])))
    return True


def _whole(opcode: int, payload: bytes) -> Frame:
    if opcode == TEXT:
        try:
            payload.decode("utf-8")
        except UnicodeDecodeError:
            raise ProtocolError(1007, "a text that is not UTF-8") from None
    return Frame(opcode=opcode, payload=payload)


def _unmask(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    stream = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
    return (int.from_bytes(payload, "big") ^ stream).to_bytes(size, "big")


def _exactly(read: Read, size: int) -> bytes:
    received = read(size)
    if len(received) < size:
        raise EOFError
    return received
