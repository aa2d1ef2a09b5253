"""One file from a web address: whole, checked, resumed where it was cut off, kept for the next time."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urljoin, urlsplit

import requests

from dothi.errors import InputError, Problem, Problems
from dothi.io.files import CHUNK, flush_folder, replacing, sha256, write_text

Kind = Literal["any", "osm", "pbf", "tiff"]
Progress = Callable[[str, int, int | None], None]
"""Called with a label, the bytes that are here, and how many there will be where that is known."""

MAX_BYTES: Final = 8 << 30
MAX_REDIRECTS: Final = 5
MAX_WAIT_S: Final = 120.0
MAX_ATTEMPTS: Final = 50
"""Attempts at one file in all, however much progress each of them makes."""
TRY_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
NOT_THERE: Final = frozenset({404, 410})
SNIFFED: Final = 1024
READ: Final = 1 << 14
"""Bytes read at once; what is lost of a body that breaks off is less than this."""

_KIND_NAMES: Final[Mapping[Kind, str]] = {
    "any": "a data file",
    "osm": "OpenStreetMap XML",
    "pbf": "an OpenStreetMap PBF extract",
    "tiff": "a GeoTIFF",
}


class NotFoundError(InputError):
    """The server says that there is no such file."""


class _AgainError(Exception):
    """An attempt failed in a way that may pass."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        self.reason = reason
        self.wait_s = wait_s
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Fetcher:
    """
    How files are fetched.

    Attributes
    ----------
    cache
        Folder of kept files, or nothing to keep none.
    timeout_s
        Longest silence of a server [s].
    retries
        Attempts after the first that may pass without a single new byte.
    backoff_s
        Pause before the second attempt [s]; it doubles with each further one.
    max_bytes
        Largest file taken.
    sleep
        What waits; tests put their own here.
    """

    cache: Path | None = None
    timeout_s: float = 60.0
    retries: int = 6
    backoff_s: float = 2.0
    max_bytes: int = MAX_BYTES
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)


@cache
def _user_agent() -> str:
    """Who asks; public services want to know."""
    try:
        return f"Dothi/{version('dothi')}"
    except PackageNotFoundError:
        return "Dothi"


def user_cache() -> Path:
    """Folder of kept downloads of this user."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("dothi", appauthor=False)) / "downloads"


def download(
    url: str,
    target: Path,
    problems: Problems,
    *,
    checksum: str = "",
    kind: Kind = "any",
    label: str = "",
    progress: Progress | None = None,
    fetcher: Fetcher | None = None,
) -> Path:
    """
    Fetch one file.

    The body goes to a file beside the target that ends with ``.part``. An attempt that is cut off goes on from there,
    provided the server can tell that the file is still the same (ETag or Last-Modified) [1]_; else it begins anew.
    The target appears only when it is whole and checked. A kept copy is asked for again only by its ETag, and is used
    with a note where the server cannot be reached.

    Parameters
    ----------
    url
        Address, ``http`` or ``https``; redirections elsewhere or from ``https`` to ``http`` are refused.
    target
        Where the file goes.
    problems
        Collector of notes.
    checksum
        ``sha256:…`` or ``md5:…`` in hexadecimal; a target that already has it is not fetched.
    kind
        What the file should be; a web page in its place is refused.
    label
        What it is called in progress and messages; the address by default.
    progress
        Called as bytes arrive.
    fetcher
        Cache, timeouts and limits.

    Returns
    -------
    pathlib.Path
        The target.

    Raises
    ------
    NotFoundError
        The server has no such file.
    InputError
        Anything else that went wrong, with the address and what happened.

    References
    ----------
    .. [1] RFC 9110, HTTP Semantics, 2022, sec. 13.1.5 (If-Range) and 14.2 (Range).
    """
    fetcher = fetcher or Fetcher()
    algorithm, digest = _parse_checksum(checksum, url)
    if digest and target.is_file() and _digest(target, algorithm) == digest:
        return target
    _check_address(url, url)
    try:
        return _Download(url, target, problems, algorithm, digest, kind, label or url, progress, fetcher).run()
    except OSError as error:
        raise _failure(url, f"cannot be saved as {target}: {error.strerror or error}") from error


def _failure(url: str, what: str, cls: type[InputError] = InputError) -> InputError:
    return cls([Problem(what, file=url)])


def _parse_checksum(checksum: str, url: str) -> tuple[str, str]:
    if not checksum:
        return "", ""
    algorithm, _, digest = checksum.strip().lower().partition(":")
    length = {"sha256": 64, "md5": 32}.get(algorithm, -1)
    if len(digest) != length or not set(digest) <= set("0123456789abcdef"):
        raise _failure(url, f"checksum is sha256:<64 hexadecimal digits> or md5:<32>, not {checksum!r}")
    return algorithm, digest


def _digest(path: Path, algorithm: str) -> str:
    if algorithm == "sha256":
        return sha256(path)
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as handle:
        while chunk := handle.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _check_address(url: str, asked: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _failure(asked, f"address begins with http:// or https:// (got {url!r})")
    if urlsplit(asked).scheme == "https" and parts.scheme != "https":
        raise _failure(asked, f"the server sends on to an unprotected address, {url!r}")


@dataclass(slots=True)
class _Download:
    url: str
    target: Path
    problems: Problems
    algorithm: str
    digest: str
    kind: Kind
    label: str
    progress: Progress | None
    fetcher: Fetcher

    @property
    def part(self) -> Path:
        return self.target.with_name(f".{self.target.name}.part")

    @property
    def part_facts(self) -> Path:
        return self.target.with_name(f".{self.target.name}.part.json")

    @property
    def kept(self) -> Path | None:
        cache = self.fetcher.cache
        return cache / hashlib.sha256(self.url.encode()).hexdigest() if cache else None

    @property
    def kept_facts(self) -> Path | None:
        return self.kept.with_suffix(".json") if self.kept else None

    def run(self) -> Path:
        self.target.parent.mkdir(parents=True, exist_ok=True)
        idle, attempt, reason = 0, 0, ""
        with requests.Session() as session:
            while True:
                before = self._size()
                try:
                    if self._attempt(session):
                        return self.target
                    continue
                except _AgainError as again:
                    reason, wait_s = again.reason, again.wait_s
                attempt += 1
                idle = 0 if self._size() > before else idle + 1
                if idle > self.fetcher.retries or attempt >= MAX_ATTEMPTS:
                    return self._give_up(reason)
                pause = wait_s if wait_s is not None else self.fetcher.backoff_s * 2.0 ** max(idle - 1, 0)
                self.fetcher.sleep(min(pause, MAX_WAIT_S))

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.is_file() else 0

    def _give_up(self, reason: str) -> Path:
        """Fall back on the kept copy, or say what happened."""
        facts = _read_facts(self.kept_facts)
        if self.kept and self.kept.is_file() and facts:
            try:
                self._take_kept(facts)
            except _AgainError:
                pass
            else:
                day = str(facts.get("fetched", ""))[:10]
                self.problems.note(f"{self.label}: {reason}; the copy kept since {day} is used")
                return self.target
        have = f"; {self._size()} bytes are kept, the next try goes on from there" if self._resumable() else ""
        raise _failure(self.url, f"{reason}; gave up after {self.fetcher.retries + 1} attempts{have}")

    def _resumable(self) -> bool:
        facts = _read_facts(self.part_facts)
        return self._size() > 0 and facts.get("url") == self.url and bool(_validator(facts))

    def _attempt(self, session: requests.Session) -> bool:
        """Ask once; true where the target is there, false to ask again at once, `_AgainError` to ask later."""
        headers = {"User-Agent": _user_agent(), "Accept-Encoding": "identity"}
        start = 0
        kept = _read_facts(self.kept_facts) if self.kept and self.kept.is_file() else {}
        if self._resumable():
            start = self._size()
            headers |= {"Range": f"bytes={start}-", "If-Range": _validator(_read_facts(self.part_facts))}
        else:
            self._forget_part()
            headers |= {"If-None-Match": kept["etag"]} if kept.get("etag") else {}
            if kept.get("last_modified") and not kept.get("etag"):
                headers |= {"If-Modified-Since": kept["last_modified"]}
        try:
            with self._get(session, headers) as response:
                return self._receive(response, start, kept)
        except requests.exceptions.Timeout as error:
            raise _AgainError(f"no answer within {self.fetcher.timeout_s:g} s") from error
        except requests.exceptions.SSLError as error:
            raise _failure(self.url, f"the certificate of the server is not trusted: {_brief(error)}") from error
        except (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError) as error:
            raise _AgainError("the connection broke off in the middle of the file") from error
        except requests.exceptions.ConnectionError as error:
            if "Read timed out" in str(error):
                raise _AgainError(f"no answer within {self.fetcher.timeout_s:g} s") from error
            raise _AgainError(f"the server cannot be reached: {_brief(error)}") from error
        except requests.exceptions.RequestException as error:
            raise _failure(self.url, f"cannot be asked for: {_brief(error)}") from error

    def _get(self, session: requests.Session, headers: Mapping[str, str]) -> requests.Response:
        """Answer after redirections, each of them checked."""
        url = self.url
        for _ in range(MAX_REDIRECTS + 1):
            response = session.get(
                url, headers=headers, stream=True, timeout=self.fetcher.timeout_s, allow_redirects=False
            )
            if not response.is_redirect:
                return response
            url = urljoin(url, response.headers["Location"])
            response.close()
            _check_address(url, self.url)
        raise _failure(self.url, f"the server sends on more than {MAX_REDIRECTS} times")

    def _receive(self, response: requests.Response, start: int, kept: Mapping[str, Any]) -> bool:
        status = response.status_code
        if status == requests.codes.not_modified and kept:
            self._take_kept(kept)
            return True
        if status == requests.codes.requested_range_not_satisfiable and start:
            whole = response.headers.get("Content-Range", "").rpartition("/")[2]
            if whole == str(start):
                self._finish(_facts(response, self.url))
                return True
            self._forget_part()
            return False
        self._check_status(response)
        if status == requests.codes.partial and not start:
            raise _AgainError("the server sends a part that was not asked for")
        if status == requests.codes.partial:
            if not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
                self._forget_part()
                return False
        else:
            start = 0
        facts = _facts(response, self.url)
        length = response.headers.get("Content-Length", "")
        encoded = response.headers.get("Content-Encoding", "identity") != "identity"
        total = start + int(length) if length.isdigit() and not encoded else None
        self._check_size(total or 0)
        # A body that was decoded on the way cannot be continued by counting bytes.
        write_text(self.part_facts, json.dumps(facts if not encoded else {"url": self.url}))
        self._write(response, start, total)
        if total is not None and self._size() != total:
            raise _AgainError(f"the connection broke off at {self._size()} of {total} bytes")
        self._finish(facts)
        return True

    def _check_status(self, response: requests.Response) -> None:
        status, reason = response.status_code, response.reason or ""
        if status in NOT_THERE:
            raise _failure(self.url, f"the server has no such file ({status} {reason})", NotFoundError)
        if status in TRY_AGAIN:
            wait_s = _retry_after(response.headers.get("Retry-After", ""))
            if wait_s is not None and wait_s > MAX_WAIT_S:
                raise _failure(self.url, f"the server asks to come back in {wait_s:.0f} s ({status} {reason})")
            raise _AgainError(f"the server answers {status} {reason}", wait_s)
        if status not in (requests.codes.ok, requests.codes.partial):
            raise _failure(self.url, f"the server answers {status} {reason}{_said(response)}")

    def _check_size(self, size: int) -> None:
        if size > self.fetcher.max_bytes:
            self._forget_part()
            limit = self.fetcher.max_bytes / 1e6
            raise _failure(self.url, f"the file is larger than the limit of {limit:.0f} MB")

    def _write(self, response: requests.Response, start: int, total: int | None) -> None:
        here = start
        with self.part.open("ab" if start else "wb") as handle:
            for chunk in response.iter_content(READ):
                if here == 0:
                    self._check_kind(chunk, response.headers.get("Content-Type", ""))
                handle.write(chunk)
                here += len(chunk)
                self._check_size(here)
                if self.progress:
                    self.progress(self.label, here, total)

    def _check_kind(self, beginning: bytes, content_type: str) -> None:
        head = beginning[:SNIFFED]
        text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        page = text.startswith((b"<!doctype html", b"<html")) or (
            content_type.startswith("text/html") and self.kind != "any"
        )
        fits = {
            "any": True,
            "osm": b"<osm" in head,
            "pbf": b"OSMHeader" in head,
            "tiff": head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
        }[self.kind]
        if page or not fits:
            self._forget_part()
            got = f"a web page{_quoted(beginning)}" if page else f"something else{_quoted(beginning)}"
            raise _failure(self.url, f"the server sends {got} instead of {_KIND_NAMES[self.kind]}")

    def _finish(self, facts: Mapping[str, Any]) -> None:
        """Check what arrived, keep a copy, put it in place."""
        if self._size() == 0:
            self._forget_part()
            raise _AgainError("the server sends an empty file")
        if self.digest:
            found = _digest(self.part, self.algorithm)
            if found != self.digest:
                self._forget_part()
                wanted = f"{self.algorithm} {self.digest[:12]}…, found {found[:12]}…"
                raise _failure(self.url, f"the file does not have its checksum: wanted {wanted}")
        if self.kept and self.kept_facts:
            with replacing(self.kept) as copy:
                shutil.copyfile(self.part, copy)
            write_text(self.kept_facts, json.dumps({**facts, "sha256": sha256(self.part)}))
        self.part.replace(self.target)
        flush_folder(self.target.parent)
        self._forget_part()

    def _take_kept(self, facts: Mapping[str, Any]) -> None:
        """Put the kept copy in place, unless it was damaged."""
        if self.kept is None or self.kept_facts is None:
            return
        if sha256(self.kept) != facts.get("sha256"):
            self.kept.unlink(missing_ok=True)
            self.kept_facts.unlink(missing_ok=True)
            raise _AgainError("the kept copy is damaged", 0.0)
        with replacing(self.target) as copy:
            shutil.copyfile(self.kept, copy)
        if self.progress:
            size = self.target.stat().st_size
            self.progress(self.label, size, size)

    def _forget_part(self) -> None:
        self.part.unlink(missing_ok=True)
        self.part_facts.unlink(missing_ok=True)


def _facts(response: requests.Response, url: str) -> dict[str, str]:
    """What tells later whether the file is still the same."""
    return {
        "url": url,
        "etag": response.headers.get("ETag", ""),
        "last_modified": response.headers.get("Last-Modified", ""),
        "fetched": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _read_facts(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    with suppress(OSError, ValueError):
        facts = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(facts, dict):
            return facts
    return {}


def _validator(facts: Mapping[str, Any]) -> str:
    """Value for If-Range: a strong ETag, or a date; a weak ETag does not promise the same bytes."""
    etag = str(facts.get("etag") or "")
    if etag and not etag.startswith("W/"):
        return etag
    return "" if etag else str(facts.get("last_modified") or "")


def _retry_after(value: str) -> float | None:
    """Seconds to wait, from a number or a date."""
    if value.strip().isdigit():
        return float(value)
    with suppress(ValueError, TypeError):
        when = parsedate_to_datetime(value)
        return max(0.0, (when - datetime.now(when.tzinfo or UTC)).total_seconds())
    return None


def _said(response: requests.Response) -> str:
    """Beginning of the body of a refusal."""
    with suppress(requests.exceptions.RequestException):
        return _quoted(next(response.iter_content(SNIFFED), b""))
    return ""


def _quoted(body: bytes) -> str:
    """First words of a body, without tags, for a message."""
    text = re.sub(r"(?is)<(script|style|head)\b.*?</\1>|<[^>]*>", " ", body[: 4 * SNIFFED].decode("utf-8", "replace"))
    words = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return f" ({words[:120]!r})" if words else ""


def _brief(error: BaseException) -> str:
    """Innermost reason of a chain of errors of the HTTP library."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return str(error) or type(error).__name__
