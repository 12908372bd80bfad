"""Variants side by side: the same luck, honest differences, and pictures that show what is in the numbers."""

from __future__ import annotations

import csv
import json
import math
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.patches import StepPatch
from matplotlib.text import Text
from PIL import Image
from rich.console import Console
from scipy.special import stdtrit
from worlds import ALIKE, ROOT, command, config, environment, row, run, scheduled

from evsim import ConfigError, Scenario, simulate
from evsim._commands.parts import strategies_of
from evsim._outputs import COMPARE_FILES, FILES, staged
from evsim._reports.compare import _lines, tables
from evsim.analysis import MEASURES, Example, Line, Variant, compare, measures, remarks, strategy_variants
from evsim.analysis._compare import with_seed
from evsim.analysis._night import example_of, night_of
from evsim.analysis._spelling import split
from evsim.analysis._student import half_width, t_quantile
from evsim.plots import _compare_parts as parts
from evsim.plots import _words as words
from evsim.plots import compare_costs, compare_night, compare_power, save_comparison
from evsim.plots._palette import SIGNAL, colour
from evsim.strategies import BUILT_IN, Strategy

MY_RULES = ROOT / "examples" / "my_rules.py"
LIMITED = {"strategy": "immediate", "fleet_limit_kw": 30, "share_by": "equally"}
LONG = 'immediate,scheduled+window=["00:30","04:30"],as_configured'


PRICES = {
    "import_price": [["00:00", "06:00", 10], ["06:00", "00:00", 30]],
    "export_price": 5,
    "carbon_intensity": [["00:00", "06:00", 50], ["06:00", "00:00", 200]],
}
"""By night and by day, p/kWh and g/kWh."""


def reader(strategies=BUILT_IN, **settings):
    """Reads one small config, with changes."""
    usual = {"users": 40, "days": 2, "driving": True, "habit": 60, "day": 60}
    tree = config(row("A", 50), row("B", 50, charger_kw=3.5), **usual | settings)
    return lambda more=(): Scenario.from_dict(tree, more, strategies)


def priced_config(**settings):
    return reader(signals=PRICES, charging={"strategy": "immediate"}, **settings)().to_dict()


def variants(spelled, strategies=BUILT_IN, **settings):
    return strategy_variants(spelled, reader(strategies, **settings), strategies)


def names(found):
    return [variant.name for variant in found]


@pytest.fixture(scope="module")
def priced():
    return compare(variants(LONG, signals=PRICES, charging=scheduled("22:00", "05:00"))[0], 3)


@pytest.fixture(scope="module")
def plain():
    return compare(variants(LONG)[0])


# ---- how variants are spelled


@pytest.mark.parametrize(
    ("text", "mark", "parts"),
    [
        ("a,b", ",", ["a", "b"]),
        ('a+w=["1","2"],b', ",", ['a+w=["1","2"]', "b"]),
        ('a+w="x,y",b', ",", ['a+w="x,y"', "b"]),
        ("a+x=1+y=2", "+", ["a", "x=1", "y=2"]),
        ("a+x=1e+3", "+", ["a", "x=1e+3"]),
        ('a+w={"k":"+b"}+z=1', "+", ["a", 'w={"k":"+b"}', "z=1"]),
        ("", ",", [""]),
    ],
)
def test_a_spelling_is_split_outside_of_brackets_and_quotes(text, mark, parts):
    assert list(split(text, mark)) == parts


def test_a_variant_is_everybodys_rule():
    own = {"strategy": "immediate", "by_archetype": {"B": scheduled("00:30", "04:30")}}
    found, notes = variants("immediate", charging=own)
    assert found[0].scenario.charging.to_config() == {"strategy": "immediate"}
    assert "as_configured" in notes[0]


def test_a_rule_takes_the_settings_that_the_config_has_for_it():
    own = {"strategy": "immediate", "by_archetype": {"B": scheduled("00:30", "04:30")}}
    found, notes = variants("scheduled", charging=own)
    assert found[0].scenario.charging.to_config() == scheduled("00:30", "04:30")
    assert notes[0] == 'scheduled: with the settings of archetype "B"'


def test_a_spelled_setting_replaces_the_configs():
    found, _ = variants('scheduled+window=["01:00","02:00"]', charging=scheduled("00:30", "04:30"))
    assert found[0].scenario.charging.to_config() == scheduled("01:00", "02:00")


def test_as_configured_keeps_the_configs_rules():
    own = {"strategy": "immediate", "by_archetype": {"B": scheduled("00:30", "04:30")}}
    found, _ = variants("as_configured", charging=own)
    assert found[0].scenario.charging.to_config() == own


def test_a_rule_of_ones_own_can_be_compared():
    known = strategies_of([MY_RULES]) or BUILT_IN
    found, _ = variants("half_power+power_percent=25", known)
    assert found[0].scenario.charging.to_config() == {"strategy": "half_power", "power_percent": 25}


def test_without_a_choice_rules_are_compared_for_which_the_config_has_what_they_need():
    found, notes = variants(None)
    assert names(found) == ["immediate", "scheduled", "valley_fill"]
    assert notes == [
        "cheapest is left out: it needs import price, which the config does not give",
        "greenest is left out: it needs carbon intensity, which the config does not give",
    ]


@pytest.mark.parametrize(("key", "rule"), [("import_price", "cheapest"), ("carbon_intensity", "greenest")])
def test_a_rule_that_needs_a_price_or_carbon_is_compared_where_there_is_one(key, rule):
    found, _ = variants(None, signals={key: PRICES[key]})
    assert names(found) == ["immediate", "scheduled", rule, "valley_fill"]


def test_a_rule_without_the_price_it_needs_is_a_fault_when_it_is_named():
    with pytest.raises(ConfigError, match="cheapest  it needs import price"):
        variants("cheapest")


def test_a_limit_of_the_fleet_stays_whatever_the_rule():
    found, _ = variants("immediate,scheduled,balanced+fleet_limit_kw=50", charging=LIMITED)
    limits = [variant.scenario.charging.fleet_limit_kw for variant in found]
    assert limits == [30, 30, 50]
    assert {variant.scenario.charging.share_by for variant in found} == {"equally"}


GUARDS = {"margin_minutes": 60, "minimum_soc_percent": 30}


def test_the_guards_of_everybodys_rule_stay_whatever_the_rule():
    own = scheduled("00:30", "04:30") | GUARDS | {"by_archetype": {"B": {"strategy": "balanced", "boost_percent": 5}}}
    found, _ = variants("immediate,scheduled,balanced,valley_fill+margin_minutes=0", charging=own)
    made = [variant.scenario.charging.to_config() for variant in found]
    assert made[0] == {"strategy": "immediate"} | GUARDS
    assert made[1] == scheduled("00:30", "04:30") | GUARDS
    assert made[2] == {"strategy": "balanced", "minimum_kw": 1.4, "boost_percent": 5} | GUARDS
    assert made[3]["strategy"] == "valley_fill"
    assert "margin_minutes" not in made[3]
    assert made[3]["minimum_soc_percent"] == 30


def test_the_guards_stay_without_a_choice_too():
    found, _ = variants(None, charging={"strategy": "immediate"} | GUARDS)
    assert [GUARDS.items() <= variant.scenario.charging.to_config().items() for variant in found] == [True] * 3


def test_a_setting_of_a_rule_of_ones_own_is_no_guard_of_others():
    class Late(Strategy):
        name = "late"
        margin_minutes: float = 30

        def orders(self, cars):
            return cars.orders()

    known = BUILT_IN | {"late": Late}
    found, _ = variants("immediate,late", known, charging={"strategy": "late", "boost_percent": 5})
    assert found[0].scenario.charging.to_config() == {"strategy": "immediate", "boost_percent": 5}
    found, _ = variants("late", known, charging={"strategy": "immediate"} | GUARDS)
    assert found[0].scenario.charging.to_config() == {
        "strategy": "late", "margin_minutes": 30, "minimum_soc_percent": 30,
    }  # fmt: skip


def test_a_rule_that_is_named_twice_is_compared_once_and_noted():
    found, notes = variants("immediate, scheduled,immediate")
    assert names(found) == ["immediate", "scheduled"]
    assert notes == ["immediate: named 2 times, compared once"]


@pytest.mark.parametrize(
    ("spelled", "said"),
    [
        ("shceduled", 'did you mean "scheduled"'),
        ("", "is no strategy"),
        ("scheduled+windw=3", 'did you mean "window"'),
        ("scheduled+window", "is no setting"),
        ("as_configured+x=1", "takes no settings"),
        ('scheduled+window=["01:00"', "window"),
        ("immediate+x=1", "x: no such setting"),
        ("balanced+by_archetype={}", "by_archetype: a rule is everybody's"),
        ("balanced+strategy=immediate", "strategy: stands before"),
    ],
)
def test_a_faulty_spelling_is_named(spelled, said):
    with pytest.raises(ConfigError) as caught:
        variants(f"immediate,{spelled}" if spelled else "immediate,")
    assert said in str(caught.value)
    assert str(caught.value).startswith("--strategies: 1 thing to mend")


def test_all_faults_of_a_list_are_told_together():
    with pytest.raises(ConfigError, match="2 things to mend"):
        variants("imediate,shceduled")


# ---- the same luck


def test_a_variant_is_the_run_that_its_config_alone_would_be(plain):
    results = simulate(variants(LONG)[0][1].scenario)
    np.testing.assert_array_equal(plain.outcomes[1][0].import_kw, results.import_kw.sum(axis=1))
    assert plain.outcomes[1][0].measures == Line.of(results)
    assert plain.outcomes[1][0].measures.told == measures(results)


def test_people_come_and_go_alike_under_every_variant(priced):
    for night in priced.nights[1:]:
        np.testing.assert_array_equal(night.plug_ins, priced.nights[0].plug_ins)
        np.testing.assert_array_equal(night.plug_outs, priced.nights[0].plug_outs)


def test_seeds_follow_one_another_and_the_first_variant_sets_them(priced):
    assert priced.seeds == (1, 2, 3)
    assert priced.values("peak_kw").shape == (3, 3)


def test_another_seed_is_another_config_hash():
    scenario = reader()()
    assert with_seed(scenario, 1) is scenario
    first = scenario.config_hash
    assert with_seed(scenario, 2).config_hash == reader(seed=2)().config_hash != first


def test_differences_are_taken_seed_by_seed(priced):
    values = priced.values("gbp_per_user_year")
    mean, error = priced.differences("gbp_per_user_year")[1]
    assert mean == pytest.approx((values[1] - values[0]).mean())
    assert error == pytest.approx(half_width(values[1] - values[0]))
    assert priced.differences("gbp_per_user_year")[0] == (0, 0)


def test_one_seed_says_nothing_of_its_confidence(plain):
    assert math.isnan(plain.differences("peak_kw")[1].half_width)


def test_runs_of_different_days_are_not_compared():
    with pytest.raises(ConfigError, match="step by step"):
        compare([Variant("a", reader()()), Variant("b", reader(days=3)())])


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 9, 30, 400])
def test_students_t_is_that_of_scipy(freedom):
    assert t_quantile(freedom) == pytest.approx(stdtrit(freedom, 0.975), abs=1e-3)


def test_a_comparison_can_be_sent_to_another_process(priced):
    again = pickle.loads(pickle.dumps(priced))  # noqa: S301 - from ourselves
    assert again.table["peak_kw"].tolist() == priced.table["peak_kw"].tolist()
    assert again.config_hashes == priced.config_hashes


def test_variants_know_whether_they_differ_in_their_rules_alone(plain):
    assert plain.is_about_charging
    assert not compare([Variant("a", reader()()), Variant("b", reader(users=10)())]).is_about_charging


# ---- measures by hand

ONE = {"users": 1, "days": 1, "times": "exact"}
"""Needs 12% of 60 kWh: 7.2 / 0.9 = 8 kWh at 7 kW, from 18:00; or, scheduled, from 00:30."""


def one(charging=None, **settings):
    return Line.of(run(row(), signals=PRICES, **{**ONE, "charging": charging, **settings}))


def test_night_power_costs_what_the_night_costs():
    mine = one(scheduled("00:30", "04:30"))
    assert mine.number("gbp_per_user_year") == pytest.approx(8 * 0.10 * 365)
    assert mine.number("g_per_kwh") == pytest.approx(50)


def test_a_peak_is_where_and_as_high_as_it_is():
    mine = one(users=10)
    assert (mine.peak_kw, mine.peak_at_s) == (pytest.approx(70), 6 * 3600)
    assert mine.number("admd_kw") == pytest.approx(7)


def test_the_minute_in_which_all_start_is_found():
    mine = one(scheduled("00:30", "04:30"), users=10)
    assert (mine.told["busiest_start_local"], mine.number("busiest_start_percent")) == ("00:30", 100)


def test_without_a_price_nothing_is_known_of_costs(plain):
    assert np.isnan(plain.values("gbp_per_user_year")).all()
    assert plain.backdrops == ()


def test_a_run_in_which_nobody_charges_is_measured_too():
    mine = Line.of(simulate(Scenario.from_dict(config(row(plug_in_soc_percent=80), **ONE))))
    assert mine.peak_kw == 0
    assert math.isnan(mine.number("load_factor"))


# ---- one driver's night


def test_the_example_is_in_the_middle_by_energy():
    results = simulate(reader(users=7, days=3)())
    example = example_of(results)
    kwh = sorted(
        (session.import_kwh, i)
        for i, user in enumerate(results.users)
        for session in user.log.sessions()
        if session.plug_out is not None
        and results.clock.seconds(session.plug_in) > 0
        and results.clock.seconds(session.plug_out) <= 86_400
        and session.import_kwh > 0.1
    )
    assert example == Example(kwh[(len(kwh) - 1) // 2][1], 0, 86_400, len(kwh))


def test_a_night_holds_the_energy_and_the_state_of_the_log():
    results = run(row(), signals=PRICES, **ONE)
    night = night_of(results, example_of(results))
    hours = np.diff(night.edges) / 3600
    assert (night.power_kw * hours).sum() == pytest.approx(8, abs=1e-5)
    assert night.cost_gbp == pytest.approx(2.40, abs=1e-5)
    assert night.soc[-1] == pytest.approx(0.8, abs=1e-6)
    assert np.interp(6 * 3600 + 1, night.soc_at, night.soc) == pytest.approx(0.68, abs=1e-3)
    assert (night.plug_ins, night.plug_outs) == (6 * 3600, 19 * 3600)


def test_an_example_that_a_config_does_not_have_has_no_night():
    results = simulate(reader(users=2)())
    assert night_of(results, Example(5, 0, 86_400, 1)) is None


# ---- the table and the words


def test_the_table_has_a_row_for_each_variant_and_seed(priced):
    table = priced.table
    assert table["variant"].tolist() == [name for name in priced.names for _ in range(3)]
    assert table["seed"].tolist() == [1, 2, 3] * 3
    np.testing.assert_allclose(table["peak_kw"], priced.values("peak_kw").ravel(), rtol=1e-8)


def test_the_table_has_the_columns_of_a_sweep_and_the_page_names_every_one(priced):
    assert list(priced.table) == ["variant", "seed", "days", "config_hash", *(measure.name for measure in MEASURES)]
    text = "".join((ROOT / "docs" / page).read_text(encoding="utf-8") for page in ("conventions.md", "sweep.md"))
    part = text[text.index("### `compare.csv`") : text.index("### `summary.json`")] + text[text.index("# Sweeps") :]
    assert [name for name in priced.table if f"| `{name}` |" not in part] == []


def test_a_row_of_the_table_has_the_hash_of_its_run_alone(priced):
    alone = Scenario.from_dict(priced_config(seed=2))
    assert priced.table["config_hash"][1] == alone.config_hash
    assert priced.config_hashes[0] == priced.table["config_hash"][0]


def test_cars_that_start_together_are_worth_a_sentence(plain):
    (sentence,) = (text for text in remarks(plain) if "peak" in text)
    assert sentence.startswith('scheduled+window=["00:30","04:30"]: peak ')
    assert sentence.endswith("of its charges start at 00:30")


def test_a_much_lower_peak_is_worth_a_sentence(plain):
    high, low = plain.outcomes[1], plain.outcomes[0]
    assert remarks(replace(plain, names=("a", "b"), outcomes=(high, low)))[0] == (
        f"b: peak {low[0].measures.peak_kw / high[0].measures.peak_kw:.2f} x that of a"
    )
    assert not remarks(replace(plain, names=("a", "b"), outcomes=(high, high)))


def with_measures(comparison, *changes):
    """The same with other measures of some variants."""
    rows = tuple(
        tuple(replace(o, measures=replace(o.measures, told=o.measures.told | change)) for o in row_)
        for row_, change in zip(comparison.outcomes, changes, strict=True)
    )
    return replace(comparison, outcomes=rows)


def test_many_who_leave_short_are_worth_a_sentence(plain):
    few = {"n_users_short": 2, "short_kwh": 4.0, "import_kwh": 1000.0}
    many = {"n_users_short": 7, "short_kwh": 50.0, "import_kwh": 1000.0}
    three = replace(with_measures(plain, few, many, many), names=("a", "b", "c"), wants_margin=(False, False, True))
    told = "7 of 40 users leave short of their target, by 50 kWh in all (a: 2, 4 kWh)"
    assert [text for text in remarks(three) if "short" in text] == [f"b: {told}", f"c: {told}; a margin_minutes helps"]
    for first, others in ((few | {"short_kwh": 26.0}, many), (few, many | {"short_kwh": 9.9})):
        assert "short" not in "".join(remarks(with_measures(three, first, others, others)))


def test_a_margin_is_advised_where_a_rule_plans_without_one():
    spelled = "immediate,scheduled,balanced,valley_fill,valley_fill+margin_minutes=60"
    assert compare(variants(spelled, users=2)[0]).wants_margin == (False, False, True, True, False)


@pytest.mark.parametrize(
    ("change", "is_marked"),
    [
        ({"public_kwh": 30.0}, True),
        ({"public_kwh": 10.0}, False),
        ({"short_kwh": 30.0}, True),
        ({"short_kwh": 10.0}, False),
        ({"short_kwh": 30.0, "gbp_per_user_year": 200.0}, False),
    ],
)
def test_a_cost_that_is_low_because_less_is_charged_at_home_is_marked(priced, change, is_marked):
    same = {"import_kwh": 1000.0, "public_kwh": 0.0, "short_kwh": 0.0, "gbp_per_user_year": 100.0}
    text = said(compare_costs(with_measures(priced, same, same | {"gbp_per_user_year": 90.0} | change, same)))
    assert ("£90†" in text) is is_marked
    assert ("† cheaper also because less is charged at home" in text) is is_marked
    assert "£100†" not in text


MANY_SETTINGS = 'scheduled+window=["00:30","05:30"]+random_delay_seconds=600+minimum_soc_percent=50'


@pytest.mark.parametrize("width", [80, 120, 200])
def test_a_row_of_the_table_breaks_only_before_a_setting(priced, width):
    many = replace(priced, names=("immediate", MANY_SETTINGS, "cheapest+random_delay_seconds=1800"))
    for table in printed(many, width)[::2]:
        assert max(map(len, table)) <= width
        assert "".join(line.split()[0] for line in table[2:]) == "".join(many.names)


def printed(comparison, width):
    """The lines of each table."""
    console = Console(width=width)
    found = []
    for table in tables(comparison, width):
        with console.capture() as told:
            console.print(table)
        found.append(told.get().splitlines())
    return found


@pytest.mark.parametrize(("width", "n"), [(200, 2), (120, 4), (80, 6)])
def test_what_does_not_fit_stands_in_another_table(priced, width, n):
    short = replace(priced, names=("immediate", "valley_fill", "as_configured"))
    found = printed(short, width)
    assert len(found) == n
    heads = " ".join("\n".join(table[:3]) for table in found[::2]).split()
    assert {"GBP", "gCO2", "at", "16-19", "users", "miles"} <= set(heads)
    assert sum(any("Mon 12 " in line or "Tue 13 " in line for line in table) for table in found) == 1


def test_differences_of_shares_are_in_points(priced):
    values, less = printed(priced, 200)
    assert ("points" in "".join(values), less[2].split().count("points")) == (False, 2)
    assert "%" not in "".join(less).replace("95% confidence", "")


def test_a_name_that_has_room_stays_whole():
    assert _lines(MANY_SETTINGS, 200) == [MANY_SETTINGS]
    assert _lines("a+x=1e+3", 1) == ["a", "  +x=1e+3"]
    assert _lines("a+b.json", 1) == ["a+b.json"]


# ---- pictures


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("valley_fill+margin_minutes=120", ("valley_fill", ["margin 120 min"])),
        (
            "immediate+fleet_limit_kw=1500+share_by=least_laxity",
            ("immediate", ["limit 1,500 kW", "shared least laxity"]),
        ),
        (MANY_SETTINGS, ("scheduled", ["00:30\N{EN DASH}05:30", "random delay 600 s", "minimum SoC 50%"])),
        ('my_rule+kinds={"a":1}', ("my_rule", ['kinds {"a":1}'])),
        ('immediate+fleet_limit_kw="2 MW"', ("immediate", ["limit 2 MW"])),
        ("configs/a+b.json", ("configs/a+b.json", [])),
    ],
)
def test_settings_are_told_in_words(name, told):
    assert parts.named(name) == told


def test_the_settings_of_a_variant_are_in_every_picture(plain):
    named = replace(plain, names=("immediate", "immediate+random_delay_seconds=600", MANY_SETTINGS))
    for draw in (compare_power, compare_night, compare_costs):
        text = said(draw(named))
        assert "random delay 600 s" in text
        assert "…" not in text


def lines(ax):
    return [patch for patch in ax.patches if isinstance(patch, StepPatch) and not patch.get_fill()]


def said(ax):
    return "\n".join(text.get_text() for text in ax.figure.findobj(Text) if text.get_text())


def test_a_line_is_the_power_of_its_variant_in_its_colour(priced):
    ax = compare_power(priced)
    for i, (line, outcome) in enumerate(zip(lines(ax), priced.outcomes, strict=True)):
        np.testing.assert_allclose(line.get_data().values, outcome[0].import_kw)
        assert line.get_edgecolor()[:3] == pytest.approx([int(colour(i)[j : j + 2], 16) / 255 for j in (1, 3, 5)])


def test_every_peak_is_named_with_its_power_and_time(priced):
    text = said(compare_power(priced))
    for row_ in priced.outcomes:
        assert f"peak {words.power(row_[0].measures.peak_kw)}" in text  # also of one that is named once for two
    assert "[p/kWh]" in text


def test_a_line_that_another_hides_says_so(plain):
    twins = replace(plain, names=("a", "b"), outcomes=plain.outcomes[:1] * 2)
    assert said(compare_power(twins)).count("hidden by\nthe same line") == 1


def test_lines_that_nearly_coincide_are_thin_and_dashed_over_thick(plain):
    twins = lines(
        compare_power(replace(plain, names=("a", "b", "c"), outcomes=plain.outcomes[:1] * 2 + plain.outcomes[1:2]))
    )
    assert twins[0].get_linewidth() > twins[1].get_linewidth() == twins[2].get_linewidth()
    assert [line.get_linestyle() == "solid" for line in twins] == [True, False, True]


@pytest.mark.parametrize("draw", [compare_power, compare_night])
def test_prices_stand_in_the_strips_of_a_run(priced, draw):
    ax = draw(priced)
    grey = [int(SIGNAL[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    strips = [
        p
        for p in ax.patches
        if isinstance(p, StepPatch) and p.get_fill() and p.get_facecolor()[:3] == pytest.approx(grey)
    ]
    assert len(strips) == 1
    assert set(strips[0].get_data().values) == {10, 30}
    assert "Import price [p/kWh]" in said(ax)


@pytest.mark.parametrize("draw", [compare_power, compare_night])
def test_a_price_that_never_changes_is_said_and_not_drawn(draw):
    comparison = compare(variants("immediate,scheduled", signals={"import_price": 7.25})[0])
    text = said(draw(comparison))
    assert "rice, 7.2 p/kWh" in text
    assert "[p/kWh]" not in text


@pytest.mark.parametrize("draw", [compare_power, compare_night])
def test_carbon_is_drawn_too_where_a_rule_goes_by_it(draw):
    comparison = compare(variants("cheapest,greenest", signals=PRICES)[0])
    assert "Import price [p/kWh]" in said(draw(comparison))
    assert "Carbon intensity [g/kWh]" in said(draw(comparison))


def test_a_price_is_said_as_it_was_typed(priced):
    values = np.array([7.5, 28.0])
    assert parts.said_of(priced.backdrops[0], values) == "import price, 7.5 to 28 p/kWh"
    assert parts.said_of(priced.backdrops[0], -values) == "import price, \N{MINUS SIGN}28 to \N{MINUS SIGN}7.5 p/kWh"


def test_without_signals_there_is_no_strip(plain):
    assert "kWh]" not in said(compare_power(plain))


def test_a_long_run_is_drawn_as_days_and_an_average_day():
    ax = compare_power(compare(variants("immediate,as_configured", days=20, users=3)[0]))
    assert "highest 30 minutes of each day" in said(ax)
    assert "average day: mean" in said(ax)
    assert len(lines(ax)) == 4


def test_bars_say_values_differences_and_confidence(priced):
    text = said(compare_costs(priced))
    assert f"£{priced.means('gbp_per_user_year')[0].mean:,.0f}" in text
    assert "±" in text
    assert "costs, emits and asks" in text


def test_without_prices_there_are_no_costs(plain):
    text = said(compare_costs(plain))
    assert "£" not in text
    assert "What each way of charging asks of the network" in text


def test_costs_below_zero_are_drawn(priced):
    below = [{"gbp_per_user_year": -row_[0].measures.number("gbp_per_user_year")} for row_ in priced.outcomes]
    assert "-£" in said(compare_costs(with_measures(priced, *below)))


def test_the_night_names_its_driver_and_why(priced):
    text = said(compare_night(priced))
    assert f"user {priced.example.user} ({priced.nights[0].archetype})" in text
    assert "the middle one, by energy charged with immediate" in text
    assert "import price, 10 to 30 p/kWh" in text


def test_a_run_without_a_whole_session_says_so():
    nobody = Scenario.from_dict(config(row(plug_in_soc_percent=80), **ONE))
    comparison = compare([Variant("a", nobody), Variant("b", nobody)])
    assert "nobody charges" in said(compare_night(comparison))
    compare_power(comparison)
    compare_costs(comparison)


@pytest.mark.parametrize("n", [1, 2, 5, 8, 13])
def test_any_number_of_variants_with_long_names_is_drawn(tmp_path, plain, n):
    many = replace(
        plain,
        names=tuple(f"scheduled+window=['{i}']+random_delay_seconds={600 + i}+fleet_limit_kw=1500" for i in range(n)),
        outcomes=tuple(plain.outcomes[i % 3] for i in range(n)),
    )
    for path in save_comparison(many, tmp_path):
        with Image.open(path) as image:
            assert image.info["Config hash"]
            assert len(np.unique(np.asarray(image))) > 10


# ---- the command


USUAL_HERE = ("immediate", "scheduled", "valley_fill")
"""What is compared in this folder, whose config has no prices."""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    tree = config(row("A"), users=6, days=2, charging=scheduled("00:30", "04:30"), **ALIKE | {"driving": False})
    (tmp_path / "config_json.json").write_text(json.dumps(tree))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def evsim(folder, *arguments):
    return command("-m", "evsim", *arguments, cwd=folder)


def test_the_command_writes_its_table_and_pictures_and_prints_who_herds(folder):
    done = evsim(folder, "compare", "--out", "o")
    assert done.returncode == 0
    noted = [line.split(" is left out: ")[0] for line in done.stderr.splitlines()]
    assert noted == ["note: cheapest", "note: greenest"]
    assert {path.name for path in (folder / "o").iterdir()} == set(COMPARE_FILES)
    assert [rule for rule in BUILT_IN if f"\n{rule} " in done.stdout] == list(USUAL_HERE)
    assert "\x1b" not in done.stdout


def test_a_rule_that_is_set_beside_others_is_noted_as_not_used(folder):
    quick = ("compare", "--no-plots", "--users", "2", "--days", "1", "--set", "charging={}")
    more = ("--set", "charging.strategy=balanced", "--strategies")
    assert "balanced: not used" in evsim(folder, *quick, *more, "immediate,valley_fill").stderr
    for used in ("immediate,as_configured", "immediate,balanced"):
        assert "not used" not in evsim(folder, *quick, *more, used).stderr


def test_processes_find_what_one_finds(folder):
    evsim(folder, "compare", "--out", "o", "--no-plots", "--seeds", "2")
    with (folder / "o" / "compare.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(r["variant"], r["seed"]) for r in rows] == [(v, s) for v in USUAL_HERE for s in "12"]
    read = Scenario.from_file
    alone = simulate(read("config_json.json", [("charging", '{"strategy": "immediate"}'), ("simulation.seed", "2")]))
    assert float(rows[1]["peak_kw"]) == pytest.approx(alone.peak.kw)


def test_a_comparison_and_a_run_leave_one_anothers_files(folder):
    assert evsim(folder, "run", "--no-plots").returncode == 0
    assert evsim(folder, "compare", "--no-plots", "--quiet").returncode == 0
    assert evsim(folder, "run", "--no-plots", "--no-events").returncode == 0
    found = {path.name for path in (folder / "outputs").iterdir()}
    assert found == {"timeseries.csv", "sessions.csv", "summary.json", "compare.csv"}


def test_a_comparison_without_pictures_removes_those_of_an_earlier_one(folder):
    (folder / "compare_night.png").write_text("old")
    (folder / "occupancy.png").write_text("a run's")
    with staged(folder, COMPARE_FILES) as place:
        (place / "compare.csv").write_text("new")
    assert not (folder / "compare_night.png").exists()
    assert (folder / "occupancy.png").exists()
    assert not set(FILES) & set(COMPARE_FILES)


def test_configs_are_compared_with_the_luck_of_the_first(folder):
    other = json.loads((folder / "config_json.json").read_text())
    other["simulation"]["seed"] = 77
    (folder / "other.json").write_text(json.dumps(other | {"charging": {"strategy": "immediate"}}))
    done = evsim(folder, "compare", "config_json.json", "other.json", "--no-plots")
    assert done.returncode == 0
    text = (folder / "outputs" / "compare.csv").read_text()
    assert [line.split(",")[:2] for line in text.splitlines()[1:]] == [["config_json", "1"], ["other", "1"]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--strategies", "nothing_such"], "nothing_such"),
        (["nowhere.json"], "nowhere.json"),
        (["config_json.json", "config_json.json"], "given twice"),
        (["config_json.json", "x.json", "--strategies", "immediate"], "--strategies"),
        (["--seeds", "0"], "--seeds"),
        (["--users", "many"], "--users many"),
        (["--out", "config_json.json"], "this is a file"),
    ],
)
def test_a_faulty_argument_is_status_2_and_changes_nothing(folder, arguments, said):
    done = evsim(folder, "compare", "--no-plots", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in folder.iterdir()] == ["config_json.json"]


def test_a_rule_that_fails_in_another_process_is_told_without_a_traceback(folder):
    text = 'from evsim import PerCarStrategy\nclass Bad(PerCarStrategy):\n    name = "bad"\n'
    (folder / "bad.py").write_text(text + "    def order(self, car):\n        return 1 / 0\n")
    done = evsim(folder, "compare", "--strategies", "immediate,bad", "--strategy-file", "bad.py")
    assert done.returncode == 2
    assert "bad.py, line 5" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "outputs").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="looks for children in /proc")
def test_ctrl_c_is_status_130_and_leaves_no_process(folder):
    arguments = [sys.executable, "-m", "evsim", "compare", "--seeds", "5000"]
    running = subprocess.Popen(
        arguments, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - no threads here
    )  # fmt: skip
    time.sleep(3)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=20)
    assert running.returncode == 130
    assert b"Traceback" not in err
    assert not (folder / "outputs").exists()
