"""Objects between processes: pickles whose large buffers travel beside them, uncopied."""

import pickle
import socket
import struct
from dataclasses import dataclass
from pickle import loads

__all__ = ["Packed", "dumps", "loads", "receive", "send"]

try:
    from cloudpickle import dumps
except ImportError:  # functions that can be imported go through without it
    from pickle import dumps


@dataclass(frozen=True)
class Packed:
    """An object as frames: its pickle, and the buffers of its arrays."""

    frames: tuple

    @classmethod
    def of(cls, value) -> "Packed":
        """Pickle an object; functions of ``__main__`` go by value where cloudpickle is there."""
        buffers: list[pickle.PickleBuffer] = []
        head = dumps(value, protocol=5, buffer_callback=buffers.append)
        return cls((head, *(buffer.raw() for buffer in buffers)))

    def open(self):
        """Return the object; its arrays share the memory of the frames."""
        return loads(self.frames[0], buffers=self.frames[1:])

    def __reduce__(self):
        return _repack, tuple(map(pickle.PickleBuffer, self.frames))


def send(connection: socket.socket, packed: Packed) -> None:
    """Write the number of frames, their lengths and the frames."""
    lengths = [len(frame) for frame in packed.frames]
    connection.sendall(struct.pack(f"<Q{len(lengths)}Q", len(lengths), *lengths))
    for frame in packed.frames:
        connection.sendall(frame)


def receive(connection: socket.socket) -> Packed:
    """Read what `send` wrote."""
    (count,) = struct.unpack("<Q", _read(connection, 8))
    lengths = struct.unpack(f"<{count}Q", _read(connection, 8 * count))
    return Packed(tuple(_read(connection, length) for length in lengths))


def _repack(*frames) -> Packed:
    """Make a `Packed` of whole buffers: CPython 3.11 may crash on views of views in a cycle."""
    return Packed(tuple(frame.obj if _is_view(frame) else frame for frame in frames))


def _is_view(frame) -> bool:
    return isinstance(frame, memoryview) and frame.nbytes == memoryview(frame.obj).nbytes


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
