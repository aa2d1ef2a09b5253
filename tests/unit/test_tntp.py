"""Reading networks, trips and flows of the Transportation Networks test problems."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dothi.errors import InputError, Problems
from dothi.io.tntp import read_tntp_flows, read_tntp_network, read_tntp_trips
from dothi.traffic.published import network_from_tntp

HEAD = "<NUMBER OF ZONES> 2\n<NUMBER OF NODES> 3\n<FIRST THRU NODE> 3\n<NUMBER OF LINKS> {n}\n<END OF METADATA>\n\n"
TRIPS = "<NUMBER OF ZONES> 2\n<TOTAL OD FLOW> {total}\n<END OF METADATA>\n\n"

SIZES = {
    "SiouxFalls/SiouxFalls": (24, 24, 1, 76, 360600.0),
    "Anaheim/Anaheim": (38, 416, 39, 914, 104694.40),
    "Eastern-Massachusetts/EMA": (74, 74, 1, 258, 65576.37543099989),
    "Berlin-Mitte-Center/berlin-mitte-center": (36, 398, 37, 871, 11481.92399999999),
    "Chicago-Sketch/ChicagoSketch": (387, 933, 1, 2950, 1260907.44),
    "Braess-Example/Braess": (2, 4, 1, 5, 6.0),
}
"""Zones, nodes, first through node, links and trips as the README of each says."""


@pytest.fixture
def write(tmp_path):
    def file(text: str):
        path = tmp_path / "some_net.tntp"
        path.write_text(text, encoding="utf-8")
        return path

    return file


@pytest.mark.parametrize("stem", SIZES)
def test_published_files_have_the_sizes_they_are_said_to_have(sample, stem, problems):
    zones, nodes, first, n_links, total = SIZES[stem]
    links = read_tntp_network(sample(f"transport-tntp/{stem}_net.tntp"), problems)
    trips = read_tntp_trips(sample(f"transport-tntp/{stem}_trips.tntp"), problems)
    assert links.attrs == {"n_zones": zones, "n_nodes": nodes, "first_through_node": first}
    assert len(links) == n_links
    assert trips.shape == (zones, zones)
    assert trips.sum() == pytest.approx(total, rel=1e-9)
    assert not len(problems)


def test_published_flows_are_those_of_the_links(sample, problems):
    flows = read_tntp_flows(sample("transport-tntp/SiouxFalls/SiouxFalls_flow.tntp"), problems)
    assert len(flows) == 76
    assert flows.iloc[0].tolist() == [1, 2, 4494.6576464564205, 6.0008162373543197]


def test_parallel_links_are_kept_in_their_order(write, problems):
    path = write(
        HEAD.format(n=3) + "~ init\tterm\n1 3 100 1 2 .15 4 0 5 1 ;\n1 3 200 1 3 .15 4 0 0 1;\n3 2 9 1 1 0 0\n"
    )
    links = read_tntp_network(path, problems)
    assert links["capacity"].tolist() == [100.0, 200.0, 9.0]
    assert links["toll"].tolist() == [5.0, 0.0, 0.0]  # columns after the power may be missing
    net = network_from_tntp(links, toll_weight=0.1, length_weight=2.0)
    assert_allclose(net.cost_s, [[150.0, 120.0, 120.0]])
    assert_allclose(net.free_time_s, [120.0, 180.0, 60.0])
    assert_array_equal(net.beta, [4.0, 4.0, 1.0])
    assert net.first_through == 2


def test_power_of_zero_makes_a_time_that_does_not_grow(write, problems):
    path = write(HEAD.format(n=1) + "1 3 100 1 2 0.5 0 0 0 1 ;\n")
    net = network_from_tntp(read_tntp_network(path, problems))
    assert net.free_time_s.tolist() == [180.0]
    assert net.alpha.tolist() == [0.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello", "NUMBER OF ZONES"),
        ("<NUMBER OF ZONES> many\n", "NUMBER OF ZONES"),
        (HEAD.format(n=1) + "1 3 100 ;\n", "at least 7 values.*line 7"),
        (HEAD.format(n=1) + "1 3 100 1 x .15 4 0 0 1 ;\n", "free_time: is a number.*line 7"),
        (HEAD.format(n=2) + "1 3 100 1 2 .15 4 0 0 1 ;\n", "2 links, as it says, not 1"),
        (HEAD.format(n=1) + "~ a\n1 4 100 1 2 .15 4 0 0 1 ;\n", "to_node_id: is a node from 1 to 3.*line 8"),
        (HEAD.format(n=1) + "1.5 3 100 1 2 .15 4 0 0 1 ;\n", "from_node_id: is a node"),
        (HEAD.format(n=1) + "1 3 0 1 2 .15 4 0 0 1 ;\n", "capacity: > 0.*line 7"),
        (HEAD.format(n=1) + "1 3 100 1 -2 .15 4 0 0 1 ;\n", "free_time: ≥ 0.*line 7"),
        (HEAD.format(n=0).replace("<NUMBER OF ZONES> 2", "<NUMBER OF ZONES> 9"), "no more zones than nodes"),
        ("", "file is not empty"),
    ],
)
def test_networks_that_are_wrong_are_refused_with_their_lines(write, text, message, problems):
    with pytest.raises(InputError, match=message):
        read_tntp_network(write(text), problems)


def test_trips_may_stand_anywhere_on_their_lines(write, problems):
    text = TRIPS.format(total=10) + "Origin 1\n1 : 0; 2:4.0;\n 1 :\t1.5;\norigin\t2\n 1 : 2.5 ; 2 : 2;"
    assert read_tntp_trips(write(text), problems).tolist() == [[1.5, 4.0], [2.5, 2.0]]
    assert not len(problems)


def test_total_that_differs_is_noted(write, problems):
    read_tntp_trips(write(TRIPS.format(total=11) + "Origin 1\n2 : 4;\n"), problems)
    assert str(*problems).endswith("trips add up to 4; the file says 11")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2 : 4;\n", "below a line.*line 5: '2 : 4'"),
        ("Origin 1\n2 4;\n", "below a line.*line 6: '2 4'"),
        ("Origin 1\n3 : 4;\n", "destination: is a zone from 1 to 2.*line 6"),
        ("Origin 0\n2 : 4;\n", "origin: is a zone from 1 to 2.*line 6"),
        ("Origin 1\n2 : -4;\n", "trips: ≥ 0.*line 6"),
        ("Origin 1\n2 : many;\n", "trips: is a number.*line 6"),
    ],
)
def test_trips_that_are_wrong_are_refused_with_their_lines(write, text, message, problems):
    with pytest.raises(InputError, match=message):
        read_tntp_trips(write(TRIPS.format(total=4) + text), problems)


def test_no_trips_are_read_as_none(write, problems):
    assert not read_tntp_trips(write(TRIPS.format(total=0)), problems).any()


def test_flows_may_lack_their_cost(write, problems):
    flows = read_tntp_flows(write("From To Volume\n1 2 : 3.5 ;\n"), problems)
    assert flows["volume"].tolist() == [3.5]
    assert np.isnan(flows["cost"]).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2\n", "flow between them.*line 1"),
        ("1 2 x\n", "volume: is a number.*line 1"),
        ("0 2 3\n", "number of a node"),
    ],
)
def test_flows_that_are_wrong_are_refused_with_their_lines(write, text, message, problems):
    with pytest.raises(InputError, match=message):
        read_tntp_flows(write(text), problems)


def test_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere_net\.tntp: file is present"):
        read_tntp_network(tmp_path / "nowhere_net.tntp", Problems())
