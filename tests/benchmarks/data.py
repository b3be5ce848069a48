"""Row-shaped answers of a given size, the same in every run."""

import random
from typing import Any


def rows(size: int, seed: int = 1) -> list[dict[str, Any]]:
    """About so many bytes of JSON: facilities, indicators, periods and values."""
    draw = random.Random(seed)
    return [
        {
            "facility_id": f"facility_{draw.randrange(4000):05}",
            "admin_area_2": f"District {draw.randrange(60)}",
            "indicator": draw.choice(["anc1", "anc4", "delivery", "penta1", "penta3", "opd"]),
            "period": 202000 + draw.randrange(1, 60),
            "value": round(draw.random() * 5000, 2),
        }
        for _ in range(size // 117)
    ]
