"""Proves that a server which sends without end costs a worker little memory, and never the whole timeout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from executions.targets.base import Succeeded
from tests.executions.targets.http.hostile import CHUNKED, ENDLESS
from tests.executions.targets.http.sending import OK, allowed, failure, result_of, send
from tests.receiver import answer, raw
from tests.target_context import RecordingContext

if TYPE_CHECKING:
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
