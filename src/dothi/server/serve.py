"""Runs the server until it is interrupted."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import uvicorn

from dothi.errors import DothiError, InputError, Problem
from dothi.server.app import create_app
from dothi.server.guard import LOOPBACK

if TYPE_CHECKING:
    from fastapi import FastAPI

    from dothi.jobs import Progress
    from dothi.study import Study

TRIED_PORTS: Final = 100
GRACE_S: Final = 2
"""How long answers under way may take after an interruption."""


def listen(host: str, port: int) -> socket.socket:
    """
    Socket on the wanted port, or on the next one that is free.

    Parameters
    ----------
    host
        Address or name of this machine.
    port
        First port tried; 0 lets the system choose.

    Raises
    ------
    InputError
        The host is no address of this machine.
    DothiError
        None of `TRIED_PORTS` ports is free.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError) as error:
        raise InputError([Problem(f"is an address or name of this machine (is {host!r})", column="--host")]) from error
    last = min(port + TRIED_PORTS, 65_536) if port else 1
    for candidate in range(port, last):
        found = socket.socket(family, socket.SOCK_STREAM)
        if os.name != "nt":  # there, it would let two servers share one port
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((address[0], candidate, *address[2:]))
            found.listen(128)
        except PermissionError:
            found.close()
        except OSError as error:
            found.close()
            if candidate == port and not _is_taken(error):
                rule = f"is an address of this machine (is {host!r}: {error.strerror})"
                raise InputError([Problem(rule, column="--host")]) from error
        else:
            return found
    raise DothiError(f"None of the ports {port} to {last - 1} is free; choose another with --port.")


def _is_taken(error: OSError) -> bool:
    return error.errno in (errno.EADDRINUSE, errno.EACCES)


def address_of(listening: socket.socket) -> str:
    """Address to open in a browser."""
    host, port = listening.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = "127.0.0.1" if listening.family == socket.AF_INET else "::1"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def is_loopback(host: str) -> bool:
    """Whether only this very machine can ask under an address or name."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def prepare(study: Study, host: str, progress: Progress | None = None) -> FastAPI:
    """
    App of a study whose scene is made.

    Raises
    ------
    InputError
        The study has no built city.
    """
    app = create_app(study, hosts=LOOPBACK if is_loopback(host) else None)
    cities = app.state.cities
    cities.scene(cities.current(), progress)
    return app


def run(app: FastAPI, listening: socket.socket, started: Callable[[], None]) -> None:
    """
    Answer until interrupted.

    Parameters
    ----------
    app
        What answers.
    listening
        Where it is asked.
    started
        Called once it answers.

    Raises
    ------
    KeyboardInterrupt
        It was interrupted; answers under way were given up to `GRACE_S` seconds.
    """
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=GRACE_S, ws="none"
    )
    _Server(config, started, app.state.runs.close).run([listening])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, started: Callable[[], None], ending: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell = started
        self._end = ending

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._tell()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._end()  # streams of events end first, so that nobody has to be cut off
        await super().shutdown(sockets)
