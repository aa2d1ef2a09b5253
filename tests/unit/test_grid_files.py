"""Grids of pandapower and OpenDSS."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dothi.derive.clean import clean
from dothi.errors import InputError, Problems
from dothi.io.opendss import number, phase_lines, phase_loads, read_opendss, read_script, windings_of
from dothi.io.opendss_balanced import grid_of_script
from dothi.io.pandapower_json import grid_of_pandapower, read_pandapower
from dothi.io.recognise import recognise
from dothi.power.network import network_of
from dothi.power.phases import feeder_flow


def frame(**columns):
    rows = len(next(iter(columns.values())))
    inner = {
        "columns": list(columns),
        "index": list(range(rows)),
        "data": list(map(list, zip(*columns.values(), strict=True))),
    }
    return {"_module": "pandas.core.frame", "_class": "DataFrame", "_object": json.dumps(inner), "orient": "split"}


def net(**changes):
    """Ring of two lines of 20 kV, one open, with a transformer behind a coupler that is closed."""
    point = [
        '{"type": "Point", "coordinates": [' + f"{lon}, 47.2]}}" for lon in (-1.55, -1.551, -1.552, -1.552, -1.552)
    ]
    tables = {
        "bus": frame(name=["HV", "A", "B", "B2", None], vn_kv=[20.0, 20.0, 20.0, 20.0, 0.4], geo=point),
        "ext_grid": frame(bus=[0], vm_pu=[1.02], in_service=[True]),
        "line": frame(
            from_bus=[0, 1, 2],
            to_bus=[1, 2, 0],
            length_km=[1.0, 2.0, 3.0],
            r_ohm_per_km=[0.2] * 3,
            x_ohm_per_km=[0.1] * 3,
            c_nf_per_km=[250.0] * 3,
            max_i_ka=[0.3] * 3,
            parallel=[1, 2, 1],
            in_service=[True, True, True],
        ),
        "switch": frame(bus=[2, 2], element=[2, 3], et=["l", "b"], closed=[False, True]),
        "trafo": frame(
            hv_bus=[3],
            lv_bus=[4],
            sn_mva=[0.4],
            vn_hv_kv=[20.0],
            vn_lv_kv=[0.4],
            vk_percent=[4.0],
            vkr_percent=[1.0],
            pfe_kw=[0.4],
            i0_percent=[0.3],
            tap_pos=[-2],
            tap_neutral=[0],
            tap_step_percent=[2.5],
            tap_side=["hv"],
            tap_changer_type=[None],
            parallel=[2],
        ),
        "load": frame(bus=[4, 1], p_mw=[0.1, 0.2], q_mvar=[0.02, 0.0], scaling=[1.0, 0.5]),
        "sgen": frame(bus=[4], p_mw=[0.03], q_mvar=[0.0]),
    }
    content = {**tables, **changes, "f_hz": 50.0}
    return {"_module": "pandapower.auxiliary", "_class": "pandapowerNet", "_object": content}


@pytest.fixture
def written(tmp_path):
    def write(**changes):
        path = tmp_path / "grid.json"
        path.write_text(json.dumps(net(**changes)), encoding="utf-8")
        return path

    return write


def test_couplers_join_buses_and_switches_open_lines(written):
    grid = grid_of_pandapower(written(), Problems())
    assert list(grid.nodes["source_id"]) == ["0", "1", "2", "4"]
    assert list(grid.lines["open"]) == [False, False, True]
    assert list(grid.transformers["primary_grid_node_id"]) == [2, 2]
    assert list(grid.nodes["kind"]) == ["substation", "joint", "station", "joint"]
    network = network_of(grid.nodes, grid.lines, grid.transformers)
    assert not len(network.loops.one)


def test_cables_side_by_side_are_one_line_and_transformers_stay_several(written):
    grid = grid_of_pandapower(written(), Problems())
    assert_allclose(grid.lines["r_ohm_km"], [0.2, 0.1, 0.2])
    assert_allclose(grid.lines["rating_a"], [300.0, 600.0, 300.0])
    assert_allclose(grid.lines["c_nf_km"], [250.0, 500.0, 250.0])
    assert len(grid.transformers) == 2


def test_taps_count_and_a_note_says_that_pandapower_leaves_them_out(written):
    problems = Problems()
    grid = grid_of_pandapower(written(), problems)
    assert_allclose(grid.transformers["tap_ratio"], 0.95)
    assert ["tap_changer_type" in problem.rule for problem in problems] == [True]
    assert_allclose(grid.transformers["iron_loss_pct"], 0.1)


def test_loads_come_with_their_sign_and_scaling(written):
    loads = grid_of_pandapower(written(), Problems()).loads
    assert_allclose(loads["p_w"], [100e3, 100e3, -30e3])


def test_tables_of_a_city_come_of_it_and_loads_are_left_with_a_note(written):
    problems = Problems()
    tables = clean(read_pandapower(written(), problems), crs="EPSG:2154", extent=None, problems=problems)
    assert {name: len(table) for name, table in tables.items()} == {"grid_nodes": 4, "grid_lines": 3, "transformers": 2}
    assert (tables["grid_lines"]["method"] == "source").all()
    assert any("loads were not taken over" in problem.rule and problem.n_rows == 3 for problem in problems)
    assert tables["grid_lines"].length.max() < 200.0, "drawn between their nodes"
    assert recognise(written(), Problems()) == [{"kind": "pandapower"}]


def test_nodes_without_place_are_put_beside_their_neighbours(written):
    tables = net()["_object"]
    inner = json.loads(tables["bus"]["_object"])
    for row in inner["data"][1:3]:
        row[2] = None
    problems = Problems()
    found = read_pandapower(written(bus={**tables["bus"], "_object": json.dumps(inner)}), problems)
    assert not found["grid_nodes"].geometry.is_empty.any()
    assert any(problem.severity == "repair" for problem in problems)
    for row in inner["data"]:
        row[2] = None
    with pytest.raises(InputError, match=r"grid_nodes.geometry: has coordinates \(4 rows"):
        read_pandapower(written(bus={**tables["bus"], "_object": json.dumps(inner)}), Problems())


def test_what_is_no_grid_is_refused_by_name(tmp_path, written):
    path = tmp_path / "other.json"
    path.write_text('{"type": "FeatureCollection"}', encoding="utf-8")
    with pytest.raises(InputError, match=r"pandapower.to_json"):
        grid_of_pandapower(path, Problems())
    with pytest.raises(InputError, match=r"trafo.vk_percent: column is present"):
        grid_of_pandapower(
            written(
                trafo=frame(hv_bus=[0], lv_bus=[1], sn_mva=[1.0], vn_hv_kv=[20.0], vn_lv_kv=[0.4], vkr_percent=[1.0])
            ),
            Problems(),
        )


def test_elements_that_are_not_read_are_named(written):
    problems = Problems()
    grid_of_pandapower(written(shunt=frame(bus=[0], q_mvar=[1.0])), problems)
    assert any(problem.table == "shunt" for problem in problems)


FEEDER = """
! a little feeder
Clear
Set DefaultBaseFrequency=50
New object=circuit.little basekv=11 pu=1.0 mvasc3=1e9
/* nothing
New Line.not */
New Transformer.T Phases=3 Windings=2 XHL=(8 2 /)
~ wdg=1 bus=SourceBus conn=delta kv=11 kva=500 %r=.5
~ wdg=2 bus=1 conn=wye kv=0.416 kva=500 %r=.5
redirect CODES.dss
New Line.a Bus1=1 Bus2=2 LineCode=c Length=200 units=m
New Line.b Bus1=2.2 Bus2=3.2 phases=1 LineCode=d Length=0.05 units=km
New Load.x Bus1=2 Phases=3 Conn=Wye kV=0.416 kW=30 PF=0.9
New Load.y Bus1=3.2 Phases=1 kV=0.24 kW=5 kvar=1 Model=2
New Load.z like=y
New Capacitor.k Bus1=2 kvar=9 kv=0.416
Buscoords places.csv
Solve
"""


@pytest.fixture
def feeder(tmp_path):
    (tmp_path / "Feeder.dss").write_text(FEEDER, encoding="utf-8")
    (tmp_path / "codes.DSS").write_text(
        "New linecode.c nphases=3 R1=0.2 X1=0.1 R0=0.8 X0=0.4 C1=0 C0=0 units=km\n"
        "New linecode.d nphases=1 rmatrix=[0.5] xmatrix=(0.2) units=km\n",
        encoding="utf-8",
    )
    (tmp_path / "places.csv").write_text("1,0,0\n2,200,0\n3,250,0\nsourcebus,-5,0\n", encoding="utf-8")
    return tmp_path / "Feeder.dss"


def test_numbers_may_be_written_in_reverse_polish():
    assert number("(8 1000 /)") == 0.008
    assert number("(0.00625 12 * 1 +)") == 1.075
    assert number(" 2.5 ") == 2.5


def test_lines_have_the_impedance_of_their_length_in_any_unit(feeder):
    first, second = phase_lines(read_script(feeder, Problems()))
    assert_allclose(first.impedance[0, 0], 0.2 * complex(0.4, 0.2))
    assert_allclose(first.impedance[0, 1], 0.2 * complex(0.2, 0.1))
    assert second.phases == (1,)
    assert_allclose(second.impedance, [[0.05 * complex(0.5, 0.2)]])


def test_windings_and_loads_are_as_written(feeder):
    script = read_script(feeder, Problems())
    n, (upper, lower), reactance = windings_of(script.elements["transformer", "t"])
    assert (n, upper.delta, lower.delta, lower.volt, lower.va, reactance) == (3, True, False, 416.0, 500e3, 0.04)
    loads = list(phase_loads(script))
    assert_allclose(sum(load.power.real for load in loads), 40e3)
    assert_allclose(sum(load.power.imag for load in loads), 30e3 * np.tan(np.arccos(0.9)) + 2e3 - 9e3)
    assert [load.p_exponent for load in loads if load.phases == (1,)][-1] == 2.0


def test_phases_alike_give_the_voltages_of_the_symmetric_grid(feeder):
    text = (
        FEEDER.replace("New Line.b", "! ")
        .replace("New Load.y", "! ")
        .replace("New Load.z", "! ")
        .replace("Bus2=3.2", "")
    )
    feeder.write_text(text, encoding="utf-8")
    script = read_script(feeder, Problems())
    phases = feeder_flow(script)
    grid = grid_of_script(script, Problems())
    from dothi.power.flow import blocked, power_flow

    network = network_of(grid.nodes, grid.lines, grid.transformers, hertz=script.hertz)
    at = grid.nodes.index.get_indexer(grid.loads["grid_node_id"])
    # a capacitor is no constant power: take it at the voltage that was found
    pu = phases.pu("2").mean()
    q = np.where(grid.loads["q_var"] < 0, grid.loads["q_var"] * pu**2, grid.loads["q_var"])
    p = grid.loads["p_w"].to_numpy()
    flow = power_flow(network, at, blocked(p[:, None]), blocked(q[:, None]), 1)
    assert_allclose(phases.pu("2"), flow.low_pu[network.place[list(grid.nodes["source_id"]).index("2")]], atol=2e-5)


def test_a_phase_with_more_load_has_less_voltage(feeder):
    pu = feeder_flow(read_script(feeder, Problems())).pu("2")
    assert pu[1] < pu[0]
    assert pu[1] < pu[2]


def test_feeders_come_onto_the_map(feeder):
    problems = Problems()
    tables = read_opendss(feeder, problems, crs="EPSG:2154")
    assert {name: len(table) for name, table in tables.items()} == {"grid_nodes": 4, "grid_lines": 2, "transformers": 1}
    assert tables["grid_nodes"]["nominal_v"].tolist() == pytest.approx([11e3, 416.0, 416.0, 416.0])
    assert recognise(feeder, Problems()) == [{"kind": "opendss"}]


def test_a_line_that_cannot_be_read_is_named_with_its_file(feeder):
    feeder.write_text(
        FEEDER + "\nNew Load.q Bus1=3.2 kW=(5 x /)\nfrobnicate all\nNew Line.c Bus1=1 Bus2=3 LineCode=none Length=x",
        encoding="utf-8",
    )
    with pytest.raises(InputError) as caught:
        list(phase_loads(read_script(feeder, Problems())))
    assert "frobnicate" in str(caught.value)
    assert "Feeder.dss:" in str(caught.value)


def test_a_loop_of_three_phases_is_refused(feeder):
    feeder.write_text(
        FEEDER.replace("Solve", "New Line.r Bus1=1 Bus2=3 LineCode=c Length=10 units=m"), encoding="utf-8"
    )
    with pytest.raises(InputError, match="is radial: there is a loop"):
        feeder_flow(read_script(feeder, Problems()))
