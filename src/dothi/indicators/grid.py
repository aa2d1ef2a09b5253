"""Indicators of the electricity grid."""

from __future__ import annotations

from typing import Final

import numpy as np

from dothi import place
from dothi.kpi import Evidence, Kpi, percent


def _stressed(evidence: Evidence) -> float | None:
    """Lines and transformers overloaded in some hour, and transformers whose area leaves the band of voltage."""
    lines, transformers = evidence.table("grid_lines"), evidence.table("transformers")
    if "overloaded_h" not in lines or "overloaded_h" not in transformers:
        return None
    band = float(place.load(evidence.city.country, "grid")["voltage"]["low_band"])
    low, high = (transformers[f"{name}_pu"].to_numpy(dtype=float) for name in ("lowest", "highest"))
    with np.errstate(invalid="ignore"):
        off = (low < 1.0 - band) | (high > 1.0 + band)
    known = lines["peak_a"].notna().to_numpy(), transformers["peak_kva"].notna().to_numpy()
    stressed = (lines["overloaded_h"] > 0.0).to_numpy()[known[0]].sum()
    stressed += (off | (transformers["overloaded_h"] > 0.0).to_numpy())[known[1]].sum()
    return percent(float(stressed), float(known[0].sum() + known[1].sum()))


def _without_power(evidence: Evidence) -> float | None:
    """Mean over dwellings, and one for each building without, of the hours without supply in a year."""
    if "outage_h" not in evidence.buildings:
        return None
    hours = evidence.buildings["outage_h"].to_numpy(dtype=float, na_value=np.nan)
    known = np.isfinite(hours)
    if not known.any():
        return None
    return float(np.average(hours[known], weights=np.maximum(evidence.numbers("buildings", "dwellings"), 1.0)[known]))


KPIS: Final = (
    Kpi(
        "ENV-26",
        "environment",
        {
            "en": "Distribution grid stress",
            "fr": "Contrainte du réseau de distribution",
            "vi": "Mức quá tải lưới phân phối",
        },
        "% of grid elements",
        "lower",
        ("power",),
        {
            "en": "Lines and transformers above their rating in some hour, or whose area leaves the band of voltage / "
            "all of them",
            "fr": "Lignes et transformateurs au-dessus de leur capacité au moins une heure, ou dont la zone sort de la "
            "plage de tension / tous",
            "vi": "Đường dây và trạm biến áp vượt công suất trong ít nhất một giờ, hoặc có khu vực ngoài dải điện áp / "
            "tổng số",
        },
        "Definition of Dothi; band of EN 50160 or of the country",
        _stressed,
    ),
    Kpi(
        "LIV-13",
        "living",
        {
            "en": "Simulated power outage time (SAIDI)",
            "fr": "Temps de coupure simulé (SAIDI)",
            "vi": "Thời gian mất điện mô phỏng (SAIDI)",
        },
        "h per customer and year",
        "lower",
        ("power",),
        {
            "en": "Faults of lines and transformers in a year × hours without supply, mean over customers",
            "fr": "Défauts des lignes et transformateurs par an × heures de coupure, moyenne des clients",
            "vi": "Số sự cố đường dây và trạm biến áp mỗi năm × số giờ mất điện, trung bình theo khách hàng",
        },
        "U4SSC EC:I:ES:2C; IEEE Std 1366",
        _without_power,
    ),
)
