"""Many packets for one system call: recvmmsg(2) and sendmmsg(2), in memory that is laid out once.

What a packet is looked up by is not made for it. Each place for a packet is the inside of a ``bytes`` object that was
put there by hand, so that the kernel writes straight into a dictionary key; all that is left to do for a batch is to
set the lengths and to forget the hashes of what was there before, which are copies between arrays.

A response begins with what the packet begins with, up to the end of the question, and often ends with what the packet
ends with. These parts are sent from where the packet is; of the others an iterator yields where they are in memory and
how long they are. So responses to packets that are alike are one to us, and none is ever put together.

That takes Linux, 64 bits, and CPython with its usual layout of ``bytes``: ``obstacle`` finds out.
"""

import ctypes
import errno
import os
import socket
import struct
import sys
import sysconfig
from collections.abc import Sequence
from typing import Any

from gslb.nameserver.parts import Parts, whole
from gslb.nameserver.wire import HEADER_SIZE, ID_SIZE

SIZE = 128
"""packets in a batch at most. More would save little, and have the first of them wait for the last."""

PLACE = 1280
"""bytes from one packet to the next"""

HEAD = bytes.__basicsize__ - 1
"""bytes of a ``bytes`` object in front of its content: reference count, type, length and hash, of 8 bytes each"""

MAX_PACKET = PLACE - HEAD
"""bytes of a packet that are read; no client has reason to send more over UDP than we say that we take"""

_ALIGNMENT = 256
"""of places: so that only the last byte of the address of a tail is not always the same"""

_record = struct.Struct("Q10sHHBB").pack
"""What ``Batch.send`` needs to know of a response: where the body is; the header, without the id; the length of the
body, and of what comes before it; where the tail is, and its length."""

UNSENT = _record(0, b"", 0, 0, 0, 0)
"""in place of a record: there is no response"""

_TAIL_AT = 22
"""where a record says where the tail is"""

_MSG_WAITFORONE = 0x10000
_MANY = 2**20
"""references that a key seems to have, so that its memory is never given back"""

_HELD: list[object] = []
"""memory of keys that somebody has kept for longer than their batch: it cannot be told for how long"""

_PARTS = 3
"""a response consists of: what the packet begins with, body, tail"""

_NAME_ROOM = 32
_CONTROL_ROOM = 64
_FAMILIES = {socket.AF_INET: (16, "4x4s24x"), socket.AF_INET6: (28, "8x16s8x")}
"""length of a socket address, and how to get the host out of the room for one (ip(7), ipv6(7))"""

_CMSG_HEAD = socket.CMSG_LEN(0)
_INFOS = {socket.AF_INET: (12, 0), socket.AF_INET6: (20, 16)}
"""length of what says where a packet was sent to, and where it has the number of the interface"""
_LINK_LOCAL = int.from_bytes(b"\xfe\x80", sys.byteorder)


_Moves = tuple[tuple["memoryview[Any]", "memoryview[Any]"], ...]
"""Where to, and from where."""


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Message(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("vectors", ctypes.c_void_p),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
        ("_padding", ctypes.c_uint32),
        ("length", ctypes.c_uint32),
    )
    """struct mmsghdr (recvmmsg(2)), which begins with struct msghdr"""


def pin(parts: Parts) -> bytes:
    """What ``Batch.send`` needs to know of a response, whose body has to stay in memory until then."""
    head, body, at = parts.head, parts.body, parts.tail_at + HEAD if parts.tail_size else 0
    return _record(id(body) + HEAD, head, len(body), parts.question_end, at, parts.tail_size)


class Batch:
    """Places for packets from one socket and for what is said to them. For one thread.

    Attributes:
        keys: the packets, with zeros instead of their ids. Only the first ones are of now, as many as ``receive`` says,
            and only until ``send`` is called. Whoever keeps one needs a copy, by ``bytes(memoryview(key))``: ``key[:]``
            would be the same object.

    Args:
        sock: bound, blocking; a time-out that is set as an option of it (SO_RCVTIMEO) ends ``receive``.
        destination: packets say where they were sent to (IP_PKTINFO), and responses leave from there.
    """

    def __init__(self, sock: socket.socket, *, destination: bool) -> None:
        self.keys: list[bytes] = []
        self._memory = ctypes.create_string_buffer(PLACE * SIZE + _ALIGNMENT)
        begin = -ctypes.addressof(self._memory) % _ALIGNMENT
        self._places = places = memoryview(self._memory).cast("B")[begin : begin + PLACE * SIZE]
        self._references = places.cast("q")[:: PLACE // 8]
        self._descriptor, self._family = sock.fileno(), sock.family
        self._name_length, host = _FAMILIES.get(sock.family, (0, f"{_NAME_ROOM}s"))
        self._host = struct.Struct(host)
        self._hosts = [struct.Struct(host * count).unpack_from for count in range(SIZE + 1)]
        self._names = ctypes.create_string_buffer(_NAME_ROOM * SIZE)
        self._ids: Any = ctypes.create_string_buffer(ID_SIZE * SIZE)  # a slice of it is bytes
        self._control = ctypes.create_string_buffer(_CONTROL_ROOM * SIZE)
        self._incoming, self._outgoing = (_Message * SIZE)(), (_Message * SIZE)()
        self._vectors_in, self._vectors_out = (_Vector * SIZE)(), (_Vector * (_PARTS * SIZE))()
        self._incoming_at, self._outgoing_at = ctypes.addressof(self._incoming), ctypes.addressof(self._outgoing)
        self._records = memoryview(bytearray(len(UNSENT) * SIZE))
        self._moves_in, self._moves_out = self._moves(places)
        self._prepared: dict[int, tuple[_Moves, _Moves]] = {}
        self._infos = _Infos(self._control, sock.family) if destination else None
        start = ctypes.addressof(self._memory) + begin
        self._lay_out(places.cast("q"), start)
        self.keys += [ctypes.cast(start + index * PLACE, ctypes.py_object).value for index in range(SIZE)]
        self._receive, self._send = _calls()

    def _moves(self, places: "memoryview[int]") -> tuple["_Moves", "_Moves"]:
        """What is to be copied where, after packets came and before responses leave: for each place one item."""
        incoming, vectors = memoryview(self._incoming).cast("B"), memoryview(self._vectors_out).cast("B")
        id_places, ids = places.cast("H")[HEAD // 2 :: PLACE // 2], memoryview(self._ids).cast("B").cast("H")
        begin = HEAD + ID_SIZE
        headers = (
            places[begin : begin + 8 - PLACE].cast("Q")[:: PLACE // 8],
            places.cast("H")[begin // 2 + 4 :: PLACE // 2],
        )
        words, shorts, octets = self._records.cast("Q"), self._records.cast("H"), self._records
        size, room = len(UNSENT), 16 * _PARTS
        return (
            (
                (places.cast("I")[4 :: PLACE // 4], incoming.cast("I")[14::16]),  # length: its lower half comes first
                (places.cast("q")[3 :: PLACE // 8], memoryview(struct.pack("q", -1) * SIZE).cast("q")),  # hash: none
                (ids, id_places),
                (id_places, memoryview(bytes(ID_SIZE * SIZE)).cast("H")),
            ),
            (
                (id_places, ids),
                (vectors.cast("Q")[2 :: room // 8], words[:: size // 8]),  # where the body is
                (headers[0], words[1 :: size // 8]),
                (headers[1], shorts[8 :: size // 2]),
                (vectors.cast("H")[12 :: room // 2], shorts[9 :: size // 2]),  # how long that is
                (vectors.cast("H")[4 :: room // 2], shorts[10 :: size // 2]),  # how much comes before it
                (vectors[32::room], octets[_TAIL_AT::size]),
                (vectors[40::room], octets[_TAIL_AT + 1 :: size]),  # how long the tail is
            ),
        )

    def _prepare(self, count: int) -> tuple["_Moves", "_Moves"]:
        """The same for the first so many places: to cut them out takes as long as to copy them."""
        made = self._prepared[count] = (
            tuple((to[:count], source[:count]) for to, source in self._moves_in),
            tuple((to[:count], source[:count]) for to, source in self._moves_out),
        )
        return made

    def __del__(self) -> None:
        self.keys.clear()  # before the memory that they are
        if max(self._references.tolist()) > _MANY:
            _HELD.append(self._memory)

    def _lay_out(self, words: "memoryview[int]", start: int) -> None:
        at = ctypes.addressof
        names, control = at(self._names), at(self._control)
        incoming, outgoing = at(self._vectors_in), at(self._vectors_out)
        for index in range(SIZE):
            head = index * PLACE // 8
            words[head], words[head + 1], words[head + 2], words[head + 3] = _MANY, id(bytes), 0, -1
            packet = start + index * PLACE + HEAD
            self._vectors_in[index] = _Vector(packet, MAX_PACKET)
            for part in range(_PARTS):
                self._vectors_out[_PARTS * index + part] = _Vector(packet, 0)
            for message, vectors, count in (
                (self._incoming[index], incoming + 16 * index, 1),
                (self._outgoing[index], outgoing + 16 * _PARTS * index, _PARTS),
            ):
                message.name, message.name_length = names + _NAME_ROOM * index, self._name_length
                message.vectors, message.vector_count = vectors, count
                if self._infos:
                    message.control = control + _CONTROL_ROOM * index
                    message.control_length = self._infos.room

    def receive(self) -> int:
        """Wait for packets, and take all that are there.

        Returns:
            How many; 0 if there were none in time, or a signal came.

        Raises:
            OSError: the socket is of no use.
        """
        if self._infos:
            self._infos.make_room(self._incoming)
        count: int = self._receive(self._descriptor, self._incoming_at, SIZE, _MSG_WAITFORONE, None)
        if count < 0:
            number = ctypes.get_errno()
            if number in {errno.EAGAIN, errno.EINTR}:
                return 0
            raise OSError(number, os.strerror(number))
        for to, source in (self._prepared.get(count) or self._prepare(count))[0]:
            to[:] = source
        if self._infos:
            self._infos.turn(count)
        return count

    def send(self, records: bytes, unsent: Sequence[int] = ()) -> None:
        """Send a response to each packet of the batch. Who cannot be reached is left out. ``keys`` are spoiled by it.

        Args:
            records: ``pin`` of each response, one after the other; ``UNSENT`` for those without.
            unsent: places of those without a response, in order.
        """
        count = len(records) // len(UNSENT)
        self._records[: len(records)] = records
        for to, source in (self._prepared.get(count) or self._prepare(count))[1]:
            to[:] = source
        start = 0
        for end in (*unsent, count):
            while start < end:
                sent: int = self._send(self._descriptor, self._outgoing_at + 64 * start, end - start, 0)
                if sent > 0:
                    start += sent
                elif ctypes.get_errno() != errno.EINTR:
                    start += 1  # port 0, no route, a firewall that forbids it
            start = end + 1

    def echo(self, index: int, record: bytes, tail: bytes) -> None:
        """Have the response that ``record`` tells of end with ``tail``, whatever the packet has there."""
        start = index * PLACE + record[_TAIL_AT]
        self._places[start : start + len(tail)] = tail

    def packet(self, index: int) -> bytes:
        """A packet as it came."""
        id_, key = self._ids[2 * index : 2 * index + 2], self.keys[index]
        packet: bytes = id_ + key[2:]
        return packet[: len(key)]

    def hosts(self, count: int) -> tuple[bytes, ...]:
        """The octets of the addresses that the first so many packets came from."""
        return self._hosts[count](self._names)

    def source(self, index: int) -> str:
        """That address, as text."""
        return socket.inet_ntop(self._family, *self._host.unpack_from(self._names, index * _NAME_ROOM))


class _Infos:
    """Where packets were sent to, which becomes where responses leave from (ip(7); RFC 3542, section 6)."""

    def __init__(self, control: Any, family: int) -> None:
        size, interface = _INFOS[socket.AddressFamily(family)]
        self.room = socket.CMSG_SPACE(size)
        self._full = memoryview(struct.pack("Q", self.room) * SIZE).cast("Q")
        self._none = memoryview(bytes(4 * SIZE)).cast("I")
        octets = memoryview(control).cast("B")
        self._interfaces = octets.cast("I")[(_CMSG_HEAD + interface) // 4 :: _CONTROL_ROOM // 4]
        self._starts = octets.cast("H")[_CMSG_HEAD // 2 :: _CONTROL_ROOM // 2] if family == socket.AF_INET6 else None

    def make_room(self, messages: Any) -> None:
        """Undo what the kernel says about how much it has written."""
        memoryview(messages).cast("B").cast("Q")[5::8] = self._full

    def turn(self, count: int) -> None:
        """Any interface may be used for the way back; but an address of one link only means something on that."""
        starts = self._starts[:count].tolist() if self._starts is not None else ()
        if _LINK_LOCAL not in starts:
            self._interfaces[:count] = self._none[:count]
            return
        for index, start in enumerate(starts):
            if start != _LINK_LOCAL:
                self._interfaces[index] = 0


def _calls() -> tuple[Any, Any]:
    library = ctypes.CDLL(None, use_errno=True)
    receive, send = library.recvmmsg, library.sendmmsg
    receive.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)
    send.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)
    return receive, send


def obstacle() -> str:
    """Why batches cannot be used here; empty where they can. Tries it, with packets between two sockets."""
    if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        return f"{sys.implementation.name} without the usual interpreter lock"
    if sys.byteorder != "little" or ctypes.sizeof(ctypes.c_void_p) != ctypes.sizeof(ctypes.c_uint64):
        return "not a little-endian machine of 64 bits"
    if not _is_usual(b""):
        return "bytes are laid out in another way"
    try:
        return "" if _works() else "packets did not come through"
    except (OSError, AttributeError, ValueError) as error:
        return f"batched system calls fail: {error}"


def _is_usual(empty: bytes) -> bool:
    """Whether objects of ``bytes`` have their parts where they are written here."""
    if HEAD != 32:  # noqa: PLR2004  four words, as said above
        return False
    for content in (b"\0" + empty, b"some octets" + empty, bytes(range(256)) * 2 + empty):
        made = bytes(bytearray(content))
        before = ctypes.c_int64.from_address(id(made) + 24).value
        type_, length = (ctypes.c_uint64.from_address(id(made) + at).value for at in (8, 16))
        stored = ctypes.string_at(id(made) + HEAD, len(content))
        value = hash(made)
        after = ctypes.c_int64.from_address(id(made) + 24).value
        if (type_, length, stored, after) != (id(bytes), len(content), content, value) or before not in {-1, value}:
            return False
    return True


def _works() -> bool:
    """Whether packets of several lengths are found in a dictionary, twice, and answered with what is theirs."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs:
        theirs.settimeout(1.0)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", 1, 0))
        batch = Batch(ours, destination=False)
        for round_ in range(2):
            contents = [bytes([length % 251]) * length for length in (10, 40, 300, 41 + round_)]
            known = {
                b"\0\0" + content: Parts(b"ten octets", b"re:" + content, end, end, end % 6)
                for content, end in zip(contents, (12, 31, 32, 13), strict=True)
            }
            for number, content in enumerate(contents):
                theirs.send(struct.pack(">H", 1000 * round_ + number) + content)
            if batch.receive() != len(contents):
                return False
            keys = batch.keys[: len(contents)]
            parts = [known.get(key, whole(bytes(HEADER_SIZE))) for key in keys]
            expected = [made.joined(key) for made, key in zip(parts, keys, strict=True)]
            batch.send(b"".join(map(pin, parts)))
            for number, response in enumerate(expected):
                if theirs.recv(MAX_PACKET) != struct.pack(">H", 1000 * round_ + number) + response:
                    return False
    return True
