import os

import pytest

from dothi.errors import InputError
from dothi.io.files import SEAL, replacing, sha256, whole_folder, write_text
from dothi.io.toml import line_of, read_toml


def test_a_file_whose_writing_fails_leaves_the_old_one_and_no_debris(tmp_path):
    path = tmp_path / "Đà Nẵng thành phố.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_checksum_of_a_folder_changes_with_names_and_content(tmp_path):
    write_text(tmp_path / "a" / "one.txt", "1")
    before = sha256(tmp_path)
    (tmp_path / "a" / "one.txt").rename(tmp_path / "a" / "two.txt")
    renamed = sha256(tmp_path)
    write_text(tmp_path / "a" / "two.txt", "2")
    assert len({before, renamed, sha256(tmp_path)}) == 3


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"name = \n", "is valid TOML (Invalid value (at line 1, column 8))"),
        (b"name = '\xff\xfe'", "is UTF-8 text; line 1 is not: save it as UTF-8"),
        (b"#" * (1 << 21), "is smaller than 1048576 bytes"),
    ],
)
def test_unreadable_toml_is_told_with_its_reason(tmp_path, problems, content, rule):
    path = tmp_path / "dothi.toml"
    path.write_bytes(content)
    assert read_toml(path, problems) == {}
    with pytest.raises(InputError) as caught:
        problems.raise_errors()
    assert str(caught.value) == rule


def test_the_line_of_an_entry_is_found_in_tables_and_lists_of_tables():
    text = """\
name = "x"

[[source]]
kind = "osm"

[[source]]
kind = "vector"
[source.columns]
nom = "name"
[build]
seed = 1
"""
    assert line_of(text, ("name",)) == 1
    assert line_of(text, ("source", 0, "kind")) == 4
    assert line_of(text, ("source", 1, "path")) == 6
    assert line_of(text, ("source", 1, "columns", "nom")) == 9
    assert line_of(text, ("build", "seed")) == 11
    assert line_of(text, ("crs",)) is None


def test_all_files_of_a_folder_are_flushed_before_it_gets_its_name(tmp_path, monkeypatch):
    target, flushed, flush = tmp_path / "whole", [], os.fsync

    def noted(handle: int) -> None:
        flushed.append((os.fstat(handle).st_ino, target.exists()))
        flush(handle)

    monkeypatch.setattr(os, "fsync", noted)
    with whole_folder(target) as part:
        write_text(part / "a.txt", "a")
        (part / "inner").mkdir()
        (part / "inner" / "b.txt").write_bytes(b"b")
        assert not flushed  # together at the end, not one by one
    for name in ("a.txt", "inner/b.txt", SEAL):
        assert ((target / name).stat().st_ino, False) in flushed


def test_a_file_by_itself_is_flushed_at_once(tmp_path, monkeypatch):
    flushed, flush = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (flushed.append(handle), flush(handle)))
    write_text(tmp_path / "a.txt", "a")
    assert flushed
