"""What holds for every request: who may ask, what a page may load, and answers to HEAD."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from dothi.errors import Problem
from dothi.server.problems import answer

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
"""
Names by which this machine is asked for.

A page from elsewhere can have its own name lead to 127.0.0.1 (DNS rebinding), but it cannot make a browser ask by one
of these.
"""

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'self'; img-src 'self' data: blob:; worker-src 'self' blob:; style-src-attr 'unsafe-inline'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""Everything comes from this server; attributes alone may carry styles, since charts place their parts by them."""
HEADERS: Final = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


ASKING: Final = frozenset(("GET", "HEAD"))
"""Methods that change nothing."""


class Guard:
    """
    Checks who asks, and by which name, adds the headers of safety, and answers HEAD like GET without a body.

    Parameters
    ----------
    app
        What is guarded.
    hosts
        Names that may be asked for, without port; any where None.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] | None = LOOPBACK) -> None:
        self.app = app
        self.hosts = None if hosts is None else frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        bare = scope["method"] == "HEAD"

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *HEADERS]
            elif bare and message["type"] == "http.response.body":
                message = {"type": "http.response.body", "body": b"", "more_body": message.get("more_body", False)}
            await send(message)

        if self.hosts is not None and _host(scope) not in self.hosts:
            rule = (
                f"is asked for by one of its own names: {', '.join(sorted(self.hosts))}; dothi serve --host allows more"
            )
            await answer(400, [Problem(rule)])(scope, receive, guarded)
            return
        if scope["method"] not in ASKING and (reason := self._refusal(scope)):
            await answer(403, [Problem(reason)])(scope, receive, guarded)
            return
        await self.app({**scope, "method": "GET", "bare": True} if bare else scope, receive, guarded)

    def _refusal(self, scope: Scope) -> str:
        """
        Why a request may not change anything; empty where it may.

        Only this machine may, under one of its own names. A page from elsewhere cannot: browsers say where a request
        comes from (Origin, Sec-Fetch-Site), and ask first before they send JSON or DELETE to a foreign place, which
        nobody here allows.
        """
        if self.hosts is None or _host(scope) not in LOOPBACK:
            return "is changed only where dothi serve answers this machine alone, that is without --host"
        origin, site = _header(scope, b"origin"), _header(scope, b"sec-fetch-site")
        if origin and origin != f"{scope['scheme']}://{_header(scope, b'host')}":
            return "is changed only by the page that this server sent"
        if site and site not in ("same-origin", "none"):
            return "is changed only by the page that this server sent"
        return ""


def _header(scope: Scope, wanted: bytes) -> str:
    """First header of a name, small letters."""
    return next((value for name, value in scope["headers"] if name == wanted), b"").decode("latin-1").lower()


def _host(scope: Scope) -> str:
    """Name in the Host header without its port, small letters."""
    host = _header(scope, b"host")
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() and (name.startswith("[") or ":" not in name) else host
