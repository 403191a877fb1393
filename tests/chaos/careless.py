"""A server that does everything wrong on the first tries of a run, and answers with the run's id at last."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.receiver import answer, raw

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.receiver import Handler, Reply

N_CARELESS_ATTEMPTS = 2  # of a run; later attempts get a correct answer
SILENCE = 10.0  # seconds; longer than the timeout of the jobs that call this server
TINY_CHUNKS = b"1\r\n.\r\n" * 20_000


def careless_server(chance: random.Random) -> Reply:
    """Answer the first attempts of each run with a careless reply, chosen at random."""

    def reply(handler: Handler) -> None:
        headers = handler.request_seen.headers
        key = headers["idempotency-key"].encode()
        if int(headers["mainspring-attempt"]) <= N_CARELESS_ATTEMPTS:
            chance.choice(CARELESS)(key)(handler)
        else:
            answer(200, key)(handler)

    return reply


def _complete(key: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(key), key)


def _answer_and_a_late_second_one(key: bytes) -> Reply:
    def reply(handler: Handler) -> None:
        handler.wfile.write(_complete(key))
        handler.receiver.pause(0.2)
        handler.wfile.write(_complete(b"the answer of nobody"))  # the connection stays open

    return reply


CARELESS: list[Callable[[bytes], Reply]] = [
    lambda key: raw(b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", _complete(key)),
    lambda key: raw(),
    lambda key: raw(_complete(key)[:-5]),
    lambda key: raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", TINY_CHUNKS, b"0\r\n\r\n"),
    lambda key: raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
    lambda key: answer(200, key, after=SILENCE),
    lambda key: answer(503, b"busy", {"Retry-After": "1"}),
    lambda key: answer(503, b"busy", {"Retry-After": "soon"}),
    lambda key: answer(200, bytes(1024 * 1024)),
    _answer_and_a_late_second_one,
]
