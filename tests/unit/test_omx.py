"""Open Matrix files: what is written reads back, here and in the package openmatrix; damaged ones are refused whole."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from dothi.errors import InputError
from dothi.io.omx import Matrices, read_omx, write_omx

openmatrix = pytest.importorskip("openmatrix")


@pytest.fixture
def matrices():
    rng = np.random.default_rng(3)
    return Matrices(
        {"car": rng.random((3, 3)) * 100.0, "xe máy": rng.random((3, 3))},
        {"zone_id": np.array([7, 2, -1])},
        {"car": {"units": "veh/h"}},
    )


def test_what_is_written_reads_back(tmp_path, matrices):
    write_omx(tmp_path / "od.omx", matrices)
    found = read_omx(tmp_path / "od.omx")
    assert set(found.data) == {"car", "xe máy"}
    for name, matrix in matrices.data.items():
        assert_array_equal(found.data[name], matrix)
    assert_array_equal(found.lookups["zone_id"], [7, 2, -1])
    assert found.attributes["car"] == {"units": "veh/h"}
    assert found.shape == (3, 3)


def test_openmatrix_reads_what_is_written(tmp_path, matrices):
    plain = Matrices({"car": matrices.data["car"]}, matrices.lookups)
    write_omx(tmp_path / "od.omx", plain)
    with openmatrix.open_file(str(tmp_path / "od.omx")) as file:
        assert file.version() == b"0.2"
        assert tuple(file.shape()) == (3, 3)
        assert file.list_matrices() == ["car"]
        assert file.list_mappings() == ["zone_id"]
        assert_array_equal(np.array(file["car"]), matrices.data["car"])
        assert file.mapping("zone_id") == {7: 0, 2: 1, -1: 2}


def test_what_openmatrix_writes_is_read(tmp_path, matrices):
    with openmatrix.open_file(str(tmp_path / "od.omx"), "w") as file:
        file["car"] = matrices.data["car"]
        file.create_mapping("zone_id", [5, 6, 8])
    found = read_omx(tmp_path / "od.omx")
    assert_array_equal(found.data["car"], matrices.data["car"])
    assert_array_equal(found.lookups["zone_id"], [5, 6, 8])


def test_missing_cells_are_missing(tmp_path, matrices):
    write_omx(tmp_path / "od.omx", matrices)
    with h5py.File(tmp_path / "od.omx", "a") as file:
        file["data/car"][0, 1] = -999.0
        file["data/car"].attrs["NA"] = -999.0
    found = read_omx(tmp_path / "od.omx").data["car"]
    assert np.isnan(found[0, 1])
    assert np.isfinite(found).sum() == 8


def test_everything_wrong_is_said_at_once(tmp_path):
    with h5py.File(tmp_path / "bad.omx", "w") as file:
        file.attrs["SHAPE"] = np.array([2, 2], dtype=np.int32)
        file["data/car"] = np.zeros((2, 3))
        file["data/walk"] = np.zeros(4)
        file["lookup/zone_id"] = np.arange(5)
    with pytest.raises(InputError) as error:
        read_omx(tmp_path / "bad.omx")
    text = str(error.value)
    assert "OMX_VERSION" in text
    assert "data.car: has 2 rows and 2 columns" in text
    assert "data.walk: is a matrix of numbers" in text
    assert "lookup.zone_id: has a value for each row" in text


def test_a_file_of_another_kind_is_no_matrix(tmp_path):
    (tmp_path / "od.omx").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="is an HDF5 file that can be read"):
        read_omx(tmp_path / "od.omx")
    with pytest.raises(InputError, match="is an HDF5 file that can be read"):
        read_omx(tmp_path / "none.omx")


def test_matrices_that_do_not_fit_are_not_written(tmp_path):
    wrong = Matrices({"a": np.zeros((2, 2)), "b": np.zeros((3, 3)), "c/d": np.zeros((2, 2))}, {"id": np.arange(3)})
    with pytest.raises(InputError) as error:
        write_omx(tmp_path / "od.omx", wrong)
    assert len(error.value.problems) == 3
    assert not (tmp_path / "od.omx").exists()
