"""What an hour of a machine costs and draws, and what that comes to: dollars and kWh beside seconds."""

from dataclasses import dataclass
from typing import Any

from groundup import hardware
from groundup.hardware import catalogue
from groundup.hardware.catalogue import Offer


@dataclass(frozen=True)
class Tariff:
    """What an hour costs, and where that comes from."""

    dollars_per_hour: float
    watts: float
    source: str

    def dollars(self, seconds: float) -> float:
        """The price of so many seconds."""
        return self.dollars_per_hour * seconds / 3600

    def kwh(self, seconds: float) -> float:
        """The energy of so many seconds."""
        return self.watts * seconds / 3.6e6

    def told(self, seconds: float) -> dict[str, Any]:
        """Both as numbers for JSON."""
        return {"dollars": round(self.dollars(seconds), 6), "kwh": round(self.kwh(seconds), 6)}


def tariff(offer: Offer | None, price: float | None = None, watts: float | None = None) -> Tariff:
    """Of a machine of the table, or as a person says; free and without power where nobody knows."""
    said = price is not None
    if offer is None:
        return Tariff(
            price or 0.0, watts or 0.0, "as said" if said else "no price is known for this machine: say --price"
        )
    dated = f"{offer.source}, read {offer.read}" if offer.read else offer.source
    return Tariff(
        price if price is not None else offer.dollars_per_hour,
        watts if watts is not None else offer.watts,
        "as said" if said else dated,
    )


def here(machine: hardware.Machine, price: float | None = None, watts: float | None = None) -> Tariff:
    """Of this machine."""
    return tariff(catalogue.of(machine), price, watts)


def money(dollars: float) -> str:
    """Dollars as a person says them: 0.3 ¢, $1.24, $8,100."""
    if dollars < 0.10:
        return f"{100 * dollars:.2g} ¢"
    return f"${dollars:,.2f}" if dollars < 100 else f"${dollars:,.0f}"


def energy(kwh: float) -> str:
    """Energy as a person says it: 12 Wh, 3.4 kWh."""
    return f"{1000 * kwh:.3g} Wh" if kwh < 1 else f"{kwh:,.1f} kWh" if kwh < 100 else f"{kwh:,.0f} kWh"
