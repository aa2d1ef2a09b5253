"""Zip archives: real names come out right, dangerous ones stay closed."""

from __future__ import annotations

import stat
import struct
import unicodedata
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from dothi.errors import InputError, Problems
from dothi.io.archive import member_name, open_archive

LIMIT = 4 << 20


def packed(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def refused(path: Path, **limits: float) -> str:
    with pytest.raises(InputError) as raised, open_archive(path, Problems("data.zip"), **limits):
        pytest.fail("the archive was opened")
    return str(raised.value)


def test_members_come_out_under_their_names(tmp_path, problems):
    members = {"stops.txt": b"a,b\n", "Quận Hoàn Kiếm/phố cổ.shp": b"\x00\x01", "empty.txt": b""}
    with open_archive(packed(tmp_path / "Hà Nội 1.zip", members), problems) as folder:
        found = {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    assert found == members
    assert not len(problems)


def test_folder_is_gone_when_the_block_ends(tmp_path, problems):
    with open_archive(packed(tmp_path / "a.zip", {"a": b"1"}), problems) as folder:
        assert folder.is_dir()
    assert not folder.exists()


@pytest.mark.parametrize(
    ("text", "codec"),
    [("Đống Đa/phố Huế.shp", "utf-8"), ("Huế.shp", "cp1258"), ("Bâtiment récent.shp", "cp850"), ("été.txt", "cp437")],
)
def test_names_without_the_utf8_flag_are_read_in_the_encoding_of_the_country(text, codec):

    raw = text if codec != "cp1258" else unicodedata.normalize("NFC", text).replace("ế", "ê\u0301")
    info = zipfile.ZipInfo(raw.encode(codec).decode("cp437"))
    assert member_name(info) == text


def test_unicode_path_field_wins_over_the_name():
    raw = b"H__.txt" + b"\x80"
    info = zipfile.ZipInfo(raw.decode("cp437"))
    body = b"\x01" + struct.pack("<L", zlib.crc32(raw)) + "Huế.txt".encode()
    info.extra = struct.pack("<HH", 0x7075, len(body)) + body
    assert member_name(info) == "Huế.txt"


@pytest.mark.parametrize(
    "name", ["../out.txt", "a/../../out.txt", "/etc/out.txt", "C:/out.txt", "..\\out.txt", "\\\\server\\out.txt"]
)
def test_members_that_would_leave_the_folder_are_refused(tmp_path, name):
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("x")
        info.filename = name
        archive.writestr(info, b"x")
    assert "names of members stay inside the archive (1 row" in refused(path)
    assert not list(tmp_path.parent.glob("out.txt"))


def test_links_are_refused(tmp_path):
    path = tmp_path / "link.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("roads.shp")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    assert "files or folders, not links" in refused(path)


def test_members_with_a_password_are_refused(tmp_path):
    path = packed(tmp_path / "locked.zip", {"a.txt": b"secret"})
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(raw)
    assert "members have no password" in refused(path)


def test_names_that_meet_where_case_is_ignored_are_refused(tmp_path):
    assert "names of members are distinct" in refused(
        packed(tmp_path / "a.zip", {"Stops.txt": b"1", "stops.TXT": b"2"})
    )
    assert "names of members are distinct" in refused(packed(tmp_path / "b.zip", {"a": b"1", "a/b": b"2"}))


def test_too_many_members_are_refused(tmp_path):
    path = packed(tmp_path / "many.zip", {f"{i}.txt": b"" for i in range(50)})
    assert "has at most 10 members; it has 50" in refused(path, max_files=10)


def test_a_list_of_contents_longer_than_any_real_one_is_not_even_read(tmp_path):
    path = packed(tmp_path / "long.zip", {f"{i:05d}{'x' * 200}.txt": b"" for i in range(60)})
    assert "its list of contents alone takes" in refused(path, max_files=10)


def test_an_archive_that_announces_too_much_is_refused_before_anything_is_written(tmp_path):
    path = packed(tmp_path / "big.zip", {"a.txt": bytes(LIMIT + 1)})
    assert f"unpacks to at most {LIMIT:,} bytes; it announces {LIMIT + 1:,}" in refused(path, max_bytes=LIMIT)


def test_an_archive_that_lies_about_its_size_is_caught_while_unpacking(tmp_path):
    path = packed(tmp_path / "lie.zip", {"a.txt": bytes(8 * LIMIT)})
    raw = path.read_bytes()
    true, lie = struct.pack("<L", 8 * LIMIT), struct.pack("<L", 10)
    path.write_bytes(raw.replace(true, lie))
    message = refused(path, max_bytes=LIMIT)
    assert "unpacks to at most" in message or "archive is whole" in message


def test_a_zip_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("dothi.io.archive.RATIO_FREE_BYTES", 1 << 20)
    path = packed(tmp_path / "bomb.zip", {"a.txt": bytes(16 << 20)})
    assert path.stat().st_size < 20_000
    assert "this looks like a zip bomb" in refused(path)


def test_folders_nested_too_deep_are_refused(tmp_path):
    assert "nested at most 16 deep" in refused(packed(tmp_path / "deep.zip", {"a/" * 40 + "b.txt": b""}))


def test_archives_inside_the_archive_stay_closed(tmp_path, problems):
    inner = packed(tmp_path / "inner.zip", {"a.txt": b"1"}).read_bytes()
    with open_archive(packed(tmp_path / "outer.zip", {"inner.zip": inner}), problems) as folder:
        assert [file.name for file in folder.rglob("*")] == ["inner.zip"]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.99])
def test_a_truncated_archive_is_refused(tmp_path, share):
    whole = packed(tmp_path / "whole.zip", {"a.txt": bytes(range(256)) * 400}).read_bytes()
    path = tmp_path / "cut.zip"
    path.write_bytes(whole[: int(len(whole) * share)])
    assert "data.zip: " in refused(path)


def test_damaged_content_is_refused(tmp_path):
    path = packed(tmp_path / "a.zip", {"a.txt": bytes(range(256)) * 400})
    raw = bytearray(path.read_bytes())
    raw[120] ^= 0xFF
    path.write_bytes(raw)
    assert "archive is whole" in refused(path)


def test_an_archive_with_damage_anywhere_is_opened_or_refused_but_never_a_traceback(tmp_path):
    rng = np.random.default_rng(7)
    whole = packed(tmp_path / "whole.zip", {"Huế/a.txt": bytes(range(256)) * 4, "b.txt": b"b" * 50}).read_bytes()
    path = tmp_path / "damaged.zip"
    for _ in range(400):
        raw = bytearray(whole)
        for at in rng.integers(0, len(raw), size=rng.integers(1, 6)):
            raw[at] = rng.integers(0, 256)
        path.write_bytes(raw)
        with suppress(InputError), open_archive(path, Problems(), max_bytes=LIMIT):
            pass
    assert sorted(file.name for file in tmp_path.iterdir()) == ["damaged.zip", "whole.zip"]


def test_other_archives_are_named(tmp_path):
    path = tmp_path / "BDTOPO.zip"
    path.write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(100))
    assert "this is a 7z file: unpack it and name the file inside" in refused(path)


def test_a_missing_archive_is_reported(tmp_path):
    assert "can be read" in refused(tmp_path / "none.zip")


def test_what_goes_wrong_inside_the_block_is_not_taken_for_a_damaged_archive(tmp_path, problems):
    path = packed(tmp_path / "a.zip", {"a": b"1"})
    with pytest.raises(OSError, match="mine"), open_archive(path, problems):
        raise OSError("mine")
    assert not len(problems)
