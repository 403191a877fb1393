"""Proves that a server which sends without end costs a worker little memory, and never the whole timeout."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Any

import pytest

from executions.targets.base import Succeeded
from executions.targets.http.meter import MAX_SMALL_READS_PER_SECOND, N_FREE_READS, Meter
from tests.call_counter import counted_calls
from tests.executions.targets.http.hostile import CHUNKED, ENDLESS
from tests.executions.targets.http.sending import OK, allowed, failure, result_of, send
from tests.raw_server import raw_server
from tests.receiver import answer, raw
from tests.target_context import RecordingContext

if TYPE_CHECKING:
    from pathlib import Path

    from tests.receiver import Receiver

BODY_BYTES = 64 * 1024


@pytest.mark.long
@allowed
@pytest.mark.parametrize(("reply", "ends"), ENDLESS.values(), ids=ENDLESS)
def test_an_endless_response_is_cut_off_and_its_connection_closed(receiver: Receiver, reply: Any, ends: str) -> None:
    receiver.script("/endless", reply, answer(200))
    outcome = send(receiver.url("/endless"), context=RecordingContext(60))
    if ends == "refused":
        assert failure(outcome) == ("invalid_response", False)
    else:
        assert isinstance(outcome, Succeeded)
        response = result_of(outcome)["response"]
        assert (response["status"], response["truncated"]) == (200, ends == "cut")
    send(receiver.url("/endless"))
    assert receiver.requests[0].client_port != receiver.requests[1].client_port


@pytest.mark.long
@allowed
def test_a_body_in_chunks_of_one_byte_is_recorded_whole(receiver: Receiver) -> None:
    receiver.script("/x", raw(CHUNKED + b"\r\n", b"1\r\n.\r\n" * BODY_BYTES, b"0\r\nX-Sum: 1\r\n\r\n"))
    response = result_of(send(receiver.url("/x")))["response"]
    assert (response["n_bytes"], response["truncated"]) == (BODY_BYTES, False)


@allowed
def test_a_few_interim_responses_are_skipped(receiver: Receiver) -> None:
    receiver.script("/x", raw(b"HTTP/1.1 100 Continue\r\nX-A: b\r\n\r\n" * 20, OK + b"Content-Length: 2\r\n\r\nok"))
    response = result_of(send(receiver.url("/x")))["response"]
    assert (response["status"], response["body"], response["truncated"]) == (200, "ok", False)


BYTE_BY_BYTE = {
    "body": OK + b"\r\n" + b"." * BODY_BYTES,
    "chunks": CHUNKED + b"\r\n" + b"1\r\n.\r\n" * 10_000 + b"0\r\n\r\n",
    "headers": (OK + b"X-Long: " + b"a" * 60_000 + b"\r\n") * 2,
}


@pytest.mark.long
@allowed
@pytest.mark.parametrize("data", BYTE_BY_BYTE.values(), ids=BYTE_BY_BYTE)
@pytest.mark.parametrize("with_tls", [False, True])
def test_a_response_that_arrives_byte_by_byte_is_not_read_byte_by_byte(
    data: bytes, with_tls: bool, certificate: tuple[Path, Path]
) -> None:
    seconds = 4

    def drip(peer: socket.socket) -> None:
        for index in range(len(data)):
            peer.sendall(data[index : index + 1])
        peer.shutdown(socket.SHUT_RDWR)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with (
        raw_server(drip, tls=context if with_tls else None) as server,
        counted_calls(of=Meter.readinto.__code__) as reads,
    ):
        send(server.url(), verify_tls=False, context=RecordingContext(seconds))
    n_allowed = 2 * (N_FREE_READS + seconds * MAX_SMALL_READS_PER_SECOND)  # a busy machine may notice the timeout late
    assert reads.n_of <= n_allowed
    assert reads.n <= 40 * n_allowed
