"""A good config: what it holds, how it is divided, and that nothing is lost on the way."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from worlds import row

from evsim._config.charging import Charging
from evsim._config.shares import largest_remainder
from evsim._errors import ConfigError
from evsim._scenario import Scenario
from evsim._user_archetype import UserArchetype, last_decimal
from evsim.strategies import Immediate, Scheduled

DEFAULT = Path(__file__).parent.parent / "config_json.json"
ROW = {key: value for key, value in row("Average (UK)").items() if key != "plug_in_soc_percent"}


def scenario(**changes: object) -> Scenario:
    return Scenario.from_dict({"archetypes": [{**ROW, **changes}]})


def test_the_default_file_is_the_archetype_sheet() -> None:
    made = Scenario.from_file(DEFAULT)
    assert made.n_users_by_archetype == (400, 300, 100, 100, 90, 10)
    assert [a.plug_in_soc_percent for a in made.archetypes] == [68, 52, 18, 73, 68, 68]
    assert made.simulation.start == dt.datetime(2026, 1, 12, 12)
    assert made.strategy_of("Scheduled charging") == Scheduled(window=(dt.time(0, 30), dt.time(4, 30)))
    assert isinstance(made.strategy_of("Average (UK)"), Immediate)


def test_the_default_file_says_what_is_the_default_anyway() -> None:
    """But for people and rules, and for prices and carbon: left out, these are unknown, and nothing is made up."""
    whole = json.loads(DEFAULT.read_text())
    told = ("archetypes", "charging", "import_price", "carbon_intensity")
    least = Scenario.from_dict({key: whole[key] for key in told})
    assert least == Scenario.from_file(DEFAULT)


def test_the_default_file_warns_only_of_the_survey_medians_of_the_sheet() -> None:
    warnings = Scenario.from_file(DEFAULT).warnings
    assert len(warnings) == 1
    assert 'archetypes[1] "Intelligent Octopus average": plug_in_soc_percent is 52' in warnings[0]
    assert "49.6552 = 80 - 100 x 28,105 miles / 3.5 / 365 days / 1 per day / 72.5 kWh" in warnings[0]


def test_a_scenario_survives_its_dict() -> None:
    made = Scenario.from_file(DEFAULT)
    again = Scenario.from_dict(json.loads(json.dumps(made.to_dict())))
    assert again == made
    assert again.config_hash == made.config_hash
    assert again.to_dict() == made.to_dict()


def test_a_derived_plug_in_soc_survives_the_dict() -> None:
    made = scenario()
    assert made.archetypes[0].plug_in_soc_percent == pytest.approx(80 - 9435 / 365 / 3.5 / 60 * 100)
    assert Scenario.from_dict(made.to_dict()) == made
    assert made.warnings == ()


def test_the_hash_is_of_the_meaning_and_not_of_the_writing() -> None:
    assert scenario(battery_kwh="60 kWh").config_hash == scenario(battery_kwh=60.0).config_hash
    assert scenario(battery_kwh=61).config_hash != scenario().config_hash


def test_the_config_that_was_handed_over_is_left_as_it_was() -> None:
    config = {"archetypes": [dict(ROW)], "simulation": {"days": 7}}
    before = json.dumps(config)
    Scenario.from_dict(config, overrides=[("simulation.days", "3"), ("archetypes[0].battery_kwh", "50")])
    assert json.dumps(config) == before


@pytest.mark.parametrize(
    ("key", "typed", "meant"),
    [
        ("target_soc_percent", "80%", 80),
        ("target_soc_percent", " 80 % ", 80),
        ("target_soc_percent", "80", 80),
        ("battery_kwh", "60 kWh", 60),
        ("battery_kwh", "60kwh", 60),
        ("battery_kwh", "72.5", 72.5),
        ("miles_per_year", "9,435", 9435),
        ("miles_per_year", "9 435", 9435),
        ("miles_per_year", "9\u00a0435", 9435),
        ("miles_per_year", "9,435.5 miles", 9435.5),
        ("plug_in_time", "18:00", dt.time(18)),
        ("plug_in_time", "6:00 PM", dt.time(18)),
        ("plug_in_time", "6pm", dt.time(18)),
        ("plug_in_time", "6 p.m.", dt.time(18)),
        ("plug_in_time", "12 am", dt.time(0)),
        ("plug_in_time", "18.30", dt.time(18, 30)),
        ("plug_in_time", "24:00", dt.time(0)),
        ("plug_in_time", "7:05:30", dt.time(7, 5, 30)),
        ("plug_in_time", dt.time(18), dt.time(18)),
        ("name", "  Néw   ", "Néw"),
    ],
)
def test_what_people_type_is_understood(key: str, typed: object, meant: object) -> None:
    assert getattr(scenario(**{key: typed}).archetypes[0], key) == meant


def test_the_headers_of_the_sheet_can_be_pasted_into_a_row() -> None:
    row = {
        "Archetype": "Average (UK)",
        "% of population": "100%",
        "Miles/yr": "9,435",
        "Battery (kWh)": 60,
        "Efficiency (mi/kWh)": 3.5,
        "Plug-in frequency (per day)": 1,
        "Charger kW": 7,
        "PLUG-IN  TIME": "18:00",
        "Plug-out time": "07:00",
        "Target SoC": "80%",
        "kWh/year": "2,696",
        "kWh/plug-in": 7,
        "SoC requirement": "12%",
        "Charging duration (hrs)": 1,
    }
    made = Scenario.from_dict({"archetypes": [row]}).archetypes[0]
    assert made.battery_kwh == 60
    assert made.kwh_per_year == 2696
    assert made.warnings == ()


def test_an_archetype_gives_fractions_and_seconds_inside() -> None:
    archetype = UserArchetype.model_validate({**ROW, "plug_in_soc_percent": 68, "plug_out_time": "23:59"})
    assert (archetype.target_soc, archetype.plug_in_soc) == (0.8, 0.68)
    assert (archetype.plug_in_s, archetype.plug_out_s) == (64_800, 86_340)
    assert archetype.need_kwh == pytest.approx(7.2)


@pytest.mark.parametrize(
    ("key", "given", "warns"),
    [
        ("plug_in_soc_percent", 68, False),
        ("plug_in_soc_percent", 52, True),
        ("charging_duration_hours", 1.05, False),
        ("charging_duration_hours", 1.07, True),
        ("charging_duration_hours", 1, False),
        ("kwh_per_year", 2696, False),
        ("kwh_per_year", 2697, True),
        ("kwh_per_plug_in", 7.4, False),
        ("soc_requirement_percent", "12%", False),
        ("soc_requirement_percent", 14, True),
    ],
)
def test_a_derived_column_warns_when_it_is_out_by_its_last_decimal(key: str, given: object, *, warns: bool) -> None:
    warnings = scenario(**{key: given}).warnings
    assert len(warnings) == warns
    assert all(f"{key} is" in text and " = " in text for text in warnings)


def test_more_driving_than_battery_is_clipped_with_a_warning() -> None:
    made = scenario(plug_in_frequency_per_day=0.1)
    assert made.archetypes[0].plug_in_soc_percent == 0
    assert "would find the battery at -43.09 =" in made.warnings[0]
    assert Scenario.from_dict(made.to_dict()).warnings == made.warnings


def test_odd_targets_and_starts_are_warned_of() -> None:
    with pytest.raises(ConfigError, match=r"public_reserve_percent .10.*is 80 meant"):
        scenario(target_soc_percent=0.8)
    parked = Scenario.from_dict({"archetypes": [ROW | {"target_soc_percent": 0.8}], "behaviour": {"driving": False}})
    assert any("is 80 meant?" in text for text in parked.warnings)
    assert any("nothing to charge" in text for text in scenario(plug_in_soc_percent=90).warnings)
    odd = Scenario.from_dict({"archetypes": [ROW], "simulation": {"start": "2026-01-12T12:07"}})
    assert odd.warnings == ("simulation.start: 30 min steps begin 7 min past the hour",)


def test_a_car_stops_charging_at_home_above_where_it_charges_in_public() -> None:
    told = {"archetypes": [ROW | {"target_soc_percent": 20}], "behaviour": {"public_reserve_percent": 20}}
    with pytest.raises(ConfigError, match=r"target_soc_percent: 20 is not over behaviour.public_reserve_percent"):
        Scenario.from_dict(told)


def test_nobody_drives_all_day() -> None:
    told = {"archetypes": [ROW | {"miles_per_year": 150_000}]}
    with pytest.raises(ConfigError, match=r"150,000 takes 13.7 h of every day.*at most 131,400, in 12 h"):
        Scenario.from_dict(told)
    Scenario.from_dict(told | {"behaviour": {"average_speed_mph": 40}})
    Scenario.from_dict(told | {"behaviour": {"driving": False}})


@pytest.mark.parametrize(("value", "unit"), [(52.0, 1), (1.05, 0.01), (2.5, 0.1), (2700.0, 1), (1e-7, 1e-7), (1e22, 1)])
def test_the_last_decimal_is_the_one_that_was_given(value: float, unit: float) -> None:
    assert last_decimal(value) == pytest.approx(unit)


@given(
    st.integers(1, 10**12),
    st.lists(st.floats(0, 100), min_size=1, max_size=20).filter(lambda s: sum(s) > 1e-3),
)
def test_largest_remainder_shares_out_everybody_and_nobody_twice(total: int, shares: list[float]) -> None:
    counts = largest_remainder(total, shares)
    assert sum(counts) == total
    whole = sum(round(share * 10**9) for share in shares)
    for count, share in zip(counts, shares, strict=True):
        assert abs(count * whole - total * round(share * 10**9)) < whole
        assert count >= 0


@given(st.integers(1, 10**6), st.integers(1, 12))
def test_equal_shares_differ_by_one_at_most_and_the_earlier_have_it(total: int, n: int) -> None:
    counts = largest_remainder(total, [100 / n] * n)
    assert max(counts) - min(counts) <= 1
    assert list(counts) == sorted(counts, reverse=True)


def test_thirds_are_a_whole_population() -> None:
    rows = [{**ROW, "name": name, "population_percent": 33.33} for name in "abc"]
    made = Scenario.from_dict({"archetypes": rows, "population_size": 10})
    assert made.n_users_by_archetype == (4, 3, 3)


def test_nobody_is_left_of_a_share_of_nothing() -> None:
    rows = [{**ROW, "name": "a"}, {**ROW, "name": "b", "population_percent": 0}]
    assert Scenario.from_dict({"archetypes": rows}).n_users_by_archetype == (1000, 0)


class Own:
    """Somebody's own strategy, a plain class."""

    name = "own"
    asked = "at_plug_in"

    def __init__(self, limit_kw: float = 3) -> None:
        if limit_kw < 0:
            raise RuntimeError("no negative power")
        self.limit_kw = limit_kw

    def orders(self, cars: object) -> tuple[()]:
        del cars
        return ()


def test_a_plain_class_of_ones_own_is_a_strategy() -> None:
    config = {"archetypes": [ROW], "charging": {"strategy": "own", "limit_kw": 2}}
    made = Scenario.from_dict(config, strategies={"own": Own})
    assert vars(made.charging.default) == {"limit_kw": 2}
    assert made.to_dict()["charging"] == {"strategy": "own", "limit_kw": 2}
    assert Scenario.from_dict(made.to_dict(), strategies={"own": Own}) == made


@pytest.mark.parametrize("wrong", [{"limit_kw": -1}, {"limit": 3}])
def test_what_a_strategy_of_ones_own_refuses_is_a_fault(wrong: dict[str, object]) -> None:
    config = {"archetypes": [ROW], "charging": {"strategy": "own", **wrong}}
    with pytest.raises(ConfigError, match='charging: strategy "own" refuses these settings: '):
        Scenario.from_dict(config, strategies={"own": Own})


def test_a_class_that_is_no_strategy_is_a_fault() -> None:
    config = {"archetypes": [ROW], "charging": {"strategy": "dict"}}
    with pytest.raises(ConfigError, match='strategy "dict" has no name and no asked and no orders'):
        Scenario.from_dict(config, strategies={"dict": dict})


def test_a_scenario_can_be_made_of_objects() -> None:
    made = Scenario(
        archetypes=(UserArchetype.model_validate(ROW),),
        charging=Charging(default=Immediate()),
        population_size=5,
    )
    assert made == Scenario.from_dict({"archetypes": [ROW], "population_size": 5})


def test_a_scenario_made_by_hand_tells_every_fault_too() -> None:
    with pytest.raises(ValidationError) as told:
        Scenario.model_validate(
            {
                "population_size": 0,
                "archetypes": [{**ROW, "population_percent": 90, "battery_kwh": -1}],
                "foo": 1,
            }
        )
    said = str(told.value)
    for part in ("0 is under 1", "-1 is under 1", "no such setting", "sums to 90, not 100"):
        assert part in said


def test_a_frozen_scenario_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        scenario().population_size = 5


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("GB-ENG", "GB-ENG"),
        (" gb-eng ", "GB-ENG"),
        ("GB-SCT", "GB-SCT"),
        ("NO", "NO"),
        ("no", "NO"),
        ("none", None),
        (None, None),
    ],
)
def test_bank_holidays_are_of_a_region_or_there_are_none(typed: str | None, meant: str | None) -> None:
    made = Scenario.from_dict({"simulation": {"holidays": typed}, "archetypes": [ROW]})
    assert made.simulation.holiday_region == meant
    assert Scenario.from_dict(made.to_dict()) == made


@pytest.mark.parametrize(
    ("simulation", "meant"),
    [({}, "GB-ENG"), ({"timezone": "Europe/London"}, "GB-ENG"), ({"timezone": "Europe/Oslo"}, None)],
)
def test_bank_holidays_left_out_are_englands_where_the_clock_is_londons(
    simulation: dict[str, str], meant: str | None
) -> None:
    made = Scenario.from_dict({"simulation": simulation, "archetypes": [ROW]})
    assert made.simulation.holiday_region == meant


def test_only_one_kind_of_day_needs_to_be_driven() -> None:
    behaviour = {"p_drive_weekend": 0, "weekend_mileage_factor": 0}
    assert Scenario.from_dict({"behaviour": behaviour, "archetypes": [ROW]}).behaviour.driving


def test_nobody_has_to_drive_where_cars_only_charge() -> None:
    behaviour = {"driving": False, "p_drive_weekday": 0, "p_drive_weekend": 0}
    assert not Scenario.from_dict({"behaviour": behaviour, "archetypes": [ROW]}).behaviour.driving


def test_a_population_too_small_for_its_archetypes_is_warned_of() -> None:
    few = Scenario.from_file(DEFAULT, overrides=[("population_size", "2")]).warnings[-1]
    assert few.startswith("population_size 2 leaves 4 archetypes without anybody: ")
    assert few.endswith(" and 1 more")
    rows = [{**ROW, "name": name, "population_percent": share} for name, share in (("A", 60), ("B", 40), ("C", 0))]
    lonely = Scenario.from_dict({"archetypes": rows, "population_size": 1})
    assert lonely.warnings == ('population_size 1 leaves 1 archetype without anybody: "B"',)
    assert Scenario.from_dict({"archetypes": rows, "population_size": 2}).warnings == ()


def test_an_unknown_archetype_has_no_strategy() -> None:
    with pytest.raises(KeyError, match="did you mean"):
        Scenario.from_file(DEFAULT).strategy_of("Average")


@settings(max_examples=30)
@given(st.sampled_from(["simulation.seed", "population_size"]), st.integers(1, 2**31 - 1))
def test_an_override_replaces_what_the_file_says(path: str, value: int) -> None:
    made = Scenario.from_file(DEFAULT, overrides=[(path, str(value))])
    assert value in (made.simulation.seed, made.population_size)


@pytest.mark.parametrize(
    "path",
    ["archetypes[0].battery_kwh", "archetypes.0.battery_kwh", 'archetypes["Average (UK)"].battery_kwh'],
)
def test_a_row_is_overridden_by_its_number_or_its_name(path: str) -> None:
    made = Scenario.from_file(DEFAULT, overrides=[(path, "75")])
    assert [a.battery_kwh for a in made.archetypes] == [75, 72.5, 60, 60, 60, 60]


def test_overrides_are_json_where_they_can_be_and_text_where_not() -> None:
    made = Scenario.from_file(
        DEFAULT,
        overrides=[
            ("charging.by_archetype.Scheduled charging.window", '["01:00", "02:00"]'),
            ("archetypes[0].plug_in_time", "17:00"),
            ("outputs.events", "False"),
            ("battery.charge_curve", "[[0, 100], [100, 0]]"),
        ],
    )
    assert made.strategy_of("Scheduled charging") == Scheduled(window=(dt.time(1), dt.time(2)))
    assert made.archetypes[0].plug_in_time == dt.time(17)
    assert made.outputs.events is False
    assert made.battery.charge_curve == ((0, 100), (100, 0))
