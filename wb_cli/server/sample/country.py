"""A country: its areas, indicators and facilities, and the reports of the facilities."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from wb_cli.server.sample.size import Chance, Size

MONTHS = [year * 100 + month for year in (2022, 2023, 2024) for month in range(1, 13)]
REGIONS = ("Central", "Coast", "East", "Highlands", "Lakes", "North", "South", "West")
BEGINNINGS = ("Ba", "Ka", "Lu", "Ma", "Mbe", "Na", "Nga", "Ro", "Sa", "Ti", "Wa", "Zo")
MIDDLES = ("bu", "do", "ga", "ki", "la", "me", "nu", "ri", "so", "ta")
ENDS = ("la", "mba", "nda", "ro", "si", "ti", "va", "we")
FACILITY_TYPES = ("Health post", "Health centre", "District hospital", "Referral hospital")
OWNERSHIPS = ("Public", "Private", "Faith-based")
RESIDENCES = ("Rural", "Urban")
COMMON_INDICATORS = {
    "anc1": "Antenatal care, first visit",
    "anc4": "Antenatal care, fourth visit",
    "delivery": "Deliveries in a facility",
    "csection": "Caesarean sections",
    "pnc": "Postnatal care",
    "bcg": "BCG",
    "penta1": "Pentavalent, first dose",
    "penta3": "Pentavalent, third dose",
    "measles1": "Measles, first dose",
    "opd": "Outpatient visits",
    "ipd": "Inpatient admissions",
    "malaria_tested": "Malaria, tested",
    "malaria_treated": "Malaria, treated",
    "hiv_tested": "HIV, tested",
    "tb_notified": "Tuberculosis, notified",
    "fp_new": "Family planning, new users",
}
HFA_INDICATORS = {
    "power": "Reliable electricity",
    "water": "Improved water source",
    "staff": "Skilled birth attendant present",
    "vaccines": "Vaccines in stock",
    "amoxicillin": "Amoxicillin in stock",
    "oxygen": "Oxygen available",
}


@dataclass(frozen=True, slots=True)
class District:
    """An area of the third level, within a region. Its weight is its share of all figures."""

    name: str
    region: str
    weight: float


@dataclass(frozen=True)
class Country:
    """The country that a seed makes."""

    size: Size

    @cached_property
    def months(self) -> list[int]:
        """The months that have data. Very few rows have fewer months."""
        wanted = math.ceil(self.size.rows / (len(COMMON_INDICATORS) * len(REGIONS)))
        return MONTHS[-max(6, wanted) :]

    @cached_property
    def districts(self) -> list[District]:
        """As many districts as the results by indicator, district and month need for their rows."""
        wanted = self.size.rows / (len(COMMON_INDICATORS) * len(self.months))
        count = max(len(REGIONS), min(400, math.ceil(wanted)))
        chance = self.size.chance("districts")
        names = [a + b + c for a in BEGINNINGS for b in MIDDLES for c in ENDS]
        return [
            District(name, REGIONS[number % len(REGIONS)], chance.uniform(0.4, 2.5))
            for number, name in enumerate(chance.sample(names, count))
        ]

    @cached_property
    def facilities(self) -> list[tuple[str, ...]]:
        """Rows of `facilities`."""
        chance = self.size.chance("facilities")
        count = max(2 * len(REGIONS), min(1_000, self.size.rows // 100))
        return [self._facility(number, chance) for number in range(count)]

    @cached_property
    def raw_indicators(self) -> list[tuple[str, str]]:
        """Two elements of reporting forms for each common indicator."""
        return [
            (f"{name}_{form}", f"{label} ({form})")
            for name, label in COMMON_INDICATORS.items()
            for form in ("fixed", "outreach")
        ]

    def hmis(self) -> Iterator[tuple[str, str, int, int]]:
        """Rows of `dataset_hmis`: the monthly reports of facilities. Some reports are missing."""
        chance = self.size.chance("hmis")
        for facility, *_ in self.facilities:
            scale = chance.lognormvariate(0, 0.6)
            for indicator, _ in self.raw_indicators:
                level = scale * chance.uniform(5, 120)
                for number, month in enumerate(self.months[-24:]):
                    if chance.happens(0.94):
                        count = level * season(number) * chance.uniform(0.8, 1.2)
                        yield facility, indicator, month, round(count)

    def hfa(self) -> Iterator[tuple[str, str, str, str, float]]:
        """Rows of `dataset_hfa`: the results of a survey at some of the facilities."""
        chance = self.size.chance("hfa")
        for time_point in ("2021", "2023"):
            for facility, _, _, region, *_ in self.facilities:
                for indicator in HFA_INDICATORS:
                    if chance.happens(0.7):
                        yield facility, region, indicator, time_point, float(chance.happens(0.6))

    def _facility(self, number: int, chance: Chance) -> tuple[str, ...]:
        district = self.districts[number % len(self.districts)]
        kind = chance.choices(FACILITY_TYPES, (60, 30, 8, 2))[0]
        return (
            f"f{number:04d}",
            f"{district.name} {kind} {number}",
            "Sampleland",
            district.region,
            district.name,
            f"{district.name} {chance.choice(('A', 'B', 'C'))}",
            kind,
            chance.choices(OWNERSHIPS, (70, 20, 10))[0],
            chance.choices(RESIDENCES, (75, 25))[0],
        )


def season(month_number: int) -> float:
    """The factor of a month, from its season and from the growth over the years."""
    return (1 + 0.2 * math.sin(month_number * math.pi / 6)) * (1 + 0.004 * month_number)
