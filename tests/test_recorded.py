"""Files of real sessions: what is read, what is left out and why, and who the people are."""

from __future__ import annotations

import csv
import random
import time
from collections import Counter, defaultdict
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evsim._recorded.numbers import read_numbers
from evsim._recorded.read import FaultySessionsError, read_sessions
from evsim._recorded.sessions import REASONS, rejected_table
from evsim._recorded.settings import Sessions
from evsim._recorded.times import BAD, BLANK, LOCAL, UTC, read_times

DATA = Path(__file__).parent.parent.parent / "shared" / "data" / "calibration" / "ev_sessions"
TRONDHEIM = DATA / "norway_trondheim_residential_sessions_201812_202001.csv"
OFFICE = DATA / "acn_office001_sessions_workplace_US.csv"
HEADER = "user,plug_in,plug_out,energy_kwh"
GOOD = "ann,2026-01-12 18:00,2026-01-13 07:00,12"


def read(folder, *lines, zone="Europe/London", efficiency=0.9, header=HEADER, **settings):
    """What is left of a file of these lines."""
    path = folder / "my_sessions.csv"
    data = "\n".join([header, *lines])
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_sessions(Sessions(file=str(path), **settings), zone, efficiency)


def reasons(recorded):
    """(line, reason) of the rows that are left out."""
    return [(row.line, row.reason) for row in recorded.rejected]


def utc(text):
    """Seconds since 1970 of a UTC time."""
    return int(np.datetime64(text, "s").astype(np.int64))


# ---- times and numbers


@pytest.mark.parametrize(
    ("text", "kind", "meant"),
    [
        ("2018-12-21 10:20:00", LOCAL, "2018-12-21T10:20:00"),
        ("2018-12-21T10:20:59", LOCAL, "2018-12-21T10:20:59"),
        ("2018-12-21 10:20", LOCAL, "2018-12-21T10:20:00"),
        ("2018-12-21T10:20", LOCAL, "2018-12-21T10:20:00"),
        ("2018-12-21 10:20:00.999", LOCAL, "2018-12-21T10:20:00"),
        ("21.12.2018 10:20", LOCAL, "2018-12-21T10:20:00"),
        ("21.12.2018 10:20:30", LOCAL, "2018-12-21T10:20:30"),
        ("1.2.2018 9:05", LOCAL, "2018-02-01T09:05:00"),
        ("2018-12-21T10:20:00Z", UTC, "2018-12-21T10:20:00"),
        ("2018-12-21 10:20:00 UTC", UTC, "2018-12-21T10:20:00"),
        ("2018-12-21T10:20:00.5+01:00", UTC, "2018-12-21T09:20:00"),
        ("2018-04-25 04:08:04-07:00", UTC, "2018-04-25T11:08:04"),
        ("2018-04-25T04:08:04+05:30", UTC, "2018-04-24T22:38:04"),
        ("Wed, 25 Apr 2018 11:08:04 GMT", UTC, "2018-04-25T11:08:04"),
        ("Wed, 5 Apr 2018 11:08:04 GMT", UTC, "2018-04-05T11:08:04"),
        ("Wed, 25 Apr 2018 11:08:04 -0700", UTC, "2018-04-25T18:08:04"),
        ("2020-02-29 00:00", LOCAL, "2020-02-29T00:00:00"),
    ],
)
def test_a_time_is_read_as_files_have_it(text, kind, meant):
    alone, among = read_times([text]), read_times(["", text, "2018-12-21 10:20:00", "zzz"])
    assert (alone.seconds[0], alone.kind[0]) == (among.seconds[1], among.kind[1]) == (utc(meant), kind)


@pytest.mark.parametrize(
    "text",
    [
        "yesterday", "2018-12-21", "2018-13-01 10:00", "2019-02-29 10:00", "2018-12-21 24:00", "2018-12-21 10:60",
        "31.04.2018 10:00", "0.1.2018 10:00", "12/21/2018 10:20", "Wed, 25 Foo 2018 11:08:04 GMT", "1545387600",
        "2018-12-21 10:20:0x", "1969-12-31 23:00", "2101-01-01 00:00", "2018-12-21 10:20:00+25:00",
        "2018-12-21 1\u0660:20", "x" * 5_000, "2018-12-21 10:20:00" + "0" * 5_000,
    ],
)  # fmt: skip
def test_what_is_no_time_is_not_guessed_at(text):
    assert read_times(["2018-12-21 10:20:00", text]).kind.tolist() == [LOCAL, BAD]


@pytest.mark.parametrize("text", ["", "null", "None", "NaN", "n/a", "-"])
def test_nothing_is_nothing_however_it_is_written(text):
    assert read_times([text]).kind[0] == BLANK
    values, is_bad = read_numbers([text])
    assert np.isnan(values[0])
    assert not is_bad[0]


@given(st.datetimes(datetime(1970, 1, 2), datetime(2100, 12, 31)), st.sampled_from(["%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M:%S"]))  # fmt: skip  # noqa: E501
def test_every_moment_of_the_years_is_read_back(moment, layout):
    text = moment.strftime(layout)
    assert read_times([text]).seconds[0] == utc(moment.replace(microsecond=0))


@pytest.mark.parametrize(
    ("text", "value"),
    [("29.87", 29.87), ("29,87", 29.87), ("0", 0), ("-3", -3), ("45%", 45), ("1e1", 10), (".5", 0.5), ("+7", 7)],
)
def test_a_number_is_read_as_files_have_it(text, value):
    for cells in ([text], [text, "x"], [text, ""]):
        assert read_numbers(cells)[0][0] == value


@pytest.mark.parametrize("text", ["abc", "1,234.5", "1.234,5", "inf", "1e999", "1_000", "0x10", "7 kWh", "١٢", "5 5"])
def test_what_is_no_number_is_not_guessed_at(text):
    assert read_numbers(["1", text])[1].tolist() == [False, True]


# ---- why a row is left out


REJECTED = [
    ("ann,2026-01-14 18:00,,12", "missing", '"plug_out" is empty'),
    ("ann,,2026-01-15 07:00,12", "missing", '"plug_in" is empty'),
    ("ann,2026-01-14 18:00,2026-01-15 07:00,", "missing", '"energy_kwh" is empty'),
    ("ann,2026-01-14 18:00", "missing", '"plug_out" is empty'),
    ("ann,2026-01-14 18:00,2026-01-15 07:00,12,5", "too_many_cells", "5 cells where there are 4 headers"),
    ("ann,14/01/26,2026-01-15 07:00,12", "not_a_time", '"plug_in" is "14/01/26", which is not a date with a time'),
    ("ann,2026-01-14 18:00,soon,12", "not_a_time", '"plug_out" is "soon"'),
    ("ann,2026-01-14 18:00,2026-01-15 07:00,twelve", "not_a_number", '"energy_kwh" is "twelve"'),
    ("ann,2026-01-14 18:00,2026-01-15 07:00,-0.1", "negative_energy", '"energy_kwh" is "-0.1"; 0 kWh or more'),
    ("ann,2026-03-29 01:30,2026-03-29 07:00,5", "no_such_time", "2026-03-29T01:30:00 does not exist in Europe/London"),
    ("ann,2026-01-14 18:00,2026-01-14 17:00,0", "plug_out_not_after_plug_in", "not after plug-in 2026-01-14T18:00:00Z"),
    ("ann,2026-01-14 18:00,2026-01-14 18:00,0", "plug_out_not_after_plug_in", "2026-01-14T18:00:00Z"),
    ("ann,2026-01-14 18:00,2026-01-14 19:00,23", "does_not_fit", "23 kWh in 1 h is 23 kW; the charger gives at most"),
    ("ann,2026-01-14 18:00,2026-12-14 19:00,1000", "does_not_fit", "needs a battery of 1,125 kWh; at most 1,000"),
    (GOOD, "duplicate", "the same session as in line 2"),
    ("ann,2026-01-13 06:59,2026-01-13 09:00,1", "overlap", "before the session of line 2 ends, 2026-01-13T07:00:00Z"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "reason", "text"), REJECTED, ids=[f"{row[1]}-{row[0][:30]}" for row in REJECTED])
def test_a_faulty_row_is_left_out_with_its_line_and_reason(tmp_path, line, reason, text):
    recorded = read(tmp_path, GOOD, line)
    (row,) = recorded.rejected
    assert (row.line, row.user, row.reason) == (3, "ann", reason)
    assert text in row.text
    assert recorded.line.tolist() == [2]
    assert recorded.n_rows == 2


MORE = [
    ("battery_kwh", "0.5", "out_of_range", '"battery_kwh" is "0.5"; 1-1,000 kWh are allowed'),
    ("battery_kwh", "big", "not_a_number", '"battery_kwh" is "big"'),
    ("charger_kw", "7400", "out_of_range", '"charger_kw" is "7400"; 0.1-500 kW are allowed'),
    ("soc_percent", "101", "soc_out_of_range", '"soc_percent" is "101"; 0-100 % are allowed'),
    ("soc_percent", "-1", "soc_out_of_range", "0-100 %"),
]


@pytest.mark.parametrize(("key", "value", "reason", "text"), MORE)
def test_a_faulty_optional_cell_leaves_its_row_out(tmp_path, key, value, reason, text):
    recorded = read(tmp_path, f"{GOOD},", GOOD.replace("ann", "bob") + f",{value}", header=f"{HEADER},{key}")
    assert reasons(recorded) == [(3, reason)]
    assert text in recorded.rejected[0].text


def test_every_reason_is_tried_here_and_only_known_ones_are_given():
    assert {row[1] for row in REJECTED} | {row[2] for row in MORE} == set(REASONS)


def test_zero_energy_and_touching_sessions_are_fine(tmp_path):
    recorded = read(tmp_path, GOOD, "ann,2026-01-13 07:00,2026-01-13 09:00,0")
    assert not recorded.rejected
    assert recorded.energy_kwh.tolist() == [12, 0]


def test_of_overlapping_sessions_the_first_to_begin_is_kept_and_one_left_out_blocks_nobody(tmp_path):
    lines = [
        "ann,2026-01-12 10:00,2026-01-12 12:00,1",
        "ann,2026-01-12 11:00,2026-01-12 14:00,1",
        "ann,2026-01-12 13:00,2026-01-12 15:00,1",
        "ann,2026-01-12 13:00,2026-01-12 13:30,100",
    ]
    assert reasons(read(tmp_path, *lines)) == [(3, "overlap"), (5, "does_not_fit")]


def test_a_minute_of_rounding_is_allowed_and_no_more(tmp_path):
    fits, not_fits = (f"ann,2026-01-1{day} 10:00,2026-01-1{day} 10:01,{kwh}" for day, kwh in ((2, 0.24), (3, 0.25)))
    recorded = read(tmp_path, fits, not_fits, charger_kw=7.2)
    assert reasons(recorded) == [(3, "does_not_fit")]


# ---- clocks


def test_local_times_are_those_of_the_zone_and_offsets_go_before_it(tmp_path):
    lines = ["a,2026-07-01 18:00,2026-07-01 19:00,1", "b,2026-07-01T18:00:00Z,2026-07-01T21:00:00+02:00,1"]
    recorded = read(tmp_path, *lines, zone="Europe/Oslo")
    assert recorded.plug_in_s.tolist() == [utc("2026-07-01T16:00"), utc("2026-07-01T18:00")]
    assert recorded.plug_out_s.tolist() == [utc("2026-07-01T17:00"), utc("2026-07-01T19:00")]


def test_a_header_that_ends_in_utc_is_believed(tmp_path):
    recorded = read(tmp_path, GOOD, header="user,plug_in_utc,plug_out_utc,kWh", zone="Asia/Tokyo")
    assert recorded.plug_in_s[0] == utc("2026-01-12T18:00")


def test_a_time_that_occurs_twice_is_the_first_unless_plug_out_would_be_before_plug_in(tmp_path):
    lines = [
        "a,2026-10-25 00:30,2026-10-25 01:30,1",
        "b,2026-10-25 01:50,2026-10-25 01:10,1",
        "c,2026-10-25 01:10,2026-10-25 01:50,1",
    ]
    recorded = read(tmp_path, *lines)
    hours = dict(zip(recorded.user_names, ((recorded.plug_out_s - recorded.plug_in_s) / 3600).tolist(), strict=True))
    assert hours == pytest.approx({"a": 1, "b": 20 / 60, "c": 40 / 60})


# ---- headers and files


def test_a_hundred_thousand_rows_are_read_and_judged_in_seconds(tmp_path):
    hours = np.arange(100_000)
    begin = (np.datetime64("2020-01-01T00:00:00") + hours.astype("timedelta64[h]")).astype(str)
    end = (np.datetime64("2020-01-01T00:40:00") + hours.astype("timedelta64[h]")).astype(str)
    rows = [f"u{i % 999},{a},{b},3" for i, a, b in zip(hours, begin, end, strict=True)]
    began = time.process_time()
    assert len(read(tmp_path, *rows, zone="UTC").line) == 100_000
    assert time.process_time() - began < 8  # seconds; it takes less than one


ACN = "_id,clusterID,connectionTime,disconnectTime,kWhDelivered,sessionID,siteID,spaceID,stationID,timezone,userID"


def test_acn_data_is_recognised_and_sessions_nobody_claimed_are_their_stations(tmp_path):
    times = '"Wed, 25 Apr 2018 11:08:04 GMT","Wed, 25 Apr 2018 13:20:10 GMT"'
    later = '"Thu, 26 Apr 2018 11:08:04 GMT","Thu, 26 Apr 2018 13:20:10 GMT"'
    lines = [
        f"5b,0039,{times},7.932,2_39_78,0002,CA-496,2-39-78-362,America/Los_Angeles,",
        f"5c,0039,{times},5,2_39_79,0002,CA-497,2-39-79-363,America/Los_Angeles,000000022",
        f"5d,0039,{later},5,2_39_80,0002,CA-496,2-39-78-362,America/Los_Angeles,None",
    ]
    recorded = read(tmp_path, *lines, header=ACN, zone="America/Los_Angeles")
    assert recorded.user_names == ("000000022", "station 2-39-78-362")
    assert recorded.plug_in_s[0] == utc("2018-04-25T11:08:04")
    assert recorded.energy_kwh.tolist() == [5, 7.932, 5]


def test_the_trondheim_publication_is_recognised(tmp_path):
    header = "session_ID;Garage_ID;User_ID;User_type;Start_plugin;Start_plugin_hour;End_plugout;El_kWh;Duration_hours"
    lines = [
        "1;AdO3;AdO3-4;Private;21.12.2018 10:20;10;21.12.2018 10:23;0,3;0,05",
        "2;Bl2;Share-1;Shared;21.12.2018 10:24;10;21.12.2018 20:32;0,87;0,136666667",
    ]
    recorded = read(tmp_path, *lines, header=header, zone="Europe/Oslo")
    assert recorded.user_names == ("AdO3-4", "Share-1")
    assert recorded.archetype_names == ("Private", "Shared")
    assert recorded.energy_kwh.tolist() == [0.3, 0.87]
    assert recorded.plug_in_s[0] == utc("2018-12-21T09:20")


def test_evsims_own_sessions_can_be_lived_again(tmp_path):
    header = "user_id,archetype,plug_in_utc,plug_out_utc,plug_in_soc_percent,plug_out_soc_percent,import_kwh,export_kwh"
    line = "17,Average (UK),2026-01-12T18:00:00Z,2026-01-13T07:00:00Z,68,80,8,0"
    recorded = read(tmp_path, line, header=header)
    assert (recorded.user_names, recorded.archetype_names) == (("17",), ("Average (UK)",))
    assert recorded.soc.tolist() == [0.68]


def test_mapped_columns_go_before_recognised_ones(tmp_path):
    header, line = "start,when,bis,strom,user", "x,2026-01-12 18:00,2026-01-13 07:00,5,ann"
    columns = {"plug_in": "when", "plug_out": "Bis", "energy_kwh": "strom"}
    assert read(tmp_path, line, header=header, columns=columns).energy_kwh.tolist() == [5]


def test_without_a_user_each_row_is_one_and_an_equal_row_is_a_duplicate(tmp_path):
    line = "2019-03-25 09:24:42,2019-03-25 18:32:12,6.146"
    recorded = read(tmp_path, line, line.replace("6.146", "6.147"), line, header='"Start","End","Energy"')
    assert recorded.user_names == ("line 2", "line 3")
    assert reasons(recorded) == [(4, "duplicate")]
    assert recorded.rejected[0].user == ""


WHOLE = [
    (b"", "the file is empty"),
    (b"\n \n", "the file is empty"),
    (HEADER.encode(), "no sessions; after the line of headers comes a line for each"),
    (bytes(range(256)), "not a text file"),
    (f"{HEADER}\n{GOOD}".encode("utf-16-le"), "not a text file"),
    (b"a,b\n1,2\n", 'no column that can be plug_in or plug_out or energy_kwh; the headers are "a", "b"; map them'),
    (b"Start,plug_in,End,Energy\n,,,\n1,2,3,4\n", 'columns 1 "Start" and 2 "plug_in" can both be plug_in; say which'),
    (b"Start,Start,End,Energy\n1,2,3,4\n", 'columns 1 "Start" and 2 "Start" can both be plug_in; rename one'),
    (f'{HEADER}\n"ann,2026\n'.encode(), "line 2 is not readable as CSV"),
    (f"{HEADER}\n,,,\nann,x,y,1\n".encode(), 'has no session that can be used: line 3: "plug_in" is "x"'),
]  # fmt: skip


@pytest.mark.parametrize(("data", "text"), WHOLE, ids=[row[1][:30] for row in WHOLE])
def test_a_file_without_sessions_is_refused_with_a_reason(tmp_path, data, text):
    path = tmp_path / "s.csv"
    path.write_bytes(data)
    with pytest.raises(FaultySessionsError) as caught:
        read_sessions(Sessions(file=str(path)), "UTC", 0.9)
    (fault,) = caught.value.faults
    assert text in fault.text
    assert len(fault.text) < 600


@pytest.mark.parametrize(
    "data",
    [
        f"\ufeff{HEADER}\r\n{GOOD}\r\n".encode(),
        f"{HEADER}\n{GOOD}".encode("utf-16"),
        f"sep=;\n{HEADER}\n{GOOD}".replace(",", ";").encode(),
        f"\n\n{HEADER}\n\n{GOOD}\n,,,\n".replace(",", "\t").encode(),
        f"{HEADER.replace('user', 'User ')}\n{GOOD.replace('ann', ' ann ')}".encode(),
    ],
    ids=["BOM", "UTF-16", "sep=", "tabs and blank lines", "blanks"],
)
def test_a_file_is_read_however_it_was_saved(tmp_path, data):
    path = tmp_path / "s.csv"
    path.write_bytes(data)
    recorded = read_sessions(Sessions(file=str(path)), "Europe/London", 0.9)
    assert (recorded.user_names, recorded.n_rows, recorded.energy_kwh.tolist()) == (("ann",), 1, [12])


def test_lines_are_counted_through_quoted_line_breaks(tmp_path):
    recorded = read(tmp_path, f'{GOOD},"a\nb"', "bob,x,y,1,", header=f"{HEADER},remark")
    assert recorded.line.tolist() == [2]
    assert reasons(recorded) == [(4, "not_a_time")]


@given(st.binary(max_size=200))
def test_any_bytes_are_sessions_or_one_clear_fault(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    for head in (b"", f"{HEADER}\n{GOOD}\n".encode()):
        path.write_bytes(head + data)
        with suppress(FaultySessionsError):
            assert len(read_sessions(Sessions(file=str(path)), "UTC", 0.9).line)


# ---- people


def test_a_charger_is_the_smallest_usual_one_at_which_all_sessions_of_a_user_fit(tmp_path):
    lines = [
        "slow,2026-01-12 00:00,2026-01-12 10:00,14",
        "mid,2026-01-12 00:00,2026-01-12 10:00,36",
        "high_voltage,2026-01-12 00:00,2026-01-13 00:00,79.2",
        "fast,2026-01-12 00:00,2026-01-12 10:00,72",
        "fast,2026-01-13 00:00,2026-01-13 01:00,10",
    ]
    recorded = read(tmp_path, *lines)
    charger_kw = dict(zip(recorded.user_names, recorded.charger_kw.tolist(), strict=True))
    assert charger_kw == {"slow": 1.4, "mid": 3.7, "fast": 11, "high_voltage": 3.7}
    assert recorded.n_chargers_estimated == 4
    assert read(tmp_path, "ann,2026-01-12 00:00,2026-01-12 09:59,77").charger_kw.tolist() == [7.7]


def test_what_the_file_or_the_config_says_of_chargers_and_batteries_goes_first(tmp_path):
    header = f"{HEADER},battery,charger_kw"
    bob, cyd = GOOD.replace("ann", "bob"), GOOD.replace("ann", "cyd").replace(",12", ",72")
    lines = [f"{GOOD},40,22", f"{bob},,", f"{cyd},,"]
    recorded = read(tmp_path, *lines, header=header, charger_kw=7.2, battery_kwh=50)
    assert recorded.charger_kw.tolist() == [22, 7.2, 7.2]
    assert recorded.battery_kwh.tolist() == [40, 50, 81]
    assert (recorded.n_chargers_estimated, recorded.n_batteries_enlarged) == (0, 1)


def test_a_user_is_of_the_kind_that_most_of_its_sessions_name(tmp_path):
    days = [f"2026-01-{day} 18:00,2026-01-{day} 20:00,1" for day in range(12, 17)]
    kinds = ["Shared", "Private", "Private", "", "Shared"]
    lines = [f"ann,{day},{kind}" for day, kind in zip(days, kinds, strict=True)]
    recorded = read(tmp_path, *lines, f"bob,{days[1]},", f"cyd,{days[3]},Private", header=f"{HEADER},user_type")
    assert recorded.archetype_names == ("Shared", "Not named", "Private")
    assert recorded.user_names == ("ann", "bob", "cyd")


def test_without_kinds_people_are_called_after_their_file(tmp_path):
    assert read(tmp_path, GOOD).archetype_names == ("My sessions",)


def test_a_column_of_users_is_not_taken_for_one_of_kinds(tmp_path):
    lines = [GOOD.replace("ann", f"u{i}") for i in range(201)]
    with pytest.raises(FaultySessionsError, match="names 201 kinds of people; at most 200 are allowed"):
        read(tmp_path, *lines, columns={"archetype": "user", "user": "user"})


# ---- laws


ROWS = st.lists(
    st.builds(
        lambda user, start, hours, kwh: (
            f"{user},{datetime(2026, 3, 27) + timedelta(hours=start)},"
            f"{datetime(2026, 3, 27) + timedelta(hours=start + hours)},{kwh},{['', 'P', 'Q'][start % 3]}"
        ),
        st.sampled_from(["a", "b", "c"]),
        st.integers(0, 100),
        st.sampled_from([-1, 0, 0.5, 3, 30]),
        st.sampled_from(["0", "1", "5.5", "-2", "", "x", "30"]),
    ),
    min_size=1,
    max_size=25,
)  # fmt: skip
KINDS = f"{HEADER},group"
ALWAYS = "z,2026-04-20 10:00,2026-04-20 12:00,1,P"


@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(tmp_path_factory, lines, luck):
    folder = tmp_path_factory.getbasetemp()
    shuffled = random.Random(luck.random()).sample(lines, len(lines))  # noqa: S311 - a test's own luck
    one, other = (read(folder, *some, ALWAYS, header=KINDS) for some in (lines, shuffled))
    for name in ("user", "plug_in_s", "plug_out_s", "energy_kwh", "archetype", "battery_kwh", "charger_kw"):
        assert getattr(one, name).tolist() == getattr(other, name).tolist()
    assert (one.user_names, one.archetype_names) == (other.user_names, other.archetype_names)
    assert one.n_rejected == other.n_rejected


@given(ROWS, ROWS)
def test_one_users_rows_never_change_the_judgement_of_anothers(tmp_path_factory, lines, more):
    folder = tmp_path_factory.getbasetemp()
    added = [line.replace(line[0], "other", 1) for line in more]
    alone, together = (read(folder, *some, header=KINDS) for some in ([ALWAYS, *lines], [ALWAYS, *lines, *added]))
    assert [row for row in together.rejected if row.user != "other"] == list(alone.rejected)
    others = np.array(together.user_names)[together.user] != "other"
    assert together.line[others].size == alone.line.size
    chargers = dict(zip(together.user_names, together.charger_kw.tolist(), strict=True))
    assert all(chargers[name] == kw for name, kw in zip(alone.user_names, alone.charger_kw.tolist(), strict=True))


@given(ROWS)
def test_every_row_is_kept_or_left_out_and_what_is_kept_can_have_been(tmp_path_factory, lines):
    recorded = read(tmp_path_factory.getbasetemp(), *lines, ALWAYS, header=KINDS)
    left_out = [row.line for row in recorded.rejected]
    assert sorted([*recorded.line.tolist(), *left_out]) == list(range(2, len(lines) + 3))
    assert recorded.n_rows == len(lines) + 1
    stay_h = (recorded.plug_out_s - recorded.plug_in_s) / 3600
    assert (stay_h > 0).all()
    assert (recorded.energy_kwh <= recorded.charger_kw[recorded.user] * (stay_h + 1 / 60) + 1e-9).all()
    assert (recorded.energy_kwh * 0.9 <= recorded.battery_kwh[recorded.user] * 0.8 + 1e-9).all()
    same = recorded.user[1:] == recorded.user[:-1]
    assert (recorded.plug_in_s[1:][same] >= recorded.plug_out_s[:-1][same]).all()
    assert (np.diff(recorded.user) >= 0).all()
    assert (np.diff(recorded.archetype) >= 0).all()


def test_the_table_of_rows_left_out_has_a_row_each(tmp_path):
    assert {name: len(column) for name, column in rejected_table(read(tmp_path, GOOD)).items()} == dict.fromkeys(
        ("line", "user", "reason", "text"), 0
    )
    table = rejected_table(read(tmp_path, GOOD, GOOD))
    assert (table["line"].tolist(), table["reason"].tolist()) == ([3], ["duplicate"])


# ---- real files


@pytest.mark.skipif(not TRONDHEIM.exists(), reason=f"needs {TRONDHEIM.name} in ../shared")
def test_trondheim_is_kept_but_for_what_cannot_have_been():
    recorded = read_sessions(Sessions(file=str(TRONDHEIM)), "Europe/Oslo", 0.9)
    expected, stays = Counter(), defaultdict(list)
    with TRONDHEIM.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if not row["plugout_local"]:
            expected["missing"] += 1
            continue
        begin, end = (datetime.fromisoformat(row[key]) for key in ("plugin_local", "plugout_local"))
        if end <= begin:
            expected["plug_out_not_after_plug_in"] += 1
        else:
            stays[row["User_ID"]].append((begin, end))
    for own in stays.values():
        until = datetime.min
        for begin, end in sorted(own):
            expected["overlap"] += begin < until
            until = until if begin < until else end
    assert recorded.n_rejected == expected == {"missing": 34, "plug_out_not_after_plug_in": 17, "overlap": 22}
    assert (recorded.n_rows, len(recorded.line), recorded.n_users) == (len(rows), 6_805, 96)
    left_out = {row.line for row in recorded.rejected}
    kept_kwh = sum(float(row["El_kWh"]) for line, row in enumerate(rows, 2) if line not in left_out)
    assert recorded.energy_kwh.sum() == pytest.approx(kept_kwh)
    assert recorded.charger_kw.max() < 7.4 * 1.1


@pytest.mark.skipif(not TRONDHEIM.exists(), reason=f"needs {TRONDHEIM.name} in ../shared")
def test_trondheim_as_it_was_published_is_the_same(tmp_path):
    path = tmp_path / "Dataset 1_EV charging reports.csv"
    with TRONDHEIM.open(encoding="utf-8-sig", newline="") as file:
        _, *rows = csv.reader(file)
    header = "session_ID;Garage_ID;User_ID;User_type;Start_plugin;End_plugout;El_kWh;Duration_hours"
    lines = []
    for row in rows:
        times = [at and f"{datetime.fromisoformat(at):%d.%m.%Y %H:%M}" for at in row[4:6]]
        lines.append(";".join([*row[:4], *times, *(number.replace(".", ",") for number in row[6:])]))
    path.write_text("\n".join([header, *lines]))
    published, ours = (read_sessions(Sessions(file=str(file)), "Europe/Oslo", 0.9) for file in (path, TRONDHEIM))
    for name in ("user", "plug_in_s", "plug_out_s", "energy_kwh", "line", "user_names", "n_rejected"):
        assert np.array_equal(getattr(published, name), getattr(ours, name))


@pytest.mark.skipif(not OFFICE.exists(), reason=f"needs {OFFICE.name} in ../shared")
def test_the_office_of_acn_is_kept_but_for_a_session_of_42_kw():
    recorded = read_sessions(Sessions(file=str(OFFICE)), "America/Los_Angeles", 0.9)
    assert recorded.n_rejected == {"does_not_fit": 1}
    assert (recorded.n_rows, recorded.n_users) == (1_426, 1_425)
