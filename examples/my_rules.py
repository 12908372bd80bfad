"""Two charging rules of one's own: one for all cars at once, one for a single car.

python run_simulator.py examples/own_strategy.json --strategy-file examples/my_rules.py
"""

from typing import ClassVar

from pydantic import Field

from evsim import Car, Observation, Order, Orders, PerCarStrategy, Strategy


class HalfPower(Strategy):
    """Charge on arrival, at a share of the charger's power. Its fields are its settings in the config."""

    name: ClassVar[str] = "half_power"
    power_percent: float = Field(default=50, gt=0, le=100, description="Share of the charger's power [%].")

    def orders(self, cars: Observation) -> Orders:
        """All cars at once: `cars.charger_kw` is an array."""
        return cars.orders(max_kw=cars.charger_kw * self.power_percent / 100, reason="half_power")


class LowBatteriesFirst(PerCarStrategy):
    """A battery under `soc_percent` is charged at once; a fuller one waits some hours."""

    name: ClassVar[str] = "low_batteries_first"
    soc_percent: float = Field(default=40, ge=0, le=100, description="Under this a car does not wait [% SoC].")
    wait_hours: float = Field(default=6, ge=0, le=24, description="How long a fuller battery waits [h].")

    def order(self, car: Car) -> Order:
        """One car: `car.soc` is a number."""
        if car.soc < self.soc_percent / 100:
            return Order(reason="low_battery")
        return Order(start=car.now + self.wait_hours * 3600, reason="waited")


if __name__ == "__main__":
    from evsim.testing import check_strategy

    for rule in (HalfPower(), LowBatteriesFirst()):
        check_strategy(rule)
        print(f"{rule.name}: keeps the contract")
