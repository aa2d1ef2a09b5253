"""Scenarios, runs and comparisons over HTTP."""

import io
import json
import threading
import time
import tomllib

import numpy as np
import pyarrow as pa
import pytest
import requests

from dothi.difference import between, difference_table
from dothi.scenario import TODAY
from dothi.server import runs as runs_module
from dothi.server.app import create_app
from dothi.server.serve import address_of, listen, run

pytestmark = pytest.mark.usefixtures("little_chain")

CLOSED = 'title = "Closed"\nyear = 2030\n[[change]]\nkind = "close_links"\nlinks = "Rue haute"\nmodes = ["walk"]\n'
BODY = {
    "name": "Đóng phố",
    "title": {"en": "Street closed", "vi": "Đóng phố"},
    "change": [{"kind": "close_links", "links": {"name": "Rue haute"}, "modes": ["walk", "car"]}],
}
BROKEN = 'title = "Broken"\n[[change]]\nkind = "fly"\n'


class Client(requests.Session):
    """A running server, asked by path."""

    def __init__(self, app):
        super().__init__()
        self.app = app
        self._listening = listen("127.0.0.1", 0)
        self.address = address_of(self._listening)
        ready = threading.Event()
        threading.Thread(target=run, args=(app, self._listening, ready.set), daemon=True).start()
        assert ready.wait(10.0)

    def request(self, method, url, **options):
        return super().request(method, self.address + url.removeprefix("/"), timeout=90, **options)

    def close(self):
        self.app.state.runs.close()
        self._listening.close()
        super().close()


@pytest.fixture
def client_of():
    """Make clients of studies, whose runs work in the process of the server."""
    made = []

    def make(study, workers=0, **options):
        made.append(Client(create_app(study, workers=workers, **options)))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(client_of, little_study):
    return client_of(little_study(closed=CLOSED))


def texts(answer, status=422):
    assert answer.status_code == status, answer.text
    return [problem["text"] for problem in answer.json()["problems"]]


def events_of(text):
    """Number, name and data of every server-sent event in a text."""
    blocks = [dict(line.split(": ", 1) for line in block.splitlines()) for block in text.split("\n\n") if block]
    return [(int(b["id"]), b["event"], json.loads(b["data"])) for b in blocks if "event" in b]


def run_all(client, *names):
    started = client.post("/api/runs", json={"scenarios": list(names)})
    assert started.status_code == 202, started.text
    return started.json()["id"], events_of(client.get(f"/api/runs/{started.json()['id']}/events").text)


def arrow(answer):
    assert answer.status_code == 200, answer.text
    return pa.ipc.open_stream(io.BytesIO(answer.content)).read_all()


def test_a_study_shows_a_city_for_every_scenario_that_was_run(client):
    before = client.get("/api/study").json()["cities"]
    assert [(city["id"], city["state"], city["results"]) for city in before] == [(TODAY, "never run", [])]
    run_all(client)
    today, closed = client.get("/api/study").json()["cities"]
    assert today["state"] == closed["state"] == "up to date"
    assert (closed["id"], closed["title"]["fr"], closed["year"]) == ("closed", "Closed", 2030)
    assert {len(lines) for lines in closed["changes"].values()} == {1}
    assert today["changes"]["vi"] == []
    assert len({before[0]["key"], today["key"], closed["key"]}) == 3


def test_columns_that_simulations_gave_can_be_coloured_by(client):
    run_all(client)
    today, closed = (city["key"] for city in client.get("/api/study").json()["cities"])
    facts = client.get(f"/api/cities/{closed}/tables").json()["tables"]["buildings"]["columns"]["walk_to_school_m"]
    assert (facts["kind"], facts["unit"]) == ("float", "m")
    assert facts["description"].startswith("Walking distance")
    assert facts["methods"] == [{"method": "walk", "status": "modelled", "count": 32, "share": 1.0}]
    assert facts["statuses"] == {"modelled": 1.0}
    path = "tables/buildings?columns=walk_to_school_m&encoding="
    codes = arrow(client.get(f"/api/cities/{closed}/{path}quantised"))
    told = {key.decode(): value.decode() for key, value in codes.schema.field(0).metadata.items()}
    values = float(told["minimum"]) + (codes.column(0).to_numpy().astype(float) - 1) * float(told["step"])
    exact = arrow(client.get(f"/api/cities/{closed}/{path}plain")).column(0).to_numpy()
    assert np.abs(values - exact).max() <= float(told["step"]) / 2 + 1e-9
    assert exact.sum() > arrow(client.get(f"/api/cities/{today}/{path}plain")).column(0).to_numpy().sum()
    record = client.get(f"/api/cities/{closed}/tables/buildings/3").json()["columns"]["walk_to_school_m"]
    assert (record["method"], record["status"], record["unit"]) == ("walk", "modelled", "m")
    wards = client.get(f"/api/cities/{closed}/tables").json()["tables"]["wards"]["columns"]
    assert wards["footprint_m2"]["statuses"] == {"modelled": 1.0}


def test_a_city_says_when_its_scenario_was_changed_after_the_run(client, little_study):
    run_all(client)
    little_study(closed=CLOSED.replace("walk", "bicycle"))
    states = {city["id"]: city["state"] for city in client.get("/api/study").json()["cities"]}
    assert states == {TODAY: "up to date", "closed": "out of date"}


def test_a_scene_is_kept_as_long_as_some_scenario_has_its_city(client):
    run_all(client)
    today, closed = (city["key"] for city in client.get("/api/study").json()["cities"])
    for key in (today, closed, today):
        assert client.get(f"/api/scenes/{key}/scene.json").status_code == 200
    assert len(list(client.app.state.cities.study.derived.joinpath("scenes").iterdir())) == 2


def test_a_broken_file_is_told_beside_the_scenarios_that_work(client_of, little_study):
    client = client_of(little_study(closed=CLOSED, broken=BROKEN))
    found = client.get("/api/scenarios").json()
    assert [scenario["name"] for scenario in found["scenarios"]] == [TODAY, "closed"]
    assert any("broken.toml" in problem["text"] for problem in found["problems"])
    assert client.get("/api/study").status_code == 200
    assert run_all(client, "closed", TODAY)[1][-1][1] == "finished"
    assert client.get("/api/compare?scenarios=today,closed").status_code == 200
    assert any("broken.toml" in text for text in texts(client.post("/api/runs", json={"scenarios": ["broken"]})))


def test_a_scenario_is_written_read_replaced_and_removed(client):
    folder = client.app.state.cities.study.folder / "scenarios"
    made = client.post("/api/scenarios", json=BODY)
    assert made.status_code == 201, made.text
    assert (made.json()["state"], made.json()["change"]) == ("never run", BODY["change"])
    assert made.json()["title"] == {"en": "Street closed", "vi": "Đóng phố", "fr": "Street closed"}
    written = tomllib.loads((folder / "Đóng phố.toml").read_text(encoding="utf-8"))
    assert written == {key: value for key, value in BODY.items() if key != "name"}
    again = client.post("/api/scenarios", json={**BODY, "base": "closed", "year": 2040})
    assert (again.json()["base"], again.json()["year"]) == ("closed", 2040)
    assert "no other scenario rests on it" in texts(client.delete("/api/scenarios/closed"))[0]
    assert client.delete("/api/scenarios/Đóng phố").status_code == 204
    assert client.delete("/api/scenarios/Đóng phố").status_code == 404
    assert [path.name for path in folder.iterdir()] == ["closed.toml"]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"name": "../../evil"}, "is a name"),
        ({"name": "a/b"}, "is a name"),
        ({"name": "a\\b"}, "is a name"),
        ({"name": "nul\0"}, "is a name"),
        ({"name": "đ" * 101}, "is a name"),
        ({"name": "đô" * 50 + "đ"}, "is a name"),
        ({"name": "𝐚" * 60}, "at most 200 bytes"),
        ({"name": "ends. "}, "neither begins nor ends"),
        ({"name": None}, "name"),
        ({"name": 7}, "name"),
        ({"title": "\ud800"}, "is text"),
        ({"title": ""}, "title"),
        ({"base": "nowhere"}, "is a scenario: nowhere"),
        ({"base": "Đóng phố"}, "does not rest on itself"),
        ({"year": 1e300}, "year"),
        ({"year": 3000}, "is at most 2200"),
        ({"command": "rm -rf"}, "is a known key"),
        ({"change": [{"kind": "fly"}]}, "is one of"),
        ({"change": [{"kind": "close_links", "links": {"within": "../../../etc/passwd"}}]}, "inside the study"),
        ({"change": [{"kind": "close_links", "links": {"within": "/etc/passwd"}}]}, "inside the study"),
        ({"change": {"0": 1}}, "change"),
        ({"models": {"walk": [1]}}, "models"),
    ],
)
def test_what_breaks_rules_is_not_written(client, change, rule):
    folder = client.app.state.cities.study.folder / "scenarios"
    answer = client.post(
        "/api/scenarios", data=json.dumps({**BODY, **change}), headers={"content-type": "application/json"}
    )
    assert any(rule in text for text in texts(answer)), answer.text
    assert [path.name for path in folder.iterdir()] == ["closed.toml"]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 422),
        (b"", "application/json", 422),
        (b"[1]", "application/json", 422),
        (b"\xff\xfe", "application/json", 422),
        (b'{"name": NaN}', "application/json", 422),
        (b"[" * 200_000, "application/json", 422),
        (b'{"change": ' * 9_000 + b"1" + b"}" * 9_000, "application/json", 422),
        (b'{"name": "' + b"a" * 2_000_000 + b'"}', "application/json", 413),
        (json.dumps(BODY).encode(), "text/plain", 415),
        (json.dumps(BODY).encode(), "application/x-www-form-urlencoded", 415),
        (json.dumps(BODY).encode(), "", 415),
    ],
)
def test_hostile_bodies_are_refused(client, body, kind, status):
    for address in ("/api/scenarios", "/api/runs"):
        assert texts(client.post(address, data=body, headers={"content-type": kind} if kind else {}), status)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:9"},
        {"Origin": "http://localhost"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_pages_from_elsewhere_change_nothing(client, headers):
    for answer in (
        client.post("/api/scenarios", json=BODY, headers=headers),
        client.post("/api/runs", json={}, headers=headers),
        client.delete("/api/scenarios/closed", headers=headers),
    ):
        assert "the page that this server sent" in texts(answer, 403)[0]


def test_its_own_page_may_change_things(client):
    own = {"Origin": client.address.rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    assert client.post("/api/scenarios", json=BODY, headers=own).status_code == 201


def test_nothing_is_changed_where_other_machines_may_ask(client_of, little_study):
    client = client_of(little_study(closed=CLOSED), hosts=None)
    assert client.get("/api/scenarios").status_code == 200
    assert "this machine alone" in texts(client.delete("/api/scenarios/closed"), 403)[0]


def test_a_run_tells_what_happens_and_can_be_heard_again_from_any_event(client):
    run_id, heard = run_all(client)
    kinds = [kind for _, kind, _ in heard]
    assert (kinds[0], kinds[-1]) == ("begin", "finished")
    assert kinds.count("start") == kinds.count("done") == heard[0][2]["total"]
    assert [number for number, _, _ in heard] == list(range(1, len(heard) + 1))
    done = [data for _, kind, data in heard if kind == "done"]
    assert {(data["scenario"], data["work"], data["state"]) for data in done} >= {("closed", "walk", "made")}
    assert all(data["took"] >= 0.0 for data in done)
    later = client.get(f"/api/runs/{run_id}/events", headers={"Last-Event-ID": "3"})
    assert later.headers["content-type"].startswith("text/event-stream")
    assert events_of(later.text) == heard[3:]
    known = client.get(f"/api/runs/{run_id}/events", headers={"Last-Event-ID": str(len(heard))})
    assert known.status_code == 204
    assert events_of(client.get(f"/api/runs/{run_id}/events", headers={"Last-Event-ID": "-7x"}).text) == heard
    facts = client.get(f"/api/runs/{run_id}").json()
    assert (facts["state"], facts["done"]) == ("finished", facts["total"])
    second = [data for _, kind, data in run_all(client)[1] if kind == "done"]
    assert {data["state"] for data in second} == {"found"}


def test_a_run_that_fails_says_why(client, little_study):
    little_study(closed=CLOSED, bad='title = "Bad"\n[[change]]\nkind = "close_links"\nlinks = [99999]\n')
    _, heard = run_all(client)
    assert heard[-1][1] == "failed"
    assert "99999" in heard[-1][2]["problems"][0]["text"]
    assert {city["id"] for city in client.get("/api/study").json()["cities"]} == {TODAY, "closed"}


def test_unknown_scenarios_and_runs_are_named(client):
    assert "nowhere: is a scenario" in texts(client.post("/api/runs", json={"scenarios": ["nowhere"]}))[0]
    assert texts(client.post("/api/runs", json={"scenarios": "closed"}))
    assert texts(client.post("/api/runs", json={"shell": "true"}))
    for answer in (client.get("/api/runs/none/events"), client.get("/api/runs/none"), client.delete("/api/runs/none")):
        assert texts(answer, 404)


@pytest.fixture
def slow(monkeypatch):
    """Runs that wait for a sign, or for being cancelled."""
    go_on = threading.Event()

    def wait(place, scenarios, names, *, progress, cancel, **options):
        progress.begin(2)
        while not go_on.wait(0.02):
            if cancel.is_set():
                raise runs_module.Cancelled("stopped")

    monkeypatch.setattr(runs_module, "run_scenarios", wait)
    yield go_on
    go_on.set()


def test_one_run_goes_on_at_a_time_and_can_be_cancelled(client, slow):
    first = client.post("/api/runs", json={}).json()["id"]
    assert first in texts(client.post("/api/runs", json={}), 409)[0]
    assert client.get("/api/runs").json()["runs"][0]["state"] == "running"
    assert client.head(f"/api/runs/{first}/events").status_code == 200
    assert client.delete(f"/api/runs/{first}").status_code == 202
    assert events_of(client.get(f"/api/runs/{first}/events").text)[-1][1] == "cancelled"
    slow.set()
    assert run_all(client)[1][-1][1] == "finished"


def test_a_fault_of_dothi_ends_the_run_and_the_next_may_begin(client, monkeypatch):
    def fall(*_, **__):
        raise KeyError("a bug")

    with monkeypatch.context() as patched:
        patched.setattr(runs_module, "run_scenarios", fall)
        patched.setattr(threading, "excepthook", lambda _: None)
        _, heard = run_all(client)
    assert heard[-1][1] == "failed"
    assert "fault of Dothi" in heard[-1][2]["problems"][0]["text"]
    assert run_all(client)[1][-1][1] == "finished"


def test_indicators_stand_side_by_side(client):
    run_all(client)
    found = client.get("/api/compare?scenarios=today,closed&by=ward").json()
    assert found["scenarios"] == [TODAY, "closed"]
    assert [area["name"] for area in found["areas"]] == ["", "Phường Nam", "Phường Bắc"]
    assert found["differences"][0] == {"vi": [], "fr": [], "en": []}
    assert "Rue haute" in found["differences"][1]["en"][0]
    ids = {indicator["id"] for indicator in found["indicators"]}
    for area in found["areas"]:
        assert area["cells"].keys() == ids
        for first, second in area["cells"].values():
            assert first["verdict"] in ("same", "")
            if first["value"] is not None and second["value"] is not None:
                assert second["delta"] == pytest.approx(second["value"] - first["value"])
    assert len(client.get("/api/compare?scenarios=today").json()["areas"]) == 1


def test_what_cannot_be_compared_is_named(client):
    rules = texts(client.get("/api/compare?scenarios=closed,nowhere"))
    assert len(rules) == 2
    assert texts(client.get("/api/compare?scenarios="))
    assert texts(client.get("/api/compare?scenarios=today&by=planet"))
    assert texts(client.get("/api/compare/difference?a=today&b=closed&table=buildings&column=height_m"), 404)


def test_differences_stand_object_by_object_in_the_order_of_the_first_city(client):
    run_all(client)
    address = "/api/compare/difference?a=today&b=closed&table=buildings&column=walk_to_school_m"
    codes = arrow(client.get(address))
    told = {key.decode(): value.decode() for key, value in codes.schema.field("difference").metadata.items()}
    assert told["unit"] == "m"
    values = float(told["minimum"]) + (codes["difference"].to_numpy().astype(float) - 1) * float(told["step"])
    study = client.app.state.cities.study
    exact = between(study.evidence(TODAY), study.evidence("closed"), "buildings", "walk_to_school_m")
    assert np.abs(values - exact.to_numpy()).max() <= float(told["step"])
    assert values.max() > 0.0
    assert json.loads(codes.schema.metadata[b"only_in_b"]) == []
    assert texts(client.get(address.replace("walk_to_school_m", "building_id")))
    assert texts(client.get(address.replace("buildings", "nothing")), 404)


class Tables:
    """A city with one table."""

    def __init__(self, ids, **columns):
        self._table = pa.table({"building_id": pa.array(ids, pa.int64()), **columns})

    def table(self, _name):
        return self._table


def test_objects_of_one_city_only_are_told_and_words_say_what_became_of_them():
    a = Tables([5, 3, 9], height_m=[1.0, None, 4.0], name=["x", "y", "z"])
    b = Tables([3, 5, 7], height_m=[2.0, 3.5, 1.0], name=["y", "w", "v"])
    found = difference_table(a, b, "buildings", "height_m")
    assert found["difference"].to_pylist() == [2.5, None, None]
    assert found["only_in_a"].to_pylist() == [False, False, True]
    assert json.loads(found.schema.metadata[b"only_in_b"]) == [7]
    assert difference_table(a, b, "buildings", "name")["difference"].to_pylist() == ["x → w", None, None]
    nothing = Tables([], height_m=pa.array([], pa.float64()), name=pa.array([], pa.string()))
    assert difference_table(a, nothing, "buildings", "height_m")["only_in_a"].to_pylist() == [True] * 3
    assert difference_table(a, nothing, "buildings", "name")["difference"].to_pylist() == [None] * 3
    assert difference_table(nothing, a, "buildings", "name").num_rows == 0


@pytest.fixture
def real(client_of, little_study):
    """A server whose runs work in a process of their own."""
    return client_of(little_study(closed=CLOSED), workers=1)


def test_several_listeners_hear_a_real_run_as_it_goes_on_and_the_server_answers_meanwhile(real):
    started = real.post("/api/runs", json={}).json()["id"]
    heard = [[], []]

    def hear(into, most):
        """Listen, hang up after some events, and go on where it ended, as a browser does."""
        last = 0
        while True:
            address = f"{real.address}api/runs/{started}/events"
            with requests.get(address, headers={"Last-Event-ID": str(last)}, stream=True, timeout=60) as answer:
                if answer.status_code == 204:
                    return
                text = ""
                for line in answer.iter_lines(decode_unicode=True):
                    text += f"{line}\n"
                    into += events_of(text) if not line else []
                    text = text if line else ""
                    if into and into[-1][0] >= last + most:
                        break
                last = into[-1][0]

    listeners = [threading.Thread(target=hear, args=(into, most)) for into, most in zip(heard, (1000, 2), strict=True)]
    for listener in listeners:
        listener.start()
    began = time.perf_counter()
    assert real.get("/api/study").status_code == 200
    assert time.perf_counter() - began < 5.0
    for listener in listeners:
        listener.join(90.0)
    assert heard[0] == heard[1]
    assert heard[0][-1][1] == "finished"


def test_a_cancelled_run_ends_its_processes_and_keeps_what_is_finished(real):
    started = real.post("/api/runs", json={}).json()["id"]
    real.delete(f"/api/runs/{started}").raise_for_status()
    text = real.get(f"/api/runs/{started}/events").text
    assert events_of(text)[-1][1] == "cancelled"
    again = real.post("/api/runs", json={}).json()["id"]
    assert events_of(real.get(f"/api/runs/{again}/events").text)[-1][1] == "finished"


RAIN = 'title = "Rain"\n[[change]]\nkind = "storm"\nreturn_period_years = 10\n'


def test_notes_of_changes_stand_beside_the_scenario_and_in_the_comparison(client_of, little_study):
    client = client_of(little_study(rain=RAIN))
    run_all(client)
    (note,) = next(one for one in client.get("/api/scenarios").json()["scenarios"] if one["name"] == "rain")["notes"]
    assert note["severity"] == "note"
    assert note["texts"]["fr"].startswith("rain, modification 1: storm: curve\u00a0: les constantes de pluie de Région")
    assert note["rules"]["vi"].startswith("hằng số mưa của Région")
    compared = client.get("/api/compare?scenarios=today,rain").json()
    assert compared["notes"] == [[], [note]]


def test_problems_units_and_formulas_are_told_in_three_languages(client):
    wrong = {"name": "x", "title": "X", "change": [{"kind": "close_links", "links": "Rue haute", "lanes": 2}]}
    (problem,) = client.post("/api/scenarios", json=wrong).json()["problems"]
    assert problem["rules"] == {"en": "is a known key", "fr": "est une clé connue", "vi": "là khóa được biết"}
    run_all(client)
    kpis = {kpi["id"]: kpi for kpi in client.get("/api/compare?scenarios=today").json()["indicators"]}
    assert kpis["LIV-15"]["unit"]["vi"] == "người/km²"
    assert kpis["LIV-15"]["formula"]["fr"] == "Habitants / surface"


def test_a_simulation_that_nobody_offers_is_refused_at_once(client):
    answer = client.post("/api/runs", json={"also": ["weather_control"]})
    assert answer.status_code == 422
    assert "weather_control" in answer.json()["problems"][0]["texts"]["vi"]
