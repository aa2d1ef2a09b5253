"""Downloads against a server on this machine that misbehaves in every way seen in the wild."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import osmium
import pytest
import rasterio
from rasterio.transform import Affine

from dothi.crs import LONLAT, Extent
from dothi.errors import InputError, Problems
from dothi.io import fetch as fetch_module
from dothi.io.fetch import READ, Fetcher, NotFoundError, download
from dothi.io.remote import (
    Service,
    Services,
    area_km2,
    dem_tile,
    fetch_dem,
    fetch_osm,
    fetch_place,
    fetch_population,
    overpass_query,
)
from dothi.place.gazetteer import find_place
from dothi.place.services import load_services

BODY = bytes(range(256)) * 4096  # 1 MiB
SHA = "sha256:" + hashlib.sha256(BODY).hexdigest()
ETAG = '"one"'
CUT = 20 * READ


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self):
        self.server.site.asked.append((self.path, dict(self.headers)))
        answer = self.server.site.answers.get(urlsplit(self.path).path)
        if answer is None:
            self.reply(404, b"nothing here")
        else:
            answer(self)

    def reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        headers.setdefault("Content_Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def cut_off(self, body: bytes, length: int, status: int = 200, **headers: str) -> None:
        """Promise `length` bytes, send fewer, hang up."""
        self.reply(status, body, Content_Length=str(length), **headers)
        self.wfile.flush()
        self.close_connection = True

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    site: Site

    def handle_error(self, request, client_address):
        """Clients that hang up are part of these tests."""


@dataclass
class Site:
    url: str
    answers: dict[str, Callable[[Handler], None]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def serve(self, path: str, *steps: Callable[[Handler], None]) -> str:
        """Answer a path with one step after the other, the last one for ever."""
        remaining = list(steps)

        def answer(handler: Handler) -> None:
            step = remaining.pop(0) if len(remaining) > 1 else remaining[0]
            step(handler)

        self.answers[path] = answer
        return self.url + path


@pytest.fixture
def site():
    server = Server(("127.0.0.1", 0), Handler)
    server.site = Site(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.site
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def slept():
    return []


@pytest.fixture
def quick(slept):
    return Fetcher(timeout_s=5.0, retries=2, sleep=slept.append)


def whole(handler: Handler, body: bytes = BODY, etag: str = ETAG) -> None:
    """A good server: honours If-None-Match, Range and If-Range."""
    if handler.headers.get("If-None-Match") == etag:
        handler.reply(304, ETag=etag)
    elif (wanted := handler.headers.get("Range")) and handler.headers.get("If-Range") == etag:
        start = int(wanted.removeprefix("bytes=").rstrip("-"))
        span = f"bytes {start}-{len(body) - 1}/{len(body)}"
        handler.reply(206, body[start:], ETag=etag, Content_Range=span)
    else:
        handler.reply(200, body, ETag=etag)


def cut(at: int, **headers: str) -> Callable[[Handler], None]:
    return lambda handler: handler.cut_off(BODY[:at], len(BODY), **headers)


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def test_file_is_fetched_whole_and_leaves_nothing_behind(site, tmp_path, problems, quick):
    seen = []
    url = site.serve("/a", whole)
    path = download(
        url, tmp_path / "tệp có dấu.bin", problems, checksum=SHA, fetcher=quick, progress=lambda *a: seen.append(a)
    )
    assert path.read_bytes() == BODY
    assert seen[-1] == (url, len(BODY), len(BODY))
    assert leftovers(tmp_path) == []
    assert len(problems) == 0


def test_target_with_its_checksum_is_not_fetched_again(site, tmp_path, problems, quick):
    (tmp_path / "a").write_bytes(BODY)
    download(site.url + "/a", tmp_path / "a", problems, checksum=SHA, fetcher=quick)
    assert site.asked == []


def test_truncated_body_is_resumed_where_it_broke_off(site, tmp_path, problems, quick):
    url = site.serve("/a", cut(CUT, ETag=ETAG), whole)
    assert download(url, tmp_path / "a", problems, checksum=SHA, fetcher=quick).read_bytes() == BODY
    assert site.asked[1][1]["Range"] == "bytes=327680-"
    assert site.asked[1][1]["If-Range"] == ETAG


def test_body_cut_again_and_again_arrives_as_long_as_it_grows(site, tmp_path, problems, quick):
    def some(handler: Handler) -> None:
        start = int(handler.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        piece, span = BODY[start : start + 10 * READ], f"bytes {start}-{len(BODY) - 1}/{len(BODY)}"
        if start:
            handler.cut_off(piece, len(BODY) - start, 206, ETag=ETAG, Content_Range=span)
        else:
            handler.cut_off(piece, len(BODY), ETag=ETAG)

    url = site.serve("/a", some)
    assert download(url, tmp_path / "a", problems, checksum=SHA, fetcher=quick).read_bytes() == BODY
    assert len(site.asked) == 7  # 64 reads in pieces of ten


def test_interrupted_download_goes_on_in_the_next_run(site, tmp_path, problems, quick):
    url = site.serve("/a", cut(CUT, ETag=ETAG))
    once = Fetcher(timeout_s=5.0, retries=0, sleep=quick.sleep)
    with pytest.raises(InputError, match=r"broke off.*327680 bytes are kept"):
        download(url, tmp_path / "a", problems, fetcher=once)
    assert not (tmp_path / "a").exists()
    site.serve("/a", whole)
    assert download(url, tmp_path / "a", problems, checksum=SHA, fetcher=once).read_bytes() == BODY
    assert site.asked[-1][1]["Range"] == "bytes=327680-"


def test_server_that_ignores_range_begins_anew(site, tmp_path, problems, quick):
    url = site.serve("/a", cut(CUT, ETag=ETAG), lambda handler: handler.reply(200, BODY, ETag=ETAG))
    assert download(url, tmp_path / "a", problems, checksum=SHA, fetcher=quick).read_bytes() == BODY


def test_file_that_changed_meanwhile_is_not_patched_together(site, tmp_path, problems, quick):
    other = BODY[::-1]
    url = site.serve("/a", cut(CUT, ETag=ETAG), lambda handler: whole(handler, other, '"two"'))
    assert download(url, tmp_path / "a", problems, fetcher=quick).read_bytes() == other


@pytest.mark.parametrize("etag", ["", 'W/"weak"'])
def test_without_a_strong_validator_nothing_is_resumed(site, tmp_path, problems, quick, etag):
    headers = {"ETag": etag} if etag else {}
    url = site.serve("/a", cut(CUT, **headers), lambda handler: handler.reply(200, BODY, **headers))
    assert download(url, tmp_path / "a", problems, checksum=SHA, fetcher=quick).read_bytes() == BODY
    assert "Range" not in site.asked[1][1]


def test_range_at_the_wrong_place_is_not_taken(site, tmp_path, problems, quick):
    def wrong(handler: Handler) -> None:
        handler.reply(206, BODY[5:], ETag=ETAG, Content_Range=f"bytes 5-{len(BODY) - 1}/{len(BODY)}")

    url = site.serve("/a", cut(CUT, ETag=ETAG), wrong, whole)
    assert download(url, tmp_path / "a", problems, checksum=SHA, fetcher=quick).read_bytes() == BODY


def test_part_that_was_not_asked_for_is_not_taken_for_the_whole(site, tmp_path, problems, quick):
    url = site.serve("/a", lambda handler: handler.reply(206, BODY[5:], ETag=ETAG), whole)
    assert download(url, tmp_path / "a", problems, checksum=SHA, fetcher=quick).read_bytes() == BODY


def test_part_that_is_whole_already_is_taken(site, tmp_path, problems, quick):
    (tmp_path / ".a.part").write_bytes(BODY)
    (tmp_path / ".a.part.json").write_text(json.dumps({"url": site.url + "/a", "etag": ETAG}), encoding="utf-8")
    url = site.serve("/a", lambda handler: handler.reply(416, Content_Range=f"bytes */{len(BODY)}"))
    assert download(url, tmp_path / "a", problems, checksum=SHA, fetcher=quick).read_bytes() == BODY


def test_busy_server_is_asked_again_when_it_says_so(site, tmp_path, problems, quick, slept):
    in_a_while = formatdate(time.time() + 30, usegmt=True)
    url = site.serve(
        "/a",
        lambda handler: handler.reply(429, Retry_After="7"),
        lambda handler: handler.reply(503, Retry_After=in_a_while),
        whole,
    )
    download(url, tmp_path / "a", problems, fetcher=quick)
    assert slept[0] == 7.0
    assert 20.0 < slept[1] <= 30.0


def test_server_that_wants_hours_is_not_waited_for(site, tmp_path, problems, quick, slept):
    url = site.serve("/a", lambda handler: handler.reply(429, Retry_After="7200"))
    with pytest.raises(InputError, match="come back in 7200 s"):
        download(url, tmp_path / "a", problems, fetcher=quick)
    assert slept == []


def test_broken_server_is_asked_again_with_growing_pauses(site, tmp_path, problems, quick, slept):
    def broken(handler: Handler) -> None:
        handler.reply(500, b"oops")

    url = site.serve("/a", broken, broken, whole)
    download(url, tmp_path / "a", problems, fetcher=quick)
    assert slept == [2.0, 4.0]


def test_server_that_stays_broken_is_given_up_with_its_address(site, tmp_path, problems, quick):
    url = site.serve("/a", lambda handler: handler.reply(500, b"oops"))
    with pytest.raises(InputError, match=rf"{url}: the server answers 500 .*gave up after 3 attempts"):
        download(url, tmp_path / "a", problems, fetcher=quick)
    assert len(site.asked) == 3
    assert list(tmp_path.iterdir()) == []


def test_refused_connection_is_said_plainly(tmp_path, problems, quick):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(InputError, match=r"cannot be reached.*[Rr]efused"):
        download(f"http://127.0.0.1:{port}/a", tmp_path / "a", problems, fetcher=quick)


@pytest.mark.parametrize("after", ["headers", "half"])
def test_silent_server_times_out(site, tmp_path, problems, slept, after):
    done = threading.Event()

    def silent(handler: Handler) -> None:
        if after == "half":
            handler.reply(200, BODY[:1000], Content_Length=str(len(BODY)))
            handler.wfile.flush()
        done.wait(3.0)
        handler.close_connection = True

    url = site.serve("/a", silent)
    with pytest.raises(InputError, match=r"no answer within 0.1 s"):
        download(url, tmp_path / "a", problems, fetcher=Fetcher(timeout_s=0.1, retries=1, sleep=slept.append))
    done.set()


def test_wrong_checksum_leaves_nothing(site, tmp_path, problems, quick):
    url = site.serve("/a", whole)
    for checksum in ("sha256:" + "0" * 64, "md5:" + "0" * 32):
        with pytest.raises(InputError, match="does not have its checksum"):
            download(url, tmp_path / "a", problems, checksum=checksum, fetcher=quick)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("checksum", ["sha1:00", "sha256:xyz", "0123"])
def test_checksum_that_is_none_is_refused(tmp_path, problems, checksum):
    with pytest.raises(InputError, match="checksum is sha256"):
        download("http://127.0.0.1:9/a", tmp_path / "a", problems, checksum=checksum)


def test_md5_checksum_is_verified(site, tmp_path, problems, quick):
    url = site.serve("/a", whole)
    md5 = "md5:" + hashlib.md5(BODY).hexdigest()
    download(url, tmp_path / "a", problems, checksum=md5, fetcher=quick)
    download(url, tmp_path / "a", problems, checksum=md5, fetcher=quick)
    assert len(site.asked) == 1


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/a", "http://", "a.pbf", "data:,x"])
def test_only_web_addresses_are_fetched(tmp_path, problems, url):
    with pytest.raises(InputError, match=r"address begins with http:// or https://"):
        download(url, tmp_path / "a", problems)


def test_redirection_is_followed_on_the_web_only(site, tmp_path, problems, quick):
    site.serve("/b", whole)
    url = site.serve("/a", lambda handler: handler.reply(302, Location="/b"))
    assert download(url, tmp_path / "a", problems, fetcher=quick).read_bytes() == BODY
    site.serve("/a", lambda handler: handler.reply(302, Location="file:///etc/passwd"))
    with pytest.raises(InputError, match=r"address begins with http"):
        download(url, tmp_path / "b", problems, fetcher=quick)


def test_endless_redirection_ends(site, tmp_path, problems, quick):
    url = site.serve("/a", lambda handler: handler.reply(302, Location="/a"))
    with pytest.raises(InputError, match="sends on more than 5 times"):
        download(url, tmp_path / "a", problems, fetcher=quick)


def test_protected_address_does_not_lead_to_an_unprotected_one():
    with pytest.raises(InputError, match="unprotected"):
        fetch_module._check_address("http://example.org/a", "https://example.org/a")


def test_too_large_file_is_stopped_whether_it_says_its_size_or_not(site, tmp_path, problems, slept):
    small = Fetcher(timeout_s=5.0, retries=0, max_bytes=100_000, sleep=slept.append)
    said = site.serve("/said", whole)

    def unsaid(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(BODY)
        handler.close_connection = True

    for url in (said, site.serve("/unsaid", unsaid)):
        with pytest.raises(InputError, match="larger than the limit"):
            download(url, tmp_path / "a", problems, fetcher=small)
    assert list(tmp_path.iterdir()) == []


def test_missing_file_is_told_from_a_failing_server(site, tmp_path, problems, quick, slept):
    with pytest.raises(NotFoundError, match="no such file"):
        download(site.url + "/none", tmp_path / "a", problems, fetcher=quick)
    assert slept == []


def test_refusal_quotes_what_the_server_says(site, tmp_path, problems, quick):
    url = site.serve("/a", lambda handler: handler.reply(403, b"<html><body><h1>Key is missing</h1></body></html>"))
    with pytest.raises(InputError, match=r"403 Forbidden.*Key is missing"):
        download(url, tmp_path / "a", problems, fetcher=quick)


def test_empty_file_is_a_failure(site, tmp_path, problems, quick):
    url = site.serve("/a", lambda handler: handler.reply(200))
    with pytest.raises(InputError, match="empty file"):
        download(url, tmp_path / "a", problems, fetcher=quick)


@pytest.mark.parametrize("kind", ["osm", "pbf", "tiff", "any"])
def test_web_page_with_status_200_is_not_taken_for_data(site, tmp_path, problems, quick, kind):
    page = b"<!DOCTYPE html><html><head><title>x</title></head><body>Please log in</body></html>"
    url = site.serve("/a", lambda handler: handler.reply(200, page, Content_Type="text/html"))
    with pytest.raises(InputError, match=r"web page .*Please log in"):
        download(url, tmp_path / "a", problems, kind=kind, fetcher=quick)
    assert list(tmp_path.iterdir()) == []


def test_kept_copy_is_used_while_it_is_still_the_same(site, tmp_path, problems, slept):
    keeping = Fetcher(cache=tmp_path / "cache", timeout_s=5.0, retries=0, sleep=slept.append)
    url = site.serve("/a", whole)
    download(url, tmp_path / "1", problems, fetcher=keeping)
    assert download(url, tmp_path / "2", problems, fetcher=keeping).read_bytes() == BODY
    assert site.asked[1][1]["If-None-Match"] == ETAG
    site.serve("/a", lambda handler: whole(handler, b"new", '"two"'))
    assert download(url, tmp_path / "3", problems, fetcher=keeping).read_bytes() == b"new"


def test_kept_copy_helps_when_the_server_is_away(site, tmp_path, problems, slept):
    keeping = Fetcher(cache=tmp_path / "cache", timeout_s=5.0, retries=0, sleep=slept.append)
    url = site.serve("/a", whole, lambda handler: handler.reply(503))
    download(url, tmp_path / "1", problems, fetcher=keeping)
    assert download(url, tmp_path / "2", problems, fetcher=keeping).read_bytes() == BODY
    assert [problem.severity for problem in problems] == ["note"]
    assert "copy kept since" in next(iter(problems)).rule


def test_damaged_kept_copy_is_fetched_again(site, tmp_path, problems, slept):
    keeping = Fetcher(cache=tmp_path / "cache", timeout_s=5.0, retries=1, sleep=slept.append)
    url = site.serve("/a", whole)
    download(url, tmp_path / "1", problems, fetcher=keeping)
    kept = next(path for path in (tmp_path / "cache").iterdir() if not path.suffix)
    kept.write_bytes(b"bad")
    assert download(url, tmp_path / "2", problems, fetcher=keeping).read_bytes() == BODY


def test_target_that_cannot_be_written_is_an_input_error(site, tmp_path, problems, quick):
    (tmp_path / "folder").write_text("a file", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be saved"):
        download(site.serve("/a", whole), tmp_path / "folder" / "a", problems, fetcher=quick)


# OpenStreetMap

HUE = (107.57, 16.45, 107.59, 16.47)


def osm_xml(bounds: tuple[float, ...]) -> bytes:
    """A small map: nodes of a lattice that lie in the box, and one way along each row of it."""
    west, south, east, north = bounds
    xs, ys = np.arange(107.5705, 107.59, 0.001), np.arange(16.4505, 16.47, 0.001)
    nodes, ways = {}, []
    for j, y in enumerate(ys):
        row = {100 * j + i + 1: (x, y) for i, x in enumerate(xs)}
        if any(west <= x <= east and south <= y <= north for x, y in row.values()):
            nodes |= row  # a way that touches the box comes with all its nodes
            ways.append((j + 1, list(row)))
    text = ['<?xml version="1.0" encoding="UTF-8"?>\n<osm version="0.6" generator="Overpass API">']
    text += [f'<node id="{key}" lat="{y:.7f}" lon="{x:.7f}"/>' for key, (x, y) in sorted(nodes.items())]
    for key, refs in ways:
        text.append(f'<way id="{key}">' + "".join(f'<nd ref="{ref}"/>' for ref in refs))
        text.append('<tag k="highway" v="residential"/><tag k="name" v="Đường Lê Lợi"/></way>')
    return "\n".join([*text, "</osm>\n"]).encode()


def box_of(handler: Handler) -> tuple[float, ...]:
    query = parse_qs(urlsplit(handler.path).query)["data"][0]
    south, west, north, east = map(float, query.partition("node(")[2].partition(")")[0].split(","))
    return (west, south, east, north)


def overpass(handler: Handler) -> None:
    handler.reply(200, osm_xml(box_of(handler)), Content_Type="application/osm3s+xml")


def counts(path: Path) -> dict[str, int]:
    found = {"n": 0, "w": 0, "r": 0}
    for thing in osmium.FileProcessor(str(path)):
        found[thing.type_str()] += 1
    return found


@pytest.mark.parametrize("name", ["map.osm.pbf", "map.osm", "map.osm.bz2"])
def test_box_is_fetched_from_overpass(site, tmp_path, problems, quick, name):
    url = site.serve("/api/interpreter", overpass)
    path = fetch_osm(Extent(LONLAT, HUE), tmp_path / name, problems, url=url, fetcher=quick)
    assert counts(path) == {"n": 400, "w": 20, "r": 0}
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [name]


def test_tiles_are_merged_with_every_object_once(site, tmp_path, problems, quick):
    url = site.serve("/api/interpreter", overpass)
    one = fetch_osm(Extent(LONLAT, HUE), tmp_path / "one.osm.pbf", problems, url=url, fetcher=quick)
    many = fetch_osm(Extent(LONLAT, HUE), tmp_path / "many.osm.pbf", problems, url=url, tile_km2=0.6, fetcher=quick)
    assert len(site.asked) == 1 + 9  # 2.1 × 2.2 km in tiles of at most 0.77 km
    assert counts(many) == counts(one)
    assert many.read_bytes() == one.read_bytes()


def test_box_may_be_given_on_any_grid(site, tmp_path, problems, quick):
    url = site.serve("/api/interpreter", overpass)
    extent = Extent("EPSG:9214", Extent(LONLAT, HUE).within("EPSG:9214"))
    assert counts(fetch_osm(extent, tmp_path / "map.osm", problems, url=url, fetcher=quick))["w"] == 20


def test_query_that_is_too_much_is_asked_for_in_quarters(site, tmp_path, problems, quick):
    def limited(handler: Handler) -> None:
        if area_km2(box_of(handler)) > 2.0:
            remark = (
                b"<remark> runtime error: Query timed out in &quot;query&quot; at line 1 after 3 seconds. </remark>"
            )
            handler.reply(200, b'<?xml version="1.0"?><osm version="0.6">' + remark + b"</osm>")
        else:
            overpass(handler)

    url = site.serve("/api/interpreter", limited)
    path = fetch_osm(Extent(LONLAT, HUE), tmp_path / "map.osm", problems, url=url, fetcher=quick)
    assert counts(path) == {"n": 400, "w": 20, "r": 0}
    assert "asked for in quarters" in next(iter(problems)).rule


def test_query_that_never_ends_well_is_given_up(site, tmp_path, problems, quick):
    answer = b'<osm version="0.6"><remark> runtime error: out of memory </remark></osm>'
    url = site.serve("/api/interpreter", lambda handler: handler.reply(200, answer))
    with pytest.raises(InputError, match="could not finish the query: runtime error: out of memory"):
        fetch_osm(Extent(LONLAT, HUE), tmp_path / "map.osm", problems, url=url, fetcher=quick)
    assert len(site.asked) == 4  # the box and three generations of first quarters


def test_cut_off_tiles_go_on_where_they_stopped(site, tmp_path, problems, quick):
    def broken(handler: Handler) -> None:
        handler.reply(500)

    url = site.serve("/api/interpreter", overpass, overpass, broken)
    extent = Extent(LONLAT, HUE)
    with pytest.raises(InputError, match="500"):
        fetch_osm(extent, tmp_path / "map.osm.pbf", problems, url=url, tile_km2=1.5, fetcher=quick)
    assert not (tmp_path / "map.osm.pbf").exists()
    asked = len(site.asked)
    site.serve("/api/interpreter", overpass)
    path = fetch_osm(extent, tmp_path / "map.osm.pbf", problems, url=url, tile_km2=1.5, fetcher=quick)
    assert counts(path)["n"] == 400
    assert len(site.asked) - asked == 2  # of four tiles, two were there


def test_box_that_is_too_large_is_not_asked_for(site, tmp_path, problems):
    with pytest.raises(InputError, match=r"at most 2500 km².*use an extract"):
        fetch_osm(Extent(LONLAT, (105.0, 20.0, 107.0, 22.0)), tmp_path / "a.osm", problems, url=site.url)
    assert site.asked == []


@pytest.mark.parametrize("bounds", [(107.6, 16.4, 107.5, 16.5), (16.4, 107.5, 16.5, 107.6), (np.nan, 0, 1, 1)])
def test_box_must_lie_on_earth(tmp_path, problems, bounds):
    with pytest.raises(InputError, match="box lies on Earth"):
        fetch_osm(Extent(LONLAT, bounds), tmp_path / "a.osm", problems, url="http://127.0.0.1:9")


@pytest.mark.parametrize("body", [b"<osm><node id='1' lat='x'/></osm>", b"<osm><way></osm>", b"<osm><node</osm>"])
def test_broken_answer_is_an_input_error(site, tmp_path, problems, quick, body):
    url = site.serve("/api/interpreter", lambda handler: handler.reply(200, body))
    with pytest.raises(InputError, match="not OpenStreetMap data"):
        fetch_osm(Extent(LONLAT, HUE), tmp_path / "a.osm", problems, url=url, fetcher=quick)
    assert not (tmp_path / "a.osm").exists()


def test_query_asks_for_whole_areas_but_not_for_whole_lines():
    query = overpass_query(HUE, 25)
    assert query.startswith("[out:xml][timeout:25]")
    assert "(16.450000,107.570000,16.470000,107.590000)" in query
    assert "boundary" not in query
    assert query.index("(._;>;)->.whole") < query.index("route|restriction")
    assert query.endswith("out body;")


def test_extract_is_fetched_as_it_is(site, sample, tmp_path, problems, quick):
    pbf = sample("monaco-osm/monaco.osm.pbf").read_bytes()
    url = site.serve("/monaco.osm.pbf", lambda handler: whole(handler, pbf))
    path = fetch_osm(find_place("Monaco").extent, tmp_path / "m.osm.pbf", problems, url=url, fetcher=quick)
    assert path.read_bytes() == pbf


def test_extract_that_is_none_is_an_input_error(site, tmp_path, problems, quick):
    url = site.serve("/a.osm.pbf", lambda handler: handler.reply(200, b"\0\0\0\x0d\n\x09OSMHeader" + b"\xff" * 99))
    with pytest.raises(InputError, match="not OpenStreetMap data"):
        fetch_osm(Extent(LONLAT, HUE), tmp_path / "a.osm.pbf", problems, url=url, fetcher=quick)
    assert not (tmp_path / "a.osm.pbf").exists()


# Rasters


def geotiff(west: float, north: float, cell: float, values: np.ndarray, nodata: float | None = None) -> bytes:
    profile = {"driver": "GTiff", "width": values.shape[1], "height": values.shape[0], "count": 1, "dtype": "float32"}
    with rasterio.MemoryFile() as memory:
        with memory.open(
            crs=LONLAT, transform=Affine(cell, 0.0, west, 0.0, -cell, north), nodata=nodata, **profile
        ) as out:
            out.write(values.astype("float32"), 1)
        return memory.read()


def plane(west: float, south: float) -> np.ndarray:
    """Tile of one degree in 0.01° cells whose value is 100 × longitude + latitude at the cell centre."""
    x = west + (np.arange(100) + 0.5) / 100
    y = south + 1 - (np.arange(100) + 0.5) / 100
    return 100 * x[None, :] + y[:, None]


def serve_dem(site: Site, *corners: tuple[int, int]) -> str:
    for west, south in corners:
        name = dem_tile(west + 0.5, south + 0.5)
        body = geotiff(west, south + 1, 0.01, plane(west, south))
        site.serve(f"/{name}/{name}.tif", lambda handler, body=body: whole(handler, body))
    return site.url + "/{tile}/{tile}.tif"


def test_tiles_of_the_surface_model_become_one_raster(site, tmp_path, problems, quick):
    template = serve_dem(site, (107, 16), (108, 16))
    extent = Extent(LONLAT, (107.9, 16.4, 108.1, 16.5))
    path = fetch_dem(extent, tmp_path / "surface.tif", problems, url_template=template, fetcher=quick)
    with rasterio.open(path) as raster:
        assert raster.crs == LONLAT
        assert raster.bounds.left <= 107.9 < 108.1 <= raster.bounds.right
        values = raster.read(1)
        rows, columns = np.indices(values.shape)
        x, y = raster.xy(rows.ravel(), columns.ravel())
    # Closed form of the plane; float32 holds its values of about 10,800 to 0.001.
    assert np.abs(values.ravel() - (100 * np.asarray(x) + np.asarray(y))).max() < 0.001
    assert "of the surface" in [problem.rule for problem in problems][-1]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["surface.tif"]


def test_tiles_of_the_open_sea_stay_without_value(site, tmp_path, problems, quick):
    template = serve_dem(site, (107, 16))
    extent = Extent(LONLAT, (107.9, 16.4, 108.1, 16.5))
    path = fetch_dem(extent, tmp_path / "surface.tif", problems, url_template=template, fetcher=quick)
    with rasterio.open(path) as raster:
        values = raster.read(1, masked=True)
    assert 0.4 < values.mask.mean() < 0.6
    assert any("open sea" in problem.rule and problem.n_rows == 1 for problem in problems)


def test_surface_model_that_has_nothing_here_is_an_input_error(site, tmp_path, problems, quick):
    extent = Extent(LONLAT, (112.2, 12.2, 112.3, 12.3))
    with pytest.raises(InputError, match="no tile of the surface model here"):
        fetch_dem(extent, tmp_path / "a.tif", problems, url_template=site.url + "/{tile}.tif", fetcher=quick)


def test_surface_model_of_a_continent_is_not_asked_for(site, tmp_path, problems):
    with pytest.raises(InputError, match="at most 16 tiles"):
        fetch_dem(Extent(LONLAT, (100.0, 8.0, 110.0, 24.0)), tmp_path / "a.tif", problems, url_template=site.url)
    assert site.asked == []


def test_broken_raster_is_an_input_error(site, tmp_path, problems, quick):
    name = dem_tile(107.5, 16.5)
    site.serve(f"/{name}.tif", lambda handler: handler.reply(200, b"II*\0" + b"\xff" * 200))
    with pytest.raises(InputError, match="cannot be read as GeoTIFF"):
        fetch_dem(
            Extent(LONLAT, HUE), tmp_path / "a.tif", problems, url_template=site.url + "/{tile}.tif", fetcher=quick
        )


def test_template_with_unknown_names_is_an_input_error(tmp_path, problems):
    with pytest.raises(InputError, match=r"uses only the names \{tile\}"):
        fetch_dem(Extent(LONLAT, HUE), tmp_path / "a.tif", problems, url_template="http://x/{tile}/{key}")


@pytest.mark.parametrize(
    ("lon", "lat", "name"),
    # Names as published: e.g. N55 W004 for Scotland, N35 E076 for the Karakoram, N35 W001 for Oran.
    [
        (107.0, 16.0, "Copernicus_DSM_COG_10_N16_00_E107_00_DEM"),
        (-3.5, 55.5, "Copernicus_DSM_COG_10_N55_00_W004_00_DEM"),
        (76.9, 35.4, "Copernicus_DSM_COG_10_N35_00_E076_00_DEM"),
        (-0.6, 35.7, "Copernicus_DSM_COG_10_N35_00_W001_00_DEM"),
        (106.8, -6.2, "Copernicus_DSM_COG_10_S07_00_E106_00_DEM"),
    ],
)
def test_tiles_bear_their_public_names(lon, lat, name):
    assert dem_tile(lon, lat) == name


PEOPLE = np.arange(40_000, dtype=float).reshape(200, 200)


def test_population_is_cut_to_whole_cells_and_keeps_every_number(site, tmp_path, problems, quick):
    site.serve("/VNM/vnm.tif", lambda handler: whole(handler, geotiff(107.0, 17.0, 0.005, PEOPLE, -99999.0)))
    extent = Extent(LONLAT, (107.501, 16.451, 107.599, 16.549))
    path = fetch_population(
        extent, tmp_path / "p.tif", problems, url_template=site.url + "/{ISO3}/{iso3}.tif", iso3="vnm", fetcher=quick
    )
    with rasterio.open(path) as raster:
        assert raster.nodata == -99999.0
        # The box with its margin of 0.002° spans 107.499–107.601 and 16.449–16.551: columns 99–120, rows 89–110.
        np.testing.assert_array_equal(raster.read(1), PEOPLE[89:111, 99:121])
        assert raster.transform.c == pytest.approx(107.495)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["p.tif"]


def test_population_of_another_country_is_an_input_error(site, tmp_path, problems, quick):
    url = site.serve("/p.tif", lambda handler: whole(handler, geotiff(0.0, 50.0, 0.005, PEOPLE)))
    with pytest.raises(InputError, match="raster covers the box"):
        fetch_population(Extent(LONLAT, HUE), tmp_path / "p.tif", problems, url_template=url, fetcher=quick)


# All of a place


@pytest.fixture
def services(site):
    site.serve("/api/interpreter", overpass)
    dem = serve_dem(site, (107, 16))
    people = site.serve("/VNM.tif", lambda handler: whole(handler, geotiff(107.0, 17.0, 0.005, PEOPLE)))
    return Services(
        Service(site.url + "/api/interpreter", "ODbL 1.0", "© OpenStreetMap contributors"),
        Service(dem, "free", "Copernicus"),
        Service(people.replace("VNM", "{ISO3}")),
        iso3={"vn": "VNM"},
    )


def test_place_is_fetched_once_and_described_for_the_study(site, services, tmp_path, problems, quick):
    place = find_place("Huế")
    entries = fetch_place(place, tmp_path / "data", services, problems, fetcher=quick)
    assert [(entry["kind"], entry["path"]) for entry in entries] == [
        ("osm", "data/map.osm.pbf"),
        ("terrain", "data/surface.tif"),
        ("population", "data/population.tif"),
    ]
    assert entries[0]["attribution"] == "© OpenStreetMap contributors"
    assert not problems.errors
    asked = len(site.asked)
    assert fetch_place(place, tmp_path / "data", services, problems, fetcher=quick) == entries
    assert len(site.asked) == asked


def test_entries_are_sources_of_a_study(services, tmp_path, problems, quick):
    sources = pytest.importorskip("dothi.sources")
    from pydantic import TypeAdapter

    entries = fetch_place(find_place("Huế"), tmp_path / "data", services, problems, fetcher=quick)
    read = TypeAdapter(list[sources.AnySource]).validate_python(entries)
    assert all(source.files(tmp_path)[0].is_file() for source in read)


def test_file_that_was_changed_is_fetched_again(site, services, tmp_path, problems, quick):
    place = find_place("Huế")
    fetch_place(place, tmp_path / "data", services, problems, fetcher=quick)
    (tmp_path / "data" / "map.osm.pbf").write_bytes(b"")
    asked = len(site.asked)
    fetch_place(place, tmp_path / "data", services, problems, fetcher=quick)
    assert len(site.asked) == asked + 1


def test_one_failing_source_leaves_the_others_usable(site, services, tmp_path, problems, quick):
    site.serve("/VNM.tif", lambda handler: handler.reply(500))
    place = find_place("Huế")
    entries = fetch_place(place, tmp_path / "data", services, problems, fetcher=quick)
    assert [entry["kind"] for entry in entries] == ["osm", "terrain"]
    said = f"{site.url}/VNM.tif: the server answers 500 Internal Server Error; gave up after 3 attempts"
    assert [str(problem) for problem in problems.errors] == [f"population of Huế is missing: {said}"]
    site.serve("/VNM.tif", lambda handler: whole(handler, geotiff(107.0, 17.0, 0.005, PEOPLE)))
    asked, later = len(site.asked), Problems()
    assert len(fetch_place(place, tmp_path / "data", services, later, fetcher=quick)) == 3
    assert len(site.asked) == asked + 1
    assert not later.errors


def test_service_without_address_is_left_out(services, tmp_path, problems, quick):
    only = Services(services.osm, Service(""), Service(""))
    assert len(fetch_place(find_place("Huế"), tmp_path / "data", only, problems, fetcher=quick)) == 1


def test_public_addresses_are_there_by_default():
    services = load_services()
    assert services.osm.url.startswith("https://")
    assert "{tile}" in services.dem.url
    assert services.iso3["vn"] == "VNM"
    assert services.osm.licence == "ODbL 1.0"


def test_addresses_of_a_file_come_first(tmp_path):
    file = tmp_path / "mirror.toml"
    file.write_text('[osm]\nurl = "https://osm.example.vn/hue.osm.pbf"\n[population]\nurl = ""\n', encoding="utf-8")
    services = load_services(file)
    assert services.osm.url == "https://osm.example.vn/hue.osm.pbf"
    assert services.population.url == ""
    assert services.dem == load_services().dem


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("[osm", "file is TOML"),
        ("[roads]\nurl = 'x'", "roads: section is one of"),
        ("[osm]\naddress = 'x'", "osm.address: key is one of"),
        ("[osm]\nurl = 3", "osm.url: is a text"),
        ("[osm]\ntile_km2 = -1", "osm.tile_km2: is a positive number"),
        ("osm = 1", "section is one of"),
    ],
)
def test_wrong_address_file_is_an_input_error(tmp_path, text, rule):
    file = tmp_path / "mirror.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=rule):
        load_services(file)
