"""Objects between processes: pickles whose large buffers travel beside them."""

from __future__ import annotations

import pickle
import socket
import struct
from dataclasses import dataclass
from pickle import loads

__all__ = ["Packed", "receive", "send"]

try:
    from cloudpickle import dumps
except ImportError:  # functions that can be imported go through without it
    from pickle import dumps

_SMALL = 1 << 16  # bytes; frames up to this size are joined into one write
_ALIGN = 64  # bytes; where arrays may begin in a flat buffer


@dataclass(frozen=True)
class Packed:
    """An object as frames: its pickle, and the buffers of its arrays."""

    frames: tuple

    @classmethod
    def of(cls, value) -> Packed:
        """Pickle an object; functions of ``__main__`` go by value where cloudpickle is there."""
        buffers: list[pickle.PickleBuffer] = []
        head = dumps(value, protocol=5, buffer_callback=buffers.append)
        return cls((head, *(buffer.raw() for buffer in buffers)))

    def open(self):
        """Return the object; its arrays share the memory of the frames."""
        return loads(self.frames[0], buffers=self.frames[1:])

    @property
    def header(self) -> bytes:
        """The number of frames and their lengths."""
        lengths = [len(frame) for frame in self.frames]
        return struct.pack(f"<Q{len(lengths)}Q", len(lengths), *lengths)

    def flat(self) -> bytes:
        """Return header and frames in one buffer, each frame begun at a multiple of 64 bytes."""
        pieces = [_padded(piece) for piece in (self.header, *self.frames)]
        return b"".join(part for piece in pieces for part in piece)

    @classmethod
    def from_flat(cls, buffer: memoryview) -> Packed:
        """Return the object whose frames lie in ``buffer``, without copying them."""
        (count,) = struct.unpack_from("<Q", buffer)
        lengths = struct.unpack_from(f"<{count}Q", buffer, 8)
        frames, start = [], _rounded(8 * (1 + count))
        for length in lengths:
            frames.append(buffer[start : start + length])
            start += _rounded(length)
        return cls(tuple(frames))

    def __reduce__(self):
        return _repack, tuple(map(pickle.PickleBuffer, self.frames))


def send(connection: socket.socket, packed: Packed) -> None:
    """Write header and frames."""
    pending = packed.header
    for frame in packed.frames:
        if len(pending) + len(frame) <= _SMALL:
            pending += bytes(frame)
        else:
            connection.sendall(pending)
            connection.sendall(frame)
            pending = b""
    connection.sendall(pending)


def receive(connection: socket.socket) -> Packed:
    """Read what `send` wrote."""
    (count,) = struct.unpack("<Q", _read(connection, 8))
    lengths = struct.unpack(f"<{count}Q", _read(connection, 8 * count))
    return Packed(tuple(_read(connection, length) for length in lengths))


def _repack(*frames) -> Packed:
    return Packed(tuple(map(_bare, frames)))


def _bare(frame):
    """Return what a view of a whole buffer is a view of.

    Pickle wraps read-only frames in views, and packing them again makes views of views; when those
    are in a cycle, as after an interrupt, the collector of CPython 3.11 crashes.
    """
    whole = isinstance(frame, memoryview) and frame.nbytes == memoryview(frame.obj).nbytes
    return frame.obj if whole else frame


def _rounded(length: int) -> int:
    """Round up to a multiple of the alignment."""
    return -(-length // _ALIGN) * _ALIGN


def _padded(piece) -> tuple:
    """Return a piece and the zeros that fill it up."""
    return piece, bytes(_rounded(len(piece)) - len(piece))


def _read(connection: socket.socket, length: int) -> bytearray:
    """Read exactly ``length`` bytes."""
    frame = bytearray(length)
    rest = memoryview(frame)
    while rest:
        got = connection.recv_into(rest)
        if got == 0:
            raise EOFError("the connection was closed")
        rest = rest[got:]
    return frame
