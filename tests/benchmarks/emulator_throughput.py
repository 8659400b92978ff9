"""Measures how many invoices a second the emulator takes, empty and with 100,000 invoices in it.

Run it as `python tests/benchmarks/emulator_throughput.py [--requests N] [--volume N]`. The server
is a process of its own, bound to one core where the system allows it; the client is a plain socket
with keep-alive on another core, so that a slow client is not measured. Limits are off. On a busy
machine look at the second figure, creates for each second of processor time the server used.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import socket
import statistics
import sys
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dunahub_qbo_plugin.emulator.server.serve import serve
from dunahub_qbo_plugin.emulator.world.throttle import ThrottleSettings
from dunahub_qbo_plugin.emulator.world.world import SEEDS, World

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

REALM = SEEDS["contractor"][0]
WARM_UP = 300


def bind_to(core: int) -> None:
    """Keeps this process on one core, where the system can."""
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {core})


def server(pipe: Connection) -> None:
    """Serves until told to stop; says address and access token."""
    bind_to(0)
    limits = ThrottleSettings(per_minute=None, concurrent=None, batch_per_minute=None)
    world = World.default(seeds=["contractor"], throttle=limits)
    with serve(world) as running:
        pipe.send((running.url, world.connect(realm=REALM).access_token))
        while pipe.recv() != "stop":
            pipe.send(time.process_time())


class Client:
    """A client that costs next to nothing."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname, parts.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stream = self._socket.makefile("rb")
        self._head = (
            f"Host: {parts.netloc}\r\nAuthorization: Bearer {token}\r\n"
            "Accept: application/json\r\nContent-Type: application/json\r\n"
        ).encode()

    def post(self, path: str, body: bytes) -> bytes:
        """Posts a body and returns the answer's.

        Raises:
            RuntimeError: The answer is not 200.
        """
        start = f"POST /v3/company/{REALM}{path} HTTP/1.1\r\n".encode()
        length = f"Content-Length: {len(body)}\r\n\r\n".encode()
        self._socket.sendall(start + self._head + length + body)
        status = self._stream.readline()
        while self._stream.readline() != b"\r\n":
            pass
        answer = self._chunks()
        if b" 200 " not in status:
            raise RuntimeError(f"{status!r} {answer[:300]!r}")
        return answer

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self._stream.readline(), 16):
            parts.append(self._stream.read(size))
            self._stream.readline()
        self._stream.readline()
        return b"".join(parts)

    def close(self) -> None:
        """Closes the connection."""
        self._stream.close()
        self._socket.close()


def invoice(customer: str, number: int) -> bytes:
    """An invoice as a CRM sends it: two lines, number, dates, note."""
    line: dict[str, Any] = {
        "DetailType": "SalesItemLineDetail",
        "Amount": 149.5,
        "Description": "Clean gutters and downspouts",
        "SalesItemLineDetail": {"ItemRef": {"value": "3"}, "Qty": 1, "UnitPrice": 149.5},
    }
    content = {
        "CustomerRef": {"value": customer},
        "DocNumber": f"N{number}",
        "TxnDate": "2026-09-14",
        "DueDate": "2026-10-14",
        "PrivateNote": f"Job {number}",
        "Line": [line, line],
    }
    return json.dumps(content).encode()


def measure(
    url: str, token: str, customer: str, *, first: int, count: int, clients: int
) -> tuple[float, float]:
    """Creates so many invoices over so many connections.

    Returns:
        Creates a second, and the median time of one in milliseconds.
    """
    times: list[float] = []

    def work(offset: int) -> None:
        client = Client(url, token)
        for number in range(first + offset, first + count, clients):
            body = invoice(customer, number)
            sent = time.perf_counter()
            client.post("/invoice?minorversion=75", body)
            times.append(time.perf_counter() - sent)
        client.close()

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    return count / took, statistics.median(times) * 1000


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--volume", type=int, default=100_000)
    options = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=server, args=(theirs,))
    process.start()
    url, token = ours.recv()
    bind_to(1)

    def server_seconds() -> float:
        ours.send("time")
        seconds: float = ours.recv()
        return seconds

    opener = Client(url, token)
    made = json.loads(opener.post("/customer", b'{"DisplayName": "Bench"}'))
    customer, number = made["Customer"]["Id"], 0
    measure(url, token, customer, first=number, count=WARM_UP, clients=1)
    number += WARM_UP
    for label in ("empty", f"{options.volume:,} invoices"):
        for clients in (1, 4):
            before = server_seconds()
            rate, median = measure(
                url, token, customer, first=number, count=options.requests, clients=clients
            )
            of_core = options.requests / (server_seconds() - before)
            number += options.requests
            sys.stdout.write(
                f"{label:>18}, {clients} connection(s): {rate:6,.0f} invoice creates a second, "
                f"{of_core:6,.0f} a second of the server's processor time, median {median:.2f} ms\n"
            )
        missing = options.volume - number
        if missing > 0:
            rate, _ = measure(url, token, customer, first=number, count=missing, clients=4)
            number += missing
            sys.stdout.write(f"{'filling up':>18}: {rate:8,.0f} a second\n")
    opener.close()
    ours.send("stop")
    process.join()


if __name__ == "__main__":
    main()
