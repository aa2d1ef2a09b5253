"""Indicators of mobility."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from dothi.kpi import Evidence, Kpi, per, percent
from dothi.units import M2_PER_KM2, M_PER_KM, SECONDS_PER_HOUR, SECONDS_PER_MINUTE

STOP_WALK_M: Final = 500.0
PEOPLE: Final = 100_000.0
BUSY: Final = 0.9
"""Flow over capacity above which a road counts as congested."""
MAIN_ROADS: Final = ("motorway", "trunk", "primary", "secondary", "tertiary")
MOTOR: Final = ("car", "motorbike", "truck")


def _streets(evidence: Evidence) -> Any:
    """Links, each street once: of two opposite ones, the one with the smaller id."""
    links = evidence.table("links")
    back = links["reverse_link_id"].to_numpy(dtype=float, na_value=np.inf)
    return links[links.index.to_numpy() < np.where(np.isfinite(back), back, np.inf)]


def _road_density(evidence: Evidence) -> float | None:
    streets = _streets(evidence)
    return per(streets["length_m"][streets["car"]].sum() / M_PER_KM, evidence.area_m2, M2_PER_KM2)


def _cycling(evidence: Evidence) -> float | None:
    streets = _streets(evidence)
    own = streets["class"].astype("str") == "cycleway"
    return per(streets["length_m"][own].sum() / M_PER_KM, evidence.residents.sum(), PEOPLE)


def _of_residents(evidence: Evidence, *columns: str) -> float | None:
    """Sum of columns of the zones, as a mean over their residents."""
    zones = evidence.table("zones")
    if any(column not in zones for column in columns):
        return None
    values = zones[list(columns)].sum(axis=1, skipna=False).to_numpy(dtype=float, na_value=np.nan)
    people = np.nan_to_num(zones["residents"].to_numpy(dtype=float, na_value=0.0))
    known = np.isfinite(values)
    return per((people * values)[known].sum(), people[known].sum())


def _sustainable_share(evidence: Evidence) -> float | None:
    share = _of_residents(evidence, "share_walk", "share_bicycle", "share_transit")
    return None if share is None else 100.0 * share


def _commute(evidence: Evidence) -> float | None:
    seconds = _of_residents(evidence, "mean_commute_s")
    return None if seconds is None else seconds / SECONDS_PER_MINUTE


def _travel_time_index(evidence: Evidence) -> float | None:
    links = evidence.table("links")
    taken = empty = 0.0
    for kind in ("car", "motorbike"):
        flow = links[f"volume_{kind}_veh_h"].to_numpy(dtype=float, na_value=np.nan)
        time = links[f"time_{kind}_s"].to_numpy(dtype=float, na_value=np.nan)
        free = (links["length_m"] / links["free_speed_m_s"]).to_numpy(dtype=float, na_value=np.nan)
        known = np.isfinite(flow * time * free)
        taken += (flow * np.maximum(time, free))[known].sum()
        empty += (flow * free)[known].sum()
    return per(taken, empty)


def _congested(evidence: Evidence) -> float | None:
    links = evidence.table("links")
    main = links[links["class"].astype("str").isin(MAIN_ROADS) & links["car"]]
    busy = main["saturation"].to_numpy(dtype=float, na_value=0.0) > BUSY
    return percent(main["length_m"][busy].sum(), main["length_m"].sum())


def _of_day(evidence: Evidence, kinds: tuple[str, ...], delay: bool) -> float:
    """Vehicle kilometres of a working day on the links, or hours that vehicles lose on them."""
    links = evidence.table("links")
    flows = evidence.results["traffic"].tables["link_flows"]
    flows = flows[flows["link_id"].isin(links.index)]
    on = links.loc[flows["link_id"]]
    length, hours = on["length_m"].to_numpy(dtype=float), flows["hours_h"].to_numpy(dtype=float)
    free = on["free_speed_m_s"].to_numpy(dtype=float, na_value=np.nan)
    total = 0.0
    for kind in kinds:
        vehicles = flows[f"volume_{kind}_veh_h"].to_numpy(dtype=float) * hours
        if delay:
            speed = flows[f"speed_{kind}_m_s"].to_numpy(dtype=float)
            lost = np.nan_to_num(np.maximum(length / speed - length / free, 0.0))
            total += float((vehicles * lost).sum()) / SECONDS_PER_HOUR
        else:
            total += float((vehicles * length).sum()) / M_PER_KM
    return total


KPIS: Final = (
    Kpi(
        "MOB-01",
        "mobility",
        {
            "en": "Public transport within a walk",
            "fr": "Accès commode au réseau de transport public",
            "vi": "Tỷ lệ dân số tiếp cận thuận tiện giao thông công cộng",
        },
        "% of residents",
        "higher",
        ("walk",),
        {
            "en": f"Residents within {STOP_WALK_M:g} m of a stop on foot / residents",
            "fr": f"Habitants à moins de {STOP_WALK_M:g} m à pied d’un arrêt / habitants",
            "vi": f"Dân số cách trạm dừng không quá {STOP_WALK_M:g} m đi bộ / dân số",
        },
        "U4SSC EC:I:T:2A; SDG 11.2.1",
        lambda evidence: evidence.share_within("walk_to_stop_m", STOP_WALK_M),
    ),
    Kpi(
        "MOB-03",
        "mobility",
        {"en": "Cycle tracks", "fr": "Réseau cyclable", "vi": "Mạng lưới đường xe đạp"},
        "km per 100,000 inhabitants",
        "higher",
        (),
        {
            "en": "Length of cycleways / residents",
            "fr": "Longueur des pistes cyclables / habitants",
            "vi": "Chiều dài đường xe đạp / dân số",
        },
        "U4SSC EC:I:T:3C",
        _cycling,
        "measured",
    ),
    Kpi(
        "MOB-04",
        "mobility",
        {
            "en": "Sustainable mode share",
            "fr": "Part modale durable",
            "vi": "Tỷ lệ phương thức đi lại bền vững",
        },
        "% of trips",
        "higher",
        ("traffic",),
        {
            "en": "Trips of residents by public transport, on foot and by bicycle / all their trips from and to home",
            "fr": "Déplacements des habitants en transport public, à pied et à vélo / tous ceux liés au domicile",
            "vi": "Chuyến đi của dân cư bằng giao thông công cộng, đi bộ, xe đạp / mọi chuyến đi từ và về nhà",
        },
        "U4SSC EC:I:T:4A; SUTI",
        _sustainable_share,
    ),
    Kpi(
        "MOB-05",
        "mobility",
        {"en": "Travel time index", "fr": "Indice de temps de parcours", "vi": "Chỉ số thời gian hành trình"},
        "ratio",
        "lower",
        ("traffic",),
        {
            "en": "Time of cars and motorbikes in the morning peak hour / time on empty roads",
            "fr": "Temps des voitures et deux-roues motorisés à l’heure de pointe du matin / temps à vide",
            "vi": "Thời gian đi ô tô và xe máy giờ cao điểm sáng / thời gian khi đường trống",
        },
        "U4SSC EC:I:T:5A",
        _travel_time_index,
    ),
    Kpi(
        "MOB-06",
        "mobility",
        {
            "en": "Average commuting time",
            "fr": "Temps moyen de déplacement domicile-travail",
            "vi": "Thời gian đi làm trung bình",
        },
        "min per trip",
        "lower",
        ("traffic",),
        {
            "en": "Time from door to door to work, mean of all modes and residents",
            "fr": "Temps de porte à porte jusqu’au travail, moyenne des modes et des habitants",
            "vi": "Thời gian từ nhà đến nơi làm việc, trung bình mọi phương thức và dân cư",
        },
        "SUMI 16; ISO 37120:2018, ch. 19",
        _commute,
    ),
    Kpi(
        "MOB-07",
        "mobility",
        {"en": "Congested main roads", "fr": "Part du réseau principal saturé", "vi": "Tỷ lệ mạng đường bị quá tải"},
        "% of main road length",
        "lower",
        ("traffic",),
        {
            "en": f"Length of main roads with more than {BUSY:g} of their capacity in the peak / their length",
            "fr": f"Longueur des voies principales au-delà de {BUSY:g} de leur capacité en pointe / leur longueur",
            "vi": f"Chiều dài đường chính có lưu lượng giờ cao điểm vượt {BUSY:g} năng lực / tổng chiều dài",
        },
        "SUMI 8",
        _congested,
    ),
    Kpi(
        "MOB-19",
        "mobility",
        {
            "en": "Motor traffic",
            "fr": "Trafic motorisé",
            "vi": "Lưu lượng giao thông cơ giới",
        },
        "vehicle-km per inhabitant and day",
        "lower",
        ("traffic",),
        {
            "en": "Kilometres of cars, motorbikes and trucks on the streets of the area on a working day / residents",
            "fr": "Kilomètres des voitures, deux-roues et camions sur les rues, jour ouvré / habitants",
            "vi": "Số km xe của ô tô, xe máy, xe tải trên đường trong khu vực một ngày làm việc / dân số",
        },
        "project definition",
        lambda evidence: per(_of_day(evidence, MOTOR, delay=False), evidence.residents.sum()),
    ),
    Kpi(
        "MOB-20",
        "mobility",
        {
            "en": "Time lost in traffic",
            "fr": "Temps perdu dans la circulation",
            "vi": "Thời gian mất do ùn tắc",
        },
        "vehicle-hours per day",
        "lower",
        ("traffic",),
        {
            "en": "Time of cars, motorbikes and trucks on a working day beyond that on empty roads",
            "fr": "Temps des voitures, deux-roues et camions au-delà du temps à vide, jour ouvré",
            "vi": "Thời gian của ô tô, xe máy, xe tải một ngày làm việc vượt quá khi đường trống",
        },
        "SUMI 8 (congestion and delays)",
        lambda evidence: _of_day(evidence, MOTOR, delay=True),
    ),
    Kpi(
        "MOB-10",
        "mobility",
        {"en": "Road density", "fr": "Densité du réseau viaire", "vi": "Mật độ đường giao thông đô thị"},
        "km per km²",
        "higher",
        (),
        {
            "en": "Length of streets open to cars / area",
            "fr": "Longueur des rues ouvertes aux voitures / surface",
            "vi": "Chiều dài đường ô tô đi được / diện tích",
        },
        "Resolution 111/2025/UBTVQH15, standard 2A.III.07",
        _road_density,
        "measured",
    ),
)
