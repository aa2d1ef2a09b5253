"""Indicators of public transport."""

from __future__ import annotations

from typing import Final

import numpy as np
import shapely

from dothi.kpi import Evidence, Kpi, per, percent
from dothi.units import M_PER_KM

PEOPLE: Final = 100_000.0
OFTEN_H: Final = 10.0
SOMETIMES_H: Final = 4.0


def _length(evidence: Evidence) -> float | None:
    """Length of lines for 100,000 residents; of the two directions of a line, half of both."""
    routes = evidence.table("routes")
    if "trips_day" not in routes or not (routes["trips_day"] > 0.0).any():
        return None
    served = routes[(routes["trips_day"] > 0.0).to_numpy() & routes.geometry.notna().to_numpy()]
    if not len(served):
        return None
    shapes = shapely.length(np.asarray(served.geometry.array, dtype=object))
    known = served["short_name"].fillna("").astype("str") + served["mode"].astype("str")
    single = ~known.duplicated(keep=False).to_numpy() & (shapely.get_num_geometries(served.geometry.array) == 1)
    return per(float(np.where(single, 1.0, 0.5) @ shapes) / M_PER_KM, evidence.residents.sum(), PEOPLE)


def _graded(evidence: Evidence) -> float | None:
    """Residents weighted by how often a vehicle leaves near them."""
    if "departures_near_peak_h" not in evidence.buildings:
        return None
    departures = evidence.numbers("buildings", "departures_near_peak_h")
    weight = np.where(departures >= OFTEN_H, 1.0, np.where(departures >= SOMETIMES_H, 0.5, 0.0))
    return percent(float(weight @ evidence.residents), float(evidence.residents.sum()))


def _crowded(evidence: Evidence) -> float | None:
    """Passenger-kilometres of the peak hour on sections with more passengers than places."""
    sections = evidence.results["ridership"].tables["route_sections"]
    shapes = np.asarray(sections.geometry.array, dtype=object)
    if evidence.within is not None and len(sections):
        inside = shapely.intersects(evidence.within, shapely.centroid(shapes))
        sections, shapes = sections[inside], shapes[inside]
    passenger_m = sections["passengers_peak_h"].to_numpy() * shapely.length(shapes)
    crowded = (sections["load_ratio"] > 1.0).to_numpy()
    return percent(float(passenger_m[crowded].sum()), float(passenger_m.sum()))


def _boardings(evidence: Evidence) -> float | None:
    """Passengers who get on at the stops of the area on a working day, for each resident."""
    if not len(evidence.table("stops")):
        return None
    return per(float(evidence.numbers("stops", "boardings_day").sum()), float(evidence.residents.sum()))


KPIS: Final = (
    Kpi(
        "MOB-02",
        "mobility",
        {
            "en": "Length of public transport lines",
            "fr": "Longueur du réseau de transport public",
            "vi": "Chiều dài mạng lưới giao thông công cộng",
        },
        "km per 100,000 inhabitants",
        "higher",
        ("transit",),
        {
            "en": "Length of lines, one direction / residents",
            "fr": "Longueur des lignes, un sens / habitants",
            "vi": "Chiều dài các tuyến, một chiều / dân số",
        },
        "U4SSC EC:I:T:1C",
        _length,
    ),
    Kpi(
        "MOB-09",
        "mobility",
        {
            "en": "Access to public transport, by how often it runs",
            "fr": "Accès aux transports publics, gradué selon la fréquence",
            "vi": "Tiếp cận giao thông công cộng theo tần suất",
        },
        "% of residents",
        "higher",
        ("transit",),
        {
            "en": f"Residents weighted 1 with {OFTEN_H:g} departures or more in a peak hour at a stop within a walk of "
            f"500 m, 0.5 with {SOMETIMES_H:g} or more / residents",
            "fr": f"Habitants, poids 1 avec au moins {OFTEN_H:g} départs à l’heure de pointe à un arrêt à moins de "
            f"500 m à pied, 0,5 avec au moins {SOMETIMES_H:g} / habitants",
            "vi": f"Dân số, hệ số 1 khi có từ {OFTEN_H:g} chuyến giờ cao điểm tại trạm trong 500 m đi bộ, 0,5 khi có "
            f"từ {SOMETIMES_H:g} chuyến / dân số",
        },
        "SUMI 6; classes of H. Poelman and L. Dijkstra, Measuring access to public transport in European cities, 2015",
        _graded,
    ),
    Kpi(
        "MOB-19",
        "mobility",
        {
            "en": "Crowding of public transport",
            "fr": "Saturation des transports publics",
            "vi": "Mức quá tải của giao thông công cộng",
        },
        "% of passenger-km",
        "lower",
        ("ridership",),
        {
            "en": "Passenger-km in a peak hour on sections with more passengers than places / passenger-km",
            "fr": "Voyageurs-km à l’heure de pointe sur les sections où les places manquent / voyageurs-km",
            "vi": "Lượt hành khách-km giờ cao điểm trên các đoạn có số khách vượt số chỗ / tổng hành khách-km",
        },
        "No published definition: Dothi",
        _crowded,
    ),
    Kpi(
        "MOB-21",
        "mobility",
        {
            "en": "Public transport trips per inhabitant",
            "fr": "Voyages en transport public par habitant",
            "vi": "Lượt đi giao thông công cộng bình quân",
        },
        "boardings per inhabitant and day",
        "higher",
        ("ridership",),
        {
            "en": "Passengers who get on at a stop on a working day, each change of line counted again / residents",
            "fr": "Montées aux arrêts un jour ouvrable, correspondances comprises / habitants",
            "vi": "Lượt khách lên xe tại các trạm trong ngày làm việc, tính cả chuyển tuyến / dân số",
        },
        "ISO 37120, public transport trips per capita, by day here (from memory)",
        _boardings,
    ),
)
