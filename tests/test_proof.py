"""Proofs of dispatches: what is written verifies, and nothing in it can be changed without being found."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
from proofs import EVENTS, SUNDAY, evidence, lucky, readings_of, window, word_of
from worlds import ROOT

from evsim import ConfigError
from evsim.market import Orders, proofs_in, verify_proof, write_proof
from evsim.market._proof.lines import FILES, MANIFEST

THURSDAY = "2023-03-23"
PROFILE = [round(0.05 * i, 2) for i in range(48)]
CASES = {
    "bl01": {},
    "bl01 on a Sunday": {"windows": [window(*SUNDAY)]},
    "bl01 adjusted": {"settings": {"in_day_adjustment": True}},
    "bl01 adjusted too early": {
        "settings": {"in_day_adjustment": True},
        "windows": [window("2023-03-23T02:00:00Z", "2023-03-23T03:00:00Z")],
    },
    "bl01 on a bank holiday": {
        "windows": [window("2023-05-01T16:00:00Z", "2023-05-01T17:00:00Z")],
        "readings": readings_of(lucky(), first="2023-02-20", last="2023-05-02"),
    },
    "mid_8_of_10": {"method": "mid_8_of_10"},
    "saving_sessions": {"method": "saving_sessions"},
    "saving_sessions on the day the clocks change": {
        "method": "saving_sessions",
        "windows": [window("2023-03-26T00:15:00Z", "2023-03-26T03:40:00Z")],
    },
    "saving_sessions after the clocks went forward": {
        "method": "saving_sessions",
        "windows": [window("2023-04-02T00:00:00Z", "2023-04-02T02:00:00Z")],
        "readings": readings_of(lucky(), last="2023-04-03"),
    },
    "fixed_profile": {"method": "fixed_profile", "settings": {"kwh": PROFILE, "n_assets": 2}},
    "zero turned up": {"method": "zero", "windows": [window(action="turn_up", target_kw=2.0)]},
    "half-hours missing": {"readings": readings_of(lucky(p_missing=0.01))},
    "too little history": {"readings": readings_of(lucky(), first="2023-03-16")},
    "across midnight": {"windows": [window("2023-03-23T23:15:00Z", "2023-03-24T00:40:00Z", target_kw=1.0)]},
    "edited": {
        "windows": [
            window("2023-03-23T17:00:00Z", "2023-03-23T17:20:00Z", target_kw=1.0),
            window("2023-03-23T17:20:00Z", "2023-03-23T18:00:00Z", "discharge", 3.0, 41.3),
        ]
    },
    "called off before it served": {"windows": []},
    "without bank holidays": {"holidays": "none"},
    "by another clock": {
        "readings": readings_of(lucky(), timezone="Europe/Oslo"),
        "holidays": "NO",
    },
    "of one meter": {"readings": readings_of(lucky(), meters=1), "responses": ["took_part"]},
    "of no meter": {"readings": readings_of(lucky(), meters=0), "responses": [], "orders": []},
}


def nominated(folder, *rows):
    file = folder / "nominated.csv"
    file.write_text("\n".join(["meter_id,settlement_date,settlement_period,baseline_kwh", *rows]) + "\n")
    return {"method": "nominated", "settings": {"file": str(file)}}


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def rows_of(folder, name):
    return [json.loads(line) for line in (folder / name).read_bytes().splitlines()]


def told(folder):
    return [str(finding) for finding in verify_proof(folder).findings]


def line_with(row, previous):
    row.pop("sha256_of_previous", None)
    row["sha256_of_previous"] = previous
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()


def forge(folder, change):
    """Change a proof and make every hash fit again, as someone would who knows how. change(manifest, rows by file)."""
    manifest = json.loads((folder / MANIFEST).read_bytes())
    rows = {name: rows_of(folder, name) for name in FILES}
    change(manifest, rows)
    header = json.dumps(manifest["header"], ensure_ascii=False, separators=(",", ":")).encode()
    manifest["sha256_of_header"] = genesis = sha256(header).hexdigest()
    for listed in manifest["files"]:
        previous, lines = genesis, []
        for row in rows[listed["name"]]:
            lines.append(line_with(row, previous))
            previous = sha256(lines[-1]).hexdigest()
        data = b"".join(line + b"\n" for line in lines)
        (folder / listed["name"]).write_bytes(data)
        whole = sha256(data).hexdigest()
        listed |= {"lines": len(lines), "bytes": len(data), "sha256": whole, "sha256_of_last_line": previous}
    seal(folder, manifest)


def seal(folder, manifest):
    manifest.pop("sha256_of_the_above", None)
    above = (json.dumps(manifest, ensure_ascii=False, indent=2)[:-2] + ",\n").encode()
    last = f'  "sha256_of_the_above": "{sha256(above).hexdigest()}"\n}}\n'
    (folder / MANIFEST).write_bytes(above + last.encode())


def numbers_in(value, path=()):
    """Where the numbers of a row are."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        if isinstance(item, float):
            yield (*path, key)
        yield from numbers_in(item, (*path, key))


def add_to(row, path, much):
    for key in path[:-1]:
        row = row[key]
    row[path[-1]] += much


@pytest.fixture
def proof(tmp_path):
    return write_proof(tmp_path, evidence(settings={"in_day_adjustment": True})).folder


@pytest.fixture
def sunday(tmp_path):
    return write_proof(tmp_path, evidence(windows=[window(*SUNDAY, target_kw=1.0)])).folder


def run(*arguments):
    command = [sys.executable, "-m", "evsim", "verify", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


# ---- what is written verifies


@pytest.mark.parametrize("case", CASES)
def test_a_proof_verifies(case, tmp_path):
    assert told(write_proof(tmp_path, evidence(**CASES[case])).folder) == []


@pytest.mark.parametrize(
    "rows",
    [
        [f"m0,{THURSDAY},35,0.5", f"m0,{THURSDAY},36,0.7", f"m1,{THURSDAY},36,0.1"],
        [f"portfolio,{THURSDAY},35,2.5", f"portfolio,{THURSDAY},36,1.5"],
        [f"portfolio,{THURSDAY},35,2.5", f"m1,{THURSDAY},35,1.5"],
        [f"portfolio,{THURSDAY},10,2.5", f"m1,{THURSDAY},10,1.5"],
    ],
    ids=["of meters", "of the portfolio", "of both", "of another hour"],
)
def test_a_proof_by_nominations_verifies(rows, tmp_path):
    readings = readings_of(lucky())
    readings.kwh[2, readings.index(THURSDAY), 35] = np.nan
    folder = write_proof(tmp_path, evidence(**nominated(tmp_path, *rows), readings=readings)).folder
    assert told(folder) == []


@pytest.mark.parametrize("seed", range(12))
def test_proofs_of_patchy_meters_verify(seed, tmp_path):
    luck = np.random.default_rng(seed)
    readings = readings_of(lucky(seed, p_missing=float(luck.choice([0.0, 0.002, 0.02, 0.2]))), meters=5)
    day = np.datetime64("2023-03-18") + int(luck.integers(0, 12))
    start = np.datetime64(day, "m") + int(luck.integers(0, 24 * 60))
    end = start + int(luck.integers(1, 200))
    one = window(f"{start}:00Z", f"{end}:00Z", str(luck.choice(["turn_up", "discharge"])), float(luck.random() * 9))
    method = str(luck.choice(["bl01", "mid_8_of_10", "saving_sessions"]))
    settings = {"in_day_adjustment": True} if method == "bl01" and seed % 2 else None
    assert told(write_proof(tmp_path, evidence(method, settings, readings, [one])).folder) == []


def test_the_same_evidence_gives_the_same_bytes(tmp_path):
    one, other = (write_proof(tmp_path / name, evidence()) for name in ("a", "b"))
    assert contents(one.folder) == contents(other.folder)
    assert one.manifest_sha256 == other.manifest_sha256


def test_the_hash_to_be_kept_outside_is_that_of_the_manifest(tmp_path):
    made = write_proof(tmp_path, evidence())
    assert made.manifest_sha256 == sha256((made.folder / MANIFEST).read_bytes()).hexdigest()
    assert verify_proof(made.folder).manifest_sha256 == made.manifest_sha256


def test_numbers_come_back_to_the_bit(tmp_path):
    filled = evidence()
    rows = rows_of(write_proof(tmp_path, filled).folder, "delivered.jsonl")
    assert [row["delivered_kwh"] for row in rows[1:]] == filled.settlement.delivered_kwh.tolist()


def test_readings_in_single_precision_verify(tmp_path):
    readings = readings_of(lucky())
    single = replace(readings, kwh=readings.kwh.astype(np.float32))
    assert told(write_proof(tmp_path, evidence(readings=single)).folder) == []


def test_a_proof_tells_of_days_used_and_why_others_were_not(tmp_path):
    readings = readings_of(lucky())
    readings.kwh[0, readings.index("2023-03-17"), 16:18] = np.nan
    folder = write_proof(tmp_path, evidence(readings=readings)).folder
    calendar, first, *_ = rows_of(folder, "meters.jsonl")
    assert dict(calendar["earlier_days"])["2023-03-21"] == "event_day"
    assert dict(calendar["earlier_days"])["2023-03-19"] == "other_kind"
    assert first["missing"] == {"2023-03-17": [[17, 18]]}
    assert "2023-03-17" not in rows_of(folder, "baseline.jsonl")[0]["days_used"]


def test_a_proof_tells_why_an_asset_did_not_take_part(proof):
    _, _, absent, _ = rows_of(proof, "delivered.jsonl")
    assert (absent["response"], absent["why"]) == (
        "not_plugged_in",
        "the car was not plugged in within the window",
    )


# ---- what is changed is found


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
def test_every_byte_that_is_changed_is_found(name, tmp_path):
    readings = readings_of(lucky(), meters=1, first=THURSDAY, last=THURSDAY)
    made = evidence("zero", readings=readings, events=(), responses=["took_part"])
    folder = write_proof(tmp_path, made).folder
    data, luck = (folder / name).read_bytes(), np.random.default_rng(1)
    assert verify_proof(folder).agrees
    unnoticed = []
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= int(luck.integers(1, 256))
        (folder / name).write_bytes(bytes(changed))
        if verify_proof(folder).agrees:
            unnoticed.append(at)
    assert unnoticed == []


def without_the_second(lines):
    return [lines[0], *lines[2:]]


def swapped(lines):
    return [lines[1], lines[0], *lines[2:]]


def doubled(lines):
    return [lines[0], *lines]


def appended(lines):
    return [*lines, lines[-1]]


def cut(lines):
    return lines[:-1]


def emptied(_lines):
    return []


def blank_behind(lines):
    return [*lines, b"\n"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("change", [without_the_second, swapped, doubled, appended, cut, emptied, blank_behind])
def test_lines_that_are_moved_are_found(name, change, proof):
    path = proof / name
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))
    assert any(text.startswith(name) for text in told(proof))


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
def test_a_file_that_is_removed_is_found(name, proof):
    (proof / name).unlink()
    assert f"{name}: this file is missing" in told(proof)


def test_a_file_that_is_added_is_found(proof):
    (proof / "meters (copy).jsonl").write_text("{}\n")
    assert any("meters (copy).jsonl: this file is no part" in text for text in told(proof))


def test_files_of_another_proof_are_found(proof, tmp_path):
    other = write_proof(tmp_path / "other", evidence(readings=readings_of(lucky(2)))).folder
    shutil.copy(other / "meters.jsonl", proof)
    assert any(text.startswith("meters.jsonl line 1: does not carry the hash of the manifest") for text in told(proof))


def test_a_change_is_told_with_its_line_and_what_should_be_there(proof):
    data = (proof / "delivered.jsonl").read_bytes()
    was = rows_of(proof, "delivered.jsonl")[2]["delivered_kwh"][0]
    (proof / "delivered.jsonl").write_bytes(data.replace(repr(was).encode(), b"0.75"))
    found = told(proof)
    assert any("line 4: does not carry the hash of line 3" in text for text in found)
    assert f"delivered.jsonl line 3: m1 delivered_kwh[0] is 0.75; it should be {was}" in found


# ---- a forger makes the hashes fit


def test_the_forger_of_these_tests_makes_hashes_that_fit(proof):
    before = contents(proof)
    forge(proof, lambda _manifest, _rows: None)
    assert contents(proof) == before


@pytest.mark.parametrize("name", ["meters.jsonl", "baseline.jsonl", "delivered.jsonl"])
@pytest.mark.parametrize("case", ["bl01 adjusted", "zero turned up", "edited"])
def test_every_number_that_is_forged_is_found(name, case, tmp_path):
    alone = {"readings": readings_of(lucky(), meters=1), "responses": ["took_part"]}
    folder = write_proof(tmp_path, evidence(**(CASES[case] | alone))).folder
    for line, row in enumerate(rows_of(folder, name)):
        for path in numbers_in(row):
            if path[0] == "day_kwh":  # decides only where days are dropped by their total
                continue
            copy = tmp_path / "forged"
            shutil.copytree(folder, copy)
            forge(copy, lambda _, rows, line=line, path=path: add_to(rows[name][line], path, 0.01))
            assert told(copy), (line, path)
            shutil.rmtree(copy)


@pytest.mark.parametrize("key", ["baseline_kwh", "metered_kwh", "delivered_kwh", "accepted_kwh", "payment_gbp"])
def test_a_total_that_is_forged_is_found(key, proof):
    forge(proof, lambda manifest, _rows: add_to(manifest["totals"], (key,), 1.0))
    assert [text.partition(" is ")[0] for text in told(proof)] == [f"manifest.json: totals {key}"]


def drop_a_day(_manifest, rows):
    for row in rows["meters.jsonl"][1:]:
        for key in ("days", "day_kwh", "kwh"):
            del row[key][0]


def move_a_total(_manifest, rows):
    rows["meters.jsonl"][1]["day_kwh"][0] += 1000.0


def claim_a_gap(_manifest, rows):
    row = rows["meters.jsonl"][1]
    row["missing"] = {row["days"][0]: [[3, 3]]}


def claim_a_gap_that_cannot_be(_manifest, rows):
    rows["meters.jsonl"][1]["missing"] = {"2023-01-21": [[3, 3]]}


def call_a_sunday_a_working_day(_manifest, rows):
    for day in rows["meters.jsonl"][0]["earlier_days"]:
        day[1] = None if day[1] == "other_kind" else day[1]


def forget_an_event(manifest, _rows):
    manifest["header"]["event_days"].remove("2023-03-15")


def call_earlier_days_unread(_manifest, rows):
    for day in rows["meters.jsonl"][0]["earlier_days"][7:]:
        day[1] = "no_readings"


def look_back_less(_manifest, rows):
    rows["meters.jsonl"][0]["earlier_days"].pop()


def move_the_clock(manifest, _rows):
    manifest["header"]["timezone"] = "Europe/Oslo"


def ask_for_fewer_days(manifest, _rows):
    manifest["header"]["method"] |= {"n_non_working": 2, "middle": 2}


def name_another_method(manifest, _rows):
    manifest["header"]["method"] = {"method": "zero"}


def name_no_method(manifest, _rows):
    manifest["header"]["method"] = {"method": "hopeful"}


def serve_longer(manifest, rows):
    rows["instruction.jsonl"][1]["end_utc"] = manifest["header"]["closed_utc"] = "2023-03-19T18:30:00Z"


def serve_another_hour(_manifest, rows):
    rows["instruction.jsonl"][1] |= {"start_utc": "2023-03-19T16:30:00Z", "end_utc": "2023-03-19T17:30:00Z"}


def pay_more(_manifest, rows):
    rows["instruction.jsonl"][1]["pence_per_kwh"] = 900.0


def serve_before_it_was_known(_manifest, rows):
    rows["instruction.jsonl"][0]["known_utc"] = "2023-03-19T17:10:00Z"


def send_late(_manifest, rows):
    rows["orders.jsonl"][-1]["at_utc"] = "2023-03-19T18:00:01Z"


def send_backwards(_manifest, rows):
    rows["orders.jsonl"].reverse()


def send_to_a_stranger(_manifest, rows):
    rows["orders.jsonl"][0]["meter_id"] = "m9"


def let_an_absent_one_take_part(manifest, rows):
    rows["delivered.jsonl"][2] |= {"response": "took_part", "why": None}
    manifest["totals"]["n_took_part"] = 3


def excuse_one_who_took_part(_manifest, rows):
    rows["delivered.jsonl"][1]["why"] = "it was raining"


def rename_a_meter(_manifest, rows):
    rows["baseline.jsonl"][1]["meter_id"] = "m7"


def exchange_two_meters(_manifest, rows):
    rows["meters.jsonl"][1:3] = rows["meters.jsonl"][2:0:-1]


def leave_a_meter_out(manifest, rows):
    manifest["header"]["n_meters"] = 2
    for name in ("meters.jsonl", "baseline.jsonl", "delivered.jsonl"):
        rows[name].pop()


def tell_of_a_meter_twice(_manifest, rows):
    rows["delivered.jsonl"][2]["meter_id"] = "m0"


def say_it_suffices_not(_manifest, rows):
    rows["baseline.jsonl"][0]["is_sufficient"] = False


def count_a_missing_one(_manifest, rows):
    rows["delivered.jsonl"][0]["n_missing"][0] = 1


def call_a_friday_unread(_manifest, rows):
    rows["meters.jsonl"][0]["earlier_days"][1][1] = "no_readings"


def claim_a_gap_past_midnight(_manifest, rows):
    row = rows["meters.jsonl"][1]
    row["missing"] = {row["days"][0]: [[49, 60]]}


def empty_a_half_hour(_manifest, rows):
    rows["meters.jsonl"][1]["kwh"][0][0] = None


def call_the_day_another(_manifest, rows):
    rows["meters.jsonl"][0]["kind"] = "working day"


def adjust_it(_manifest, rows):
    rows["meters.jsonl"][0]["before_periods"] = [27, 28]


def misdate_a_baseline(_manifest, rows):
    rows["baseline.jsonl"][1]["settlement_date"] = "2023-03-12"


def count_a_meter_more(manifest, _rows):
    manifest["header"]["n_meters"] = 4


def count_one_more_who_took_part(manifest, _rows):
    manifest["totals"]["n_took_part"] = 3


def serve_twice(_manifest, rows):
    rows["instruction.jsonl"].append(dict(rows["instruction.jsonl"][1]))


def serve_by_a_later_word(_manifest, rows):
    word = rows["instruction.jsonl"][0]
    rows["instruction.jsonl"].insert(0, word | {"pence_per_kwh": 1.0})
    word["known_utc"] = "2023-03-19T17:10:00Z"


NOT_SAID = "no word of the instruction says so"
FORGERIES = {
    drop_a_day: "line 2: days are ",
    move_a_total: "m0 baseline_kwh[0] is ",
    claim_a_gap: "line 2: days are ",
    claim_a_gap_that_cannot_be: "2023-01-21 is told to have half-hours missing, but was not to be looked at",
    claim_a_gap_past_midnight: "is told to have half-hours missing that it does not have: [[49, 60]]",
    empty_a_half_hour: "is empty where the clock has that half-hour",
    call_a_sunday_a_working_day: "is told to be usable; by the calendar it is other_kind",
    call_a_friday_unread: "days without any readings lie between days with some",
    call_the_day_another: "kind is working day; it should be non-working day",
    adjust_it: "before_periods is [27, 28]; it should be none",
    forget_an_event: "2023-03-15 is told to be event_day; by the calendar it is other_kind",
    call_earlier_days_unread: "line 2: days are ",
    look_back_less: "earlier_days are not the 60 days before 2023-03-19",
    move_the_clock: "periods[0] is 35; it should be 37",
    ask_for_fewer_days: "line 2: days are ",
    name_another_method: "m0 days_used is ",
    name_no_method: "method hopeful is none of bl01",
    serve_longer: NOT_SAID,
    serve_another_hour: NOT_SAID,
    serve_by_a_later_word: NOT_SAID,
    serve_twice: "line 3: serves 2023-03-19T17:00:00Z to 2023-03-19T18:00:00Z, not within",
    pay_more: NOT_SAID,
    serve_before_it_was_known: "not within 2023-03-19T17:10:00Z to",
    send_late: "was sent at 2023-03-19T18:00:01Z, not within",
    send_backwards: "before the line above it",
    send_to_a_stranger: "is for m9, which is no meter",
    let_an_absent_one_take_part: "no order for m1, which is told to have taken part",
    excuse_one_who_took_part: "does not go with why: it was raining",
    rename_a_meter: "baseline.jsonl line 2: meter_id is m7; it should be m1",
    exchange_two_meters: "meters.jsonl line 2: meter_id is m1; it should be m0",
    misdate_a_baseline: "settlement_date is 2023-03-12; it should be 2023-03-19",
    leave_a_meter_out: "is for m2, which is no meter",
    count_a_meter_more: "n_meters is 4; it should be 3",
    count_one_more_who_took_part: "totals n_took_part is 3; it should be 2",
    tell_of_a_meter_twice: "tells of m0 a second time",
    say_it_suffices_not: "m0 is_sufficient is False; it should be True",
    count_a_missing_one: "all n_missing[0] is 1; it should be 0",
}


@pytest.mark.parametrize(("change", "text"), FORGERIES.items(), ids=lambda part: getattr(part, "__name__", ""))
def test_a_forgery_whose_hashes_fit_is_found_by_working_it_out_again(change, text, sunday):
    forge(sunday, change)
    found = told(sunday)
    assert any(text in finding for finding in found), found
    assert not any("hash" in finding or "SHA" in finding for finding in found)


def test_a_header_that_does_not_fit_its_hash_is_found(proof):
    manifest = json.loads((proof / MANIFEST).read_bytes())
    manifest["sha256_of_header"] = "0" * 64
    seal(proof, manifest)
    assert [text.partition(" is ")[0] for text in told(proof)] == ["manifest.json: sha256_of_header"]


def test_who_holds_the_hash_of_the_manifest_finds_what_is_consistently_forged(proof):
    kept = verify_proof(proof).manifest_sha256

    def change(_manifest, rows):
        rows["orders.jsonl"][0]["kw"] = 7.0

    forge(proof, change)
    found = verify_proof(proof)
    assert found.agrees
    assert found.manifest_sha256 != kept


# ---- what lies in a proof may be anything


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"a":' * 5000,
        '{"row":[]}',
        '{"row":"meter"}',
        "NaN",
        '{"row":"all","n_missing":[1e999]}',
    ],
)
@pytest.mark.parametrize("name", [*FILES, MANIFEST])
def test_nonsense_is_told_and_trips_nothing(name, text, proof):
    (proof / name).write_text(text + "\n")
    assert any(finding.startswith(name) for finding in told(proof))


@pytest.mark.parametrize("value", [None, True, -1, 10**400, "x", "\ud800", [], {}, [None], [[]], {"a": 1}])
def test_values_of_another_kind_are_told_and_trip_nothing(value, sunday, tmp_path):
    for name in FILES:
        for line, row in enumerate(rows_of(sunday, name)[:3]):
            for key in row:
                if json.loads(json.dumps(row[key])) == value or key in {
                    "archetype",
                    "reason",
                    "note",
                    "sha256_of_previous",
                }:
                    continue
                copy = tmp_path / "copy"
                shutil.copytree(sunday, copy)
                lines = (copy / name).read_bytes().splitlines()
                lines[line] = json.dumps(row | {key: value}).encode()
                (copy / name).write_bytes(b"\n".join(lines) + b"\n")
                assert told(copy), (name, line, key)
                shutil.rmtree(copy)


@pytest.mark.parametrize("value", [None, True, -1, 10**400, "x", "\ud800", [], {}, 1e300, "9999-12-31", ["2023-13-01"]])
def test_headers_of_another_kind_are_told_and_trip_nothing(value, sunday):
    original = contents(sunday)
    keys = [("header", key) for key in json.loads(original[MANIFEST])["header"]]
    keys += [("method", key) for key in json.loads(original[MANIFEST])["header"]["method"]]
    for part, key in keys:
        manifest = json.loads(original[MANIFEST])
        place = manifest["header"] if part == "header" else manifest["header"]["method"]
        if place[key] == value or key in {"evsim_version", "config_hash"}:
            continue
        place[key] = value
        text = json.dumps(manifest, indent=2)
        (sunday / MANIFEST).write_text(text)
        assert told(sunday), key


def test_a_meter_whose_name_no_terminal_can_show_is_told_plainly(sunday):
    def change(_manifest, rows):
        rows["orders.jsonl"][0]["meter_id"] = "\x1b[2J\u202e"

    forge(sunday, change)
    assert all(text.isprintable() for text in told(sunday))


# ---- the command


def test_a_proof_that_agrees_exits_0_and_says_what_was_checked(proof):
    done = run(proof)
    assert done.returncode == 0, done.stderr
    words = [line.split()[0] for line in done.stdout.splitlines()[1:]]
    assert words == [
        "hashes", "instruction", "responses", "orders", "baselines", "delivered", "comes", "manifest", "verdict",
    ]  # fmt: skip
    assert "all agrees" in done.stdout


def test_a_proof_that_does_not_agree_exits_1_and_says_what(proof):
    forge(proof, lambda manifest, _rows: add_to(manifest["totals"], ("payment_gbp",), 1.0))
    done = run(proof, "--quiet")
    assert done.returncode == 1
    assert "1 thing does not agree" in done.stdout
    assert "manifest.json: totals payment_gbp is" in done.stdout


def test_a_folder_of_proofs_and_the_output_of_a_run_are_verified_whole(tmp_path):
    for name in ("a", "b"):
        made = write_proof(tmp_path, evidence())
        (tmp_path / "outputs" / "proof").mkdir(parents=True, exist_ok=True)
        made.folder.rename(tmp_path / "outputs" / "proof" / name)
    (tmp_path / "outputs" / "proof" / "b" / "orders.jsonl").unlink()
    assert [path.name for path in proofs_in(tmp_path / "outputs")] == ["a", "b"]
    done = run(tmp_path / "outputs" / "proof")
    assert done.returncode == 1
    assert "2 proofs: 1 do not agree" in done.stdout


@pytest.mark.parametrize("what", ["nowhere", "empty", "file", "other"])
def test_what_is_no_proof_exits_2(what, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / MANIFEST).write_text('{"name": "an app"}')
    done = run(tmp_path / what)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert str(tmp_path / what) in done.stderr


# ---- the page


def test_the_lines_on_the_page_are_those_of_the_example(tmp_path, monkeypatch):
    from examples import proof_made_up

    monkeypatch.chdir(tmp_path)
    proof_made_up.main()
    made = next((tmp_path / proof_made_up.OUT).iterdir())
    there = [row for name in FILES for row in rows_of(made, name)]
    for row in there:
        del row["sha256_of_previous"]
    page = (ROOT / "docs" / "proof.md").read_text(encoding="utf-8")
    shown = [json.loads(line) for line in page.splitlines() if line.startswith("{")]
    assert len(shown) == 9
    assert [row for row in shown if row not in there] == []
    keys = {key for row in there for key in row} | set(json.loads((made / MANIFEST).read_text())["header"])
    assert [key for key in sorted(keys) if f"`{key}`" not in page] == []


# ---- evidence


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"responses": ["took_part"]}, "1 responses; give one for each meter"),
        ({"words": [{"id": "evening-1"}]}, "as `known_utc`"),
        ({"orders": Orders(np.zeros(1, "M8[s]"), np.array([3]), np.zeros(1), ["dispatch"])}, "number them 0 to 2"),
        ({"orders": Orders(np.zeros(1, "M8[s]"), np.array([0]), np.zeros(2), ["dispatch"])}, "differ in length"),
    ],
)
def test_evidence_that_does_not_go_together_is_refused(given, text):
    with pytest.raises(ConfigError, match=text):
        replace(evidence(), **given)


@pytest.mark.parametrize(
    "times",
    [
        {"start": "2023-06-15T18:00", "end": "2023-06-15T19:00"},
        {"start": "2023-06-15T17:00:00+0000", "end": "2023-06-15T18:00:00+0000"},
        {"start_time": "2023-06-15T17:00:00+0000", "end_time": "2023-06-15T18:00:00+0000"},
        {"start": "soon", "end": None},
    ],
    ids=["by the clock", "with an offset", "by other names", "in words"],
)
def test_a_word_may_tell_its_times_as_it_likes(times, tmp_path):
    one = window("2023-06-15T17:00:00Z", "2023-06-15T18:00:00Z")
    word = {"known_utc": "2023-06-15T12:00:00Z", **times}
    readings = readings_of(lucky(), first="2023-05-15", last="2023-06-16")
    assert told(write_proof(tmp_path, evidence(readings=readings, windows=[one], words=[word])).folder) == []


def test_words_are_kept_as_they_were_received(tmp_path):
    word = word_of(window(), "2023-03-23T15:00:00Z", source="vpp", note="p\u00e9ak")
    folder = write_proof(tmp_path, evidence(words=[word], events=EVENTS)).folder
    assert told(folder) == []
    first = rows_of(folder, "instruction.jsonl")[0]
    assert {key: first[key] for key in word} == word
