"""The documents: what they show is what the program does, and what they point to is there."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from evsim import ConfigError, Scenario, simulate

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
WITH_CODE = [README, ROOT / "docs" / "strategies.md", ROOT / "docs" / "tutorial-flexibility.md"]
AS_PRINTED = [
    ROOT / "docs" / f"{name}.md"
    for name in (
        "rules-timers",
        "rules-prices",
        "rules-fleet",
        "guards",
        "tutorial-agile",
        "tutorial-flexibility",
        "baselines",
        "who-can-do-what",
        "proof",
        "dispatches",
    )
]
"""Pages whose text blocks are what the commands or the code before them print, and whose pieces of a config run."""
PROGRAM = ("python run_simulator.py", "python -m evsim", "python -m examples.", "python -c ")
MARKED = {
    "main": "python3 -m venv .venv && .venv/bin/python -m pip install -q -r requirements.txt && "
    ".venv/bin/python run_simulator.py",
    "tests": "python3 -m venv .venv && .venv/bin/python -m pip install -q -r requirements-dev.txt && "
    ".venv/bin/python -m pytest -q",
}
MOST_BYTES_OF_A_PICTURE = 250_000
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_LEAVES_WITH = " leaves with "
_VARIES = re.compile(r"\d+e-\d+|\d+\.\d s\)")


def name_of(page):
    return str(page.relative_to(ROOT))


def blocks(page):
    """(language, text) of every code block of a page."""
    return _BLOCK.findall(page.read_text(encoding="utf-8"))


def commands(page):
    """Every line of a page's shell blocks that runs the program."""
    shell = [text for language, text in blocks(page) if language == "sh"]
    lines = [line.partition("  #")[0].rstrip() for text in shell for line in text.splitlines()]
    return [line for line in lines if line.startswith(PROGRAM)]


def answer_behind(words):
    """The first text block of the README behind some words of it."""
    _, found, rest = README.read_text(encoding="utf-8").partition(words)
    assert found, f"README no longer says {words!r}"
    return next(text for language, text in _BLOCK.findall(rest) if language == "text")


def steady(line):
    """A printed line without what differs from run to run: residuals and seconds."""
    return _VARIES.sub("#", line.rstrip())


def quickly(line):
    """A command without what takes long and is not looked at."""
    if line.startswith("python run_simulator.py"):
        return f"{line} --no-plots --no-events"
    if line == "python -m evsim baselines":  # a minute of work, whose parts are tested in test_truth_lab.py
        return f"{line} --users 40 --days 7 --no-plots"
    draws = ("python -m evsim compare", "python -m evsim assets", "python -m evsim firm")
    return f"{line} --no-plots" if line.startswith(draws) else line


def run(command, folder):
    """A line of a document, in a folder like a fresh clone; what it prints. It leaves with 0, or what it says."""
    command, _, said = command.partition("  #")
    status = int(said.removeprefix(_LEAVES_WITH)) if said.startswith(_LEAVES_WITH) else 0
    here = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}
    here.pop("PYTHONPATH", None)
    done = subprocess.run(
        [sys.executable, *shlex.split(command)[1:]],
        cwd=folder,
        env=here,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == status, f"{command}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def clone(tmp_path):
    """What a person has who runs the commands of the documents."""
    for name in ("run_simulator.py", "config_json.json", "config_schema.json"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("evsim", "examples"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


def default_config():
    return json.loads((ROOT / "config_json.json").read_text(encoding="utf-8"))


def row_for_all(config):
    """The last line of the printed table, as its words."""
    results = simulate(Scenario.from_dict(config))
    sessions, kwh = int(results.n_sessions.sum()), float(results.import_kwh.sum())
    peak = results.peak
    counts = ["all", f"{results.n_users.sum():,}", f"{sessions:,}", f"{kwh:,.0f}", f"{kwh / sessions:.1f}"]
    return [*counts, f"{peak.kw:,.0f}", *results.clock.local_words(peak.at).split()]


# ---- the commands


@pytest.mark.parametrize("marker", MARKED)
def test_one_line_stands_behind_each_marker_that_ci_reads(marker):
    lines = README.read_text(encoding="utf-8").splitlines()
    at = lines.index(f"<!-- {marker} -->")
    assert lines[at + 1 : at + 4] == ["```sh", MARKED[marker], "```"]


def test_the_default_run_prints_what_the_readme_shows(clone):
    shown = [steady(line) for line in answer_behind("```sh\npython run_simulator.py\n```").splitlines()]
    assert [steady(line) for line in run("python run_simulator.py", clone).splitlines()] == shown
    listed = re.findall(r"^\| `([a-z_]+\.[a-z]+)` \|", README.read_text(encoding="utf-8"), re.MULTILINE)
    for name in ("sessions_rejected.csv", "settlement.csv"):  # of a replay, and of dispatches, only
        listed.remove(name)
    assert sorted(path.name for path in (clone / "outputs").iterdir()) == sorted(listed)


def test_the_schema_command_of_the_contributors_gives_the_schema(clone):
    assert "python -m evsim schema > config_schema.json" in commands(ROOT / "CONTRIBUTING.md")
    assert run("python -m evsim schema", clone) == (ROOT / "config_schema.json").read_text(encoding="utf-8")


def test_every_other_command_of_the_documents_runs(clone):
    lines = {line for page in PAGES if page not in AS_PRINTED for line in commands(page)}
    lines -= {"python run_simulator.py", "python -m evsim schema > config_schema.json"}
    for line in sorted(lines):
        assert run(quickly(line), clone)


def test_every_flag_that_the_documents_name_exists(clone):
    verbs = ("sweep", "compare", "baseline", "baselines", "assets", "firm", "verify")
    programs = ("python run_simulator.py", *(f"python -m evsim {verb}" for verb in verbs))
    helps = [run(f"{program} --help", clone) for program in programs]
    known = set(re.findall(r"--[a-z-]+", " ".join(helps)))
    for page in PAGES:
        ours = " ".join([*commands(page), *re.findall(r"`(--[a-z-]+)", page.read_text(encoding="utf-8"))])
        assert set(re.findall(r"--[a-z-]+", ours)) <= known, name_of(page)


@pytest.mark.parametrize("page", AS_PRINTED, ids=name_of)
def test_a_page_shows_what_its_commands_and_its_code_print(page, clone, monkeypatch, capsys):
    monkeypatch.chdir(clone)
    printed, n_shown = [], 0
    for language, text in blocks(page):
        if language == "sh":
            lines = [line for line in text.splitlines() if line.startswith(PROGRAM)]
            printed = [row.rstrip() for line in lines for row in run(quickly(line), clone).splitlines()]
        elif language == "python":
            exec(compile(text, name_of(page), "exec"), {"__name__": "document"})  # noqa: S102 - our own documents
            printed = capsys.readouterr().out.splitlines()
        elif language == "text":
            assert [line for line in text.splitlines() if line.rstrip() not in printed] == []
            n_shown += 1
    assert n_shown


@pytest.mark.parametrize("page", AS_PRINTED, ids=name_of)
def test_every_piece_of_a_config_on_a_page_runs(page, clone):
    for language, text in blocks(page):
        if language == "json":
            path = clone / "piece.json"
            path.write_text(json.dumps(default_config() | json.loads(f"{{{text}}}")), encoding="utf-8")
            simulate(Scenario.from_file(path, [("population_size", "20"), ("simulation.days", "1")]))


def test_the_made_up_prices_are_those_of_the_generator(clone):
    printed = run("python -m examples.agile_made_up", clone)
    assert printed == (ROOT / "examples" / "agile_made_up.csv").read_text(encoding="utf-8")


# ---- the worked scenarios


def test_everybody_at_night_comes_out_as_written():
    edit = next(text for language, text in blocks(README) if language == "json")
    config = default_config() | json.loads(f"{{{edit}}}")
    assert row_for_all(config) == answer_behind(edit).split()


def test_chargers_of_other_sizes_come_out_as_written():
    rows = re.findall(r"^\| ([\d.]+) \| ([\d,]+) \| (\w.*?) \| ([\d,]+) \|$", README.read_text("utf-8"), re.MULTILINE)
    assert len(rows) == 3
    for charger_kw, peak_kw, peak_at, kwh in rows:
        config = default_config()
        for archetype in config["archetypes"]:
            archetype["charger_kw"] = charger_kw
        _, _, _, total, _, peak, *at = row_for_all(config)
        assert [peak, " ".join(at), total] == [peak_kw, peak_at, kwh]


def test_less_punctual_people_come_out_as_written(clone):
    line = next(line for line in commands(README) if "plug_time_habit" in line)
    printed = run(f"{line} --no-plots --no-events", clone)
    assert answer_behind(line).strip() in [row.rstrip() for row in printed.splitlines()]


def test_punctual_people_peak_as_written():
    config = default_config()
    config["behaviour"] |= {"plug_time_habit_sd_minutes": 0, "plug_time_day_sd_minutes": 0}
    assert f"the peak is {row_for_all(config)[5]} kW" in README.read_text(encoding="utf-8")


def test_a_faulty_config_says_what_the_readme_shows(tmp_path):
    text = (ROOT / "config_json.json").read_text(encoding="utf-8")
    slips = {
        '"step_minutes": 30': '"step_minutes": 25',
        '"battery_kwh": 60': '"battery_kw": 60',
        '"target_soc_percent": 80, "plug_in_soc_percent": 52': '"target_soc_percent": 180, "plug_in_soc_percent": 52',
        '"population_percent": 9,': '"population_percent": 6,',
    }
    for good, bad in slips.items():
        assert good in text
        text = text.replace(good, bad, 1)
    path = tmp_path / "config_json.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        Scenario.from_file(path)
    assert str(caught.value).replace(str(path), path.name) == answer_behind("### When the config is wrong").rstrip()


# ---- the code


@pytest.mark.parametrize("page", WITH_CODE, ids=name_of)
def test_every_code_block_runs(page, clone, monkeypatch):
    monkeypatch.chdir(clone)
    names = {"__name__": "document"}
    for language, text in blocks(page):
        if language == "python":
            exec(compile(text, name_of(page), "exec"), names)  # noqa: S102 - our own documents


def test_no_other_page_has_code_that_nobody_runs():
    assert [page for page in PAGES if any(kind == "python" for kind, _ in blocks(page))] == WITH_CODE


@pytest.mark.parametrize("page", WITH_CODE, ids=name_of)
def test_every_piece_of_a_config_is_json(page):
    for language, text in blocks(page):
        if language == "json":
            assert set(json.loads(f"{{{text}}}")) <= set(Scenario.model_fields)


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=name_of)
def test_every_example_runs(path, clone):
    assert run(f"python -m examples.{path.stem}", clone)


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.json")), ids=name_of)
def test_every_example_config_is_used_by_a_command_of_the_documents(path):
    """By its path, or by its name in a setting, which is relative to the config."""
    lines = [line for page in PAGES for line in commands(page)]
    assert any(f"examples/{path.name}" in line or f"={path.name}" in line for line in lines)


# ---- the pages


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page):
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        if not target.startswith(("http:", "https:", "#")):
            assert (page.parent / target.partition("#")[0]).exists(), target


def test_every_room_is_on_the_map():
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = {Path(name).name for name in re.findall(r"`([\w/.]+\.py)`", page)}
    there = {
        path.name for path in [*ROOT.glob("*.py"), *(ROOT / "evsim").rglob("*.py"), *(ROOT / "tests").glob("*.py")]
    }
    assert named <= there
    assert {path.name for path in (ROOT / "evsim").glob("[!_]*.py")} <= named
    assert {path.name for path in (ROOT / "evsim").glob("_[!_]*.py")} - {"_version.py"} <= named


def test_every_assumption_that_is_referred_to_exists():
    known = re.findall(r"^### (A\d+)\. ", (ROOT / "docs" / "assumptions.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert known == [f"A{i}" for i in range(1, len(known) + 1)]
    written = [*PAGES, *(ROOT / "evsim").rglob("*.py")]
    for path in written:
        named = re.findall(r"(?:assumptions? |[(\[]|, )(A\d{1,2})(?=[\])., ])", path.read_text(encoding="utf-8"))
        assert set(named) <= set(known), name_of(path)


def test_every_column_of_the_tables_is_explained():
    page = (ROOT / "docs" / "conventions.md").read_text(encoding="utf-8")
    results = simulate(Scenario.from_dict(default_config() | {"population_size": 100}))
    for columns in (results.timeseries, results.sessions, results.events.to_arrow().column_names):
        for name in columns:
            assert f"`{name}`" in page


def test_every_reason_and_event_is_explained():
    from evsim._events import KNOWN_REASONS, EventKind

    page = (ROOT / "docs" / "conventions.md").read_text(encoding="utf-8")
    for name in (*KNOWN_REASONS, *(kind.label for kind in EventKind)):
        assert f"`{name}`" in page


def test_every_rule_and_guard_has_its_place_on_a_page():
    from evsim.strategies import BUILT_IN
    from evsim.strategies._guards import Guards

    pages = {page.stem: page.read_text(encoding="utf-8") for page in AS_PRINTED}
    rules = "\n".join(text for name, text in pages.items() if name.startswith("rules-"))
    assert [name for name in BUILT_IN if f"\n## `{name}`\n" not in rules] == []
    assert [name for name in Guards.model_fields if f"\n| `{name}` |" not in pages["guards"]] == []


def test_every_requirement_is_argued():
    page = (ROOT / "docs" / "decisions" / "0002-dependencies.md").read_text(encoding="utf-8")
    for file in ("requirements.txt", "requirements-dev.txt"):
        lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
        for name in (re.split(r"[<>=~ ]", line)[0] for line in lines if line[:1].isalpha()):
            assert f"**{name}**" in page


def test_pictures_of_the_documents_are_evsims_own_and_small():
    from PIL import Image

    pictures = sorted((ROOT / "docs" / "images").glob("*.png"))
    assert pictures
    for path in pictures:
        assert path.stat().st_size < MOST_BYTES_OF_A_PICTURE
        with Image.open(path) as picture:
            assert "evsim" in " ".join(map(str, picture.info.values()))
        assert any(f"images/{path.name}" in page.read_text(encoding="utf-8") for page in PAGES)
