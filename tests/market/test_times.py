"""Times of every form become the same instants, or are refused in words that say what to do."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptonn.errors import ConfigError, CryptonnError, DataError
from cryptonn.market.files.formats import CandleFile, read_candle_file
from cryptonn.market.files.header import Head
from cryptonn.market.files.options import FileOptions
from cryptonn.market.files.timecolumns import TimeColumns, find_time_columns
from cryptonn.market.files.times import Times, read_times
from cryptonn.market.store.candle_store import Store


def cells(texts: Sequence[object]) -> pd.DataFrame:
    kind = "str" if isinstance(texts[0], str) else np.int64
    times = pd.Series(texts, dtype=kind, index=range(2, 2 + len(texts)))
    return pd.DataFrame({"time": times})


def read(texts: Sequence[object], *, zone: str = "", **options: str) -> Times:
    return read_times(cells(texts), options=FileOptions(**options), zone=zone, source="candles.csv")


def read_split(days: Sequence[str], clocks: Sequence[str], **options: str) -> Times:
    rows = cells(days).assign(clock=pd.Series(clocks, dtype="str", index=range(2, 2 + len(days))))
    return read_times(rows, options=FileOptions(**options), zone="", source="candles.csv")


def shown(times: Times) -> list[str]:
    index = pd.DatetimeIndex(times.opens.view("M8[ns]"))
    return [f"{time:%Y-%m-%d %H:%M:%S}".removesuffix(":00") for time in index]


def refused(texts: Sequence[object], *, zone: str = "", **options: str) -> str:
    with pytest.raises(CryptonnError) as caught:
        read(texts, zone=zone, **options)
    return str(caught.value)


# ---- forms


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2020-02-21", "2020-02-21 00:00"),
        ("2020-02-21 13:00", "2020-02-21 13:00"),
        ("2020-02-21T13", "2020-02-21 13:00"),
        ("2020-02-21 13:00:00.000", "2020-02-21 13:00"),
        ("2020-02-21T13:00:00,000000000Z", "2020-02-21 13:00"),
        ("2020-02-21 13:00:00 UTC", "2020-02-21 13:00"),
        ("2020-02-21 13:00:00 (UTC)", "2020-02-21 13:00"),
        ("2020-02-21 13:00:00[UTC]", "2020-02-21 13:00"),
        ("2020-02-21T13:00:00Z[UTC]", "2020-02-21 13:00"),
        ("2020-02-21T14:00:00+01:00[Europe/Berlin]", "2020-02-21 13:00"),
        ("2020-02-21 14:00[Europe/Berlin]", "2020-02-21 13:00"),
        ("20200221 08:00:00 US/Eastern", "2020-02-21 13:00"),
        ("Fri Feb 21 13:00:00 2020", "2020-02-21 13:00"),
        ("Fri Feb 21 13:00:00 UTC 2020", "2020-02-21 13:00"),
        ("Fri Feb 21 14:00:00 +0100 2020", "2020-02-21 13:00"),
        ("2020-02-21 15:00:00+02:00", "2020-02-21 13:00"),
        ("2020-02-21 07:30-0530", "2020-02-21 13:00"),
        ("2020/02/21 13:00", "2020-02-21 13:00"),
        ("2020.02.21 13:00", "2020-02-21 13:00"),
        ("2020-02-21 01-PM", "2020-02-21 13:00"),
        ("2020-02-21 12-AM", "2020-02-21 00:00"),
        ("20200221T130000Z", "2020-02-21 13:00"),
        ("21.02.2020 13.00", "2020-02-21 13:00"),
        ("21-FEB-2020 01.00.00.000000 PM", "2020-02-21 13:00"),
        ("20200221T1300", "2020-02-21 13:00"),
        ("20200221 130000", "2020-02-21 13:00"),
        ("20200221 13:00:00", "2020-02-21 13:00"),
        ("20200221", "2020-02-21 00:00"),
        (20200221, "2020-02-21 00:00"),
        (2020022113, "2020-02-21 13:00"),
        (202002211300, "2020-02-21 13:00"),
        (20200221130000, "2020-02-21 13:00"),
        ("21.02.2020", "2020-02-21 00:00"),
        ("21.02.2020 13:00", "2020-02-21 13:00"),
        ("21.02.2020 14:00:00.000 GMT+0100", "2020-02-21 13:00"),
        ("21/2/2020 13:00:00", "2020-02-21 13:00"),
        ("2/21/2020 1:00:00 PM", "2020-02-21 13:00"),
        ("2/21/2020 1:00PM", "2020-02-21 13:00"),
        ("2/21/2020 12:00 p.m.", "2020-02-21 12:00"),
        ("21-02-2020", "2020-02-21 00:00"),
        ("21 02 2020 13:00", "2020-02-21 13:00"),
        ("Feb 21, 2020", "2020-02-21 00:00"),
        ("February 21, 2020", "2020-02-21 00:00"),
        ("Feb. 21st, 2020", "2020-02-21 00:00"),
        ("Feb 21, 2020 13:00", "2020-02-21 13:00"),
        ("Feb 21, 2020, 1:00 PM", "2020-02-21 13:00"),
        ("Feb 21, 20", "2020-02-21 00:00"),
        ("21 Feb 2020", "2020-02-21 00:00"),
        ("21-Feb-2020 13:00", "2020-02-21 13:00"),
        ("21Feb2020", "2020-02-21 00:00"),
        ("2020-Feb-21", "2020-02-21 00:00"),
        ("Friday, February 21, 2020", "2020-02-21 00:00"),
        ("Fri Feb 21 2020 13:00:00 GMT+0000 (Coordinated Universal Time)", "2020-02-21 13:00"),
        ("Sept 21, 2020", "2020-09-21 00:00"),
        (1582290000, "2020-02-21 13:00"),
        ("1582290000.0", "2020-02-21 13:00"),
        ("1582290000.000000", "2020-02-21 13:00"),
        ("1582290000000.0", "2020-02-21 13:00"),
        ("1582290000000000000", "2020-02-21 13:00"),
        ("1.58229e9", "2020-02-21 13:00"),
        ("43882.5416667", "2020-02-21 13:00"),
        ("43882.54167", "2020-02-21 13:00"),
        (43882, "2020-02-21 00:00"),
    ],
)
def test_every_form_is_the_same_instant(cell: object, expected: str) -> None:
    assert shown(read([cell])) == [expected]


def test_texts_of_one_form_may_differ_in_width_and_fraction() -> None:
    texts = ["1/9/2018 9:00", "1/9/2018 10:00", "12/31/2018", "12/31/2018 1:00:00.000"]
    expected = ["2018-01-09 09:00", "2018-01-09 10:00", "2018-12-31 00:00", "2018-12-31 01:00"]
    assert shown(read(texts)) == expected


@pytest.mark.parametrize(
    ("days", "clocks", "expected"),
    [
        (["2020-01-05"] * 2, ["00:00", "01:00"], ["2020-01-05 00:00", "2020-01-05 01:00"]),
        (["2020.01.05"] * 2, ["00:00:00", "23:59:00"], ["2020-01-05 00:00", "2020-01-05 23:59"]),
        (["20200105"] * 2, ["000000", "000500"], ["2020-01-05 00:00", "2020-01-05 00:05"]),
        (["20200105"] * 3, ["0", "500", "235500"], None),
        (["20200105"] * 24, [str(100 * hour) for hour in range(24)], None),
        (["20200105"] * 24, [str(hour) for hour in range(24)], None),
        (["01/25/2020"] * 2, ["1:00 AM", "1:00 PM"], ["2020-01-25 01:00", "2020-01-25 13:00"]),
    ],
)
def test_day_and_time_of_day_in_two_columns(
    days: list[str], clocks: list[str], expected: list[str] | None
) -> None:
    found = shown(read_split(days, clocks))
    if expected is not None:
        assert found == expected
    elif len(days) == 3:
        assert found == ["2020-01-05 00:00", "2020-01-05 00:05", "2020-01-05 23:55"]
    else:
        assert found == [f"2020-01-05 {hour:02d}:00" for hour in range(24)]


def test_times_of_day_without_their_zeros_that_may_be_two_things_are_refused() -> None:
    with pytest.raises(DataError, match="leading zeros are lost.*Write them as 13:00"):
        read_split(["20200105"] * 3, ["0", "100", "200"])


@pytest.mark.parametrize(
    ("names", "first", "expected"),
    [
        (["date", "open"], ["2020-01-05", "1"], TimeColumns(0)),
        (["date (utc)", "open"], ["2020-01-05", "1"], TimeColumns(0, zone="UTC")),
        (["time utc", "open"], ["2020-01-05", "1"], TimeColumns(0, zone="UTC")),
        (["gmt time", "open"], ["05.01.2020 00:00", "1"], TimeColumns(0, zone="UTC")),
        (["local time", "open"], ["05.01.2020 00:00", "1"], TimeColumns(0, zone="local")),
        (["datetime (est)", "open"], ["2020-01-05", "1"], TimeColumns(0, zone="est")),
        (["time (utc+8)", "open"], ["2020-01-05", "1"], TimeColumns(0, zone="UTC+08:00")),
        (["Time (UTC +8)", "open"], ["2020-01-05", "1"], TimeColumns(0, zone="UTC+08:00")),
        (["time_utc+8", "open"], ["2020-01-05", "1"], TimeColumns(0, zone="UTC+08:00")),
        (["Date (GMT-05:00)", "open"], ["2020-01-05", "1"], TimeColumns(0, zone="UTC-05:00")),
        (["Local time (GMT+1)", "open"], ["2020-01-05", "1"], TimeColumns(0, zone="UTC+01:00")),
        (["Time (+0530)", "open"], ["2020-01-05", "1"], TimeColumns(0, zone="UTC+05:30")),
        (["Date (UTC+00:00)", "open"], ["2020-01-05", "1"], TimeColumns(0, zone="UTC")),
        (["time_open", "time_period_start"], ["2020-01-05", "2020-01-05"], TimeColumns(1)),
        (["open time ms", "open"], ["1578182400000", "1"], TimeColumns(0)),
        (["date", "time", "open"], ["2020-01-05", "00:00", "1"], TimeColumns(0, 1)),
        (["date", "time", "open"], ["20200105", "0", "1"], TimeColumns(0, 1)),
        (["time", "date", "open"], ["2020-01-05 00:00", "2020-01-05", "1"], TimeColumns(0)),
        (["unix", "date", "time"], ["1578182400", "2020-01-05", "00:00"], TimeColumns(0)),
        (["", "open"], ["2020-01-05", "1"], TimeColumns(0)),
        (["when", "open"], ["2020-01-05", "1"], None),
        (["time", "time", "open"], ["1", "2", "1"], None),
    ],
)
def test_columns_of_the_time(
    names: list[str], first: list[str], expected: TimeColumns | None
) -> None:
    head = Head(1, ",", tuple(names), (tuple(first),), ",".join(names))
    assert find_time_columns(head) == expected


# ---- day first, month first


def written(times: pd.DatetimeIndex, form: str) -> list[str]:
    return list(times.strftime(form))


def hours(first: str, number: int, *, freq: str = "h") -> pd.DatetimeIndex:
    return pd.date_range(first, periods=number, freq=freq)


@pytest.mark.parametrize("form", ["%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d.%m.%y %H:%M"])
@pytest.mark.parametrize(
    "times",
    [
        hours("2020-03-01", 288),
        hours("2020-03-01", 288)[::-1],
        hours("2020-03-01", 30),
        hours("2020-03-05", 12, freq="4h"),
        hours("2020-03-01", 12 * 24 * 60, freq="min"),
        hours("2020-03-01", 288).delete([5, 6, 7, 40, 41, 100, 101, 102, 200]),
        hours("2020-03-01", 288).insert(20, pd.Timestamp("2020-03-01 19:00")),
    ],
    ids=["hours", "newest first", "30 hours", "4 hours", "minutes", "with gaps", "a duplicate"],
)
def test_order_of_dates_is_the_one_that_gives_one_spacing(
    times: pd.DatetimeIndex, form: str
) -> None:
    found = read(written(times, form))
    assert (found.opens == times.as_unit("ns").asi8).all()
    assert any("at one spacing" in note for note in found.notes)


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%m/%d/%Y", "%y/%m/%d", "%d-%m-%y", "%d-%b-%y"])
@pytest.mark.parametrize(
    "times",
    [
        hours("2020-03-03", 10, freq="D"),
        hours("2020-01-01", 400, freq="D"),
        hours("2020-01-01", 400, freq="D")[::-1],
        hours("2020-01-05", 20, freq="7D"),
    ],
    ids=["ten days", "a year", "newest first", "weeks"],
)
def test_order_of_daily_dates(times: pd.DatetimeIndex, form: str) -> None:
    assert (read(written(times, form)).opens == times.as_unit("ns").asi8).all()


@pytest.mark.parametrize(
    "texts",
    [
        [f"05/01/2020 {hour:02d}:00" for hour in range(24)],
        [f"01/{number:02d}/2020" for number in range(1, 13)],
        [f"{number:02d}/01/2020" for number in range(1, 13)],
        ["07/07/2020", "08/07/2020", "09/07/2020"],
        ["01/02/2020", "02/02/2020"],
        ["05/01/2020", "08/01/2020", "12/01/2020", "02/03/2020", "01/07/2020"],
        ["01/01/2020", "01/04/2020", "01/07/2020", "01/10/2020"],
    ],
    ids=["one day", "months or days", "days or months", "31 days", "two", "neither", "quarters"],
)
def test_dates_of_which_both_orders_or_none_are_steady_are_refused(texts: list[str]) -> None:
    message = refused(texts)
    assert "--date-order dmy (day first) or --date-order mdy (month first)" in message
    assert "date_order under [data]" in message
    by_day = read(texts, date_order="dmy").opens
    by_month = read(texts, date_order="mdy").opens
    assert (by_day != by_month).any()


def test_a_year_of_firsts_of_the_month_is_of_months() -> None:
    times = pd.date_range("2019-01-01", periods=24, freq="MS")
    assert (read(written(times, "%d/%m/%Y")).opens == times.as_unit("ns").asi8).all()


def test_an_order_against_the_spacing_is_refused() -> None:
    hours = written(pd.date_range("2020-03-01", periods=288, freq="h"), "%d/%m/%Y %H:%M")
    message = refused(hours, date_order="mdy")
    assert "Give --date-order dmy" in message


def test_what_is_said_of_the_order_must_be_possible() -> None:
    assert "'13/01/2020' is no day of the calendar, read as month, day" in refused(
        ["13/01/2020", "14/01/2020"], date_order="mdy"
    )
    assert "cannot be read ymd" in refused(["13/01/2020"], date_order="ymd")
    assert shown(read(["2020-01-05"], date_order="dmy")) == ["2020-01-05 00:00"]


def test_dates_that_a_spreadsheet_turned_round_are_refused() -> None:
    message = refused(["1/11/2020", "1/12/2020", "13/1/2020", "1/14/2020"])
    assert "some dates can only be day first and others only month first" in message
    assert "13/01/2020" in message and "01/14/2020" in message
    assert "of another form than the others" in refused(["1/3/2020", "13-03-2020", "14-03-2020"])


@pytest.mark.parametrize("form", ["%Y-%d-%m %H:%M", "%Y%d%m"])
def test_year_day_month_is_refused(form: str) -> None:
    times = hours("2020-03-01", 288) if " " in form else hours("2020-03-01", 12, freq="D")
    texts = written(times, form)
    message = refused(texts if " " in form else [int(text) for text in texts])
    assert "year, day, month" in message and "Write them as year-month-day" in message
    assert "no day of the calendar" in refused(["2020-12-01", "2020-13-01"])


# ---- zones


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize("freq", ["min", "5min", "15min", "30min", "h", "2h", "4h", "D"])
@pytest.mark.parametrize("step", [1, -1])
def test_local_times_over_the_hour_that_comes_twice(zone: str, freq: str, step: int) -> None:
    first = {"Europe/Berlin": "2020-10-24", "America/New_York": "2020-10-31"}
    start = pd.Timestamp(first.get(zone, "2020-04-03"), tz="UTC")
    times = pd.date_range(start, start + pd.Timedelta(days=3), freq=freq)[::step]
    texts = written(times.tz_convert(zone), "%Y-%m-%d %H:%M")
    found = read(texts, timezone=zone)
    assert (found.opens == times.as_unit("ns").asi8).all()
    assert found.repairs["converted_to_utc"] == len(times)
    assert not found.is_naive


def test_local_times_over_the_hour_that_is_left_out() -> None:
    times = pd.date_range("2020-03-28", "2020-03-30", freq="h", tz="UTC")
    texts = written(times.tz_convert("Europe/Berlin"), "%d.%m.%Y %H:%M")
    assert (read(texts, timezone="Europe/Berlin").opens == times.as_unit("ns").asi8).all()
    message = refused(written(times, "%d.%m.%Y %H:%M"), timezone="Europe/Berlin")
    assert "1 time that no clock of Europe/Berlin has shown" in message
    assert "2020-03-29 02:00" in message and "perhaps UTC" in message


def test_an_hour_that_comes_once_where_it_should_come_twice_is_refused() -> None:
    texts = [f"2020-10-25 {hour:02d}:00" for hour in range(6)]
    message = refused(texts, timezone="Europe/Berlin")
    assert "2020-10-25 02:00 comes twice in Europe/Berlin" in message
    assert "fetch the file with times in UTC" in message


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("Europe/Belin", "Did you mean 'Europe/Berlin'?"),
        ("europe/berlin", "Did you mean 'Europe/Berlin'?"),
        ("nowhere", "Write a place of the zone database"),
    ],
)
def test_unknown_zone(zone: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(["2020-01-05"], timezone=zone)
    assert words in str(caught.value)


def test_a_zone_is_not_said_of_times_that_have_one() -> None:
    assert "its times carry a zone" in refused(["2020-01-05 00:00Z"], timezone="Europe/Berlin")
    assert "numbers since 1970" in refused([1578182400], timezone="Europe/Berlin")
    assert "its header says" in refused(["2020-01-05 00:00"], zone="utc", timezone="Asia/Tokyo")
    assert "a day of Asia/Tokyo is no day of UTC" in refused(["2020-01-05"], timezone="Asia/Tokyo")


@pytest.mark.parametrize(
    ("zone", "place"),
    [
        ("EST", "America/New_York"),
        ("CET", "Europe/Berlin"),
        ("MSK", "Europe/Moscow"),
        ("IST", "Asia/Kolkata or Europe/Dublin or Asia/Jerusalem"),
    ],
)
def test_the_name_of_a_zone_does_not_tell_how_far_it_is(zone: str, place: str) -> None:
    message = refused([f"2020-01-05 14:00 {zone}"])
    assert f"--timezone {place} (timezone under [data])" in message


def test_the_name_of_a_zone_must_be_the_one_of_the_place() -> None:
    texts = ["2020-07-05 00:00 EDT", "2020-07-05 01:00 EDT"]
    assert shown(read(texts, timezone="America/New_York"))[0] == "2020-07-05 04:00"
    assert "it says EDT, and it is CDT there" in refused(texts, timezone="America/Chicago")


def test_the_header_says_the_zone() -> None:
    assert not read(["2020-01-05 00:00"], zone="utc").is_naive
    assert "the header says that its times are of EST" in refused(["2020-01-05 00:00"], zone="est")
    assert "a local zone" in refused(["2020-01-05 00:00"], zone="local")
    assert shown(read(["25.01.2020 01:00 GMT+0100"], zone="local")) == ["2020-01-25 00:00"]


@pytest.mark.parametrize(
    ("written_zone", "shown_there"),
    [
        ("UTC+8", "2020-01-04 16:00"),
        ("utc+08:00", "2020-01-04 16:00"),
        ("GMT+0530", "2020-01-04 18:30"),
        ("-5", "2020-01-05 05:00"),
        ("UTC+0", "2020-01-05 00:00"),
        ("GMT-0", "2020-01-05 00:00"),
        ("Etc/GMT-8", "2020-01-04 16:00"),
    ],
)
def test_a_fixed_distance_from_utc_is_a_zone(written_zone: str, shown_there: str) -> None:
    found = read(["2020-01-05 00:00", "2020-01-05 01:00"], timezone=written_zone)
    assert shown(found)[0] == shown_there and not found.is_naive


@pytest.mark.parametrize("zone", ["UTC+25", "UTC+8.5", "GMT+99", "UTX", "IST", "CST", "PDT"])
def test_no_zone_is_suggested_for_its_spelling_alone(zone: str) -> None:
    """UTC for UTC+25, or MST for IST, would move every bar by hours."""
    message = refused(["2020-01-05 00:00"], timezone=zone)
    assert "is unknown" in message and "such as UTC+8" in message
    assert "Did you mean '" not in message
    if zone == "IST":
        assert "Asia/Kolkata or Europe/Dublin or Asia/Jerusalem" in message


def test_the_offset_in_the_header_is_the_offset() -> None:
    texts = ["2020-01-05 00:00", "2020-01-05 01:00"]
    found = read(texts, zone="UTC+08:00")
    assert shown(found)[0] == "2020-01-04 16:00"
    assert found.repairs["converted_to_utc"] == 2 and not found.is_naive
    note = "The times were read as those of a clock in UTC+08:00: 2020-01-05 00:00 there is 2020-01"
    assert found.notes[0].startswith(note)
    assert shown(read(texts, zone="UTC+08:00", timezone="Asia/Singapore")) == shown(found)
    assert shown(read(texts, zone="UTC+08:00", timezone="GMT+8")) == shown(found)
    for other in ("America/New_York", "UTC", "UTC-8"):
        message = refused(texts, zone="UTC+08:00", timezone=other)
        assert "its header says that the times are of UTC+08:00" in message
        assert "Leave --timezone (timezone under [data]) out" in message
    assert "a day of UTC+08:00 is no day of UTC" in refused(["2020-01-05"], zone="UTC+08:00")
    zoned = refused(["2020-01-05 00:00Z"], zone="UTC+08:00")
    assert "its header says that the times are of UTC+08:00, and 1 time of another zone" in zoned
    assert shown(read(["2020-01-05 08:00+08:00"], zone="UTC+08:00")) == ["2020-01-05 00:00"]


def test_a_place_in_summer_is_not_the_offset_of_winter() -> None:
    texts = ["2020-03-28 12:00", "2020-03-29 12:00"]
    message = refused(texts, zone="UTC+01:00", timezone="Europe/Berlin")
    assert "first in row 3" in message
    assert shown(read(texts[:1], zone="UTC+01:00", timezone="Europe/Berlin")) == [
        "2020-03-28 11:00"
    ]


@pytest.mark.parametrize(
    ("zone", "timezone", "right"),
    [
        ("est", "America/New_York", True),
        ("est", "UTC-5", True),
        ("est", "EST", True),
        ("et", "America/New_York", True),
        ("sgt", "Asia/Singapore", True),
        ("ist", "Asia/Kolkata", True),
        ("local", "Asia/Tokyo", True),
        ("est", "Europe/Berlin", False),
        ("est", "UTC", False),
        ("edt", "America/New_York", False),
        ("ist", "America/Denver", False),
        ("sgt", "Asia/Dubai", False),
    ],
)
def test_the_header_names_the_zone_that_is_said(zone: str, timezone: str, right: bool) -> None:
    texts = ["2020-01-05 00:00", "2020-01-05 01:00"]
    if right:
        assert not read(texts, zone=zone, timezone=timezone).is_naive
        return
    message = refused(texts, zone=zone, timezone=timezone)
    assert f"2 times of another zone than {timezone}" in message
    assert f"the header says {zone.upper()}" in message


def test_a_place_in_the_cells_is_the_zone() -> None:
    """As Interactive Brokers writes them; the hour that comes twice is told by the order of the rows."""
    times = pd.date_range("2020-10-31 12:00", periods=30, freq="h", tz="UTC")
    texts = written(times.tz_convert("US/Eastern"), "%Y%m%d %H:%M:%S US/Eastern")
    assert (read(texts).opens == times.as_unit("ns").asi8).all()
    assert shown(read(texts, timezone="America/New_York"))[0] == "2020-10-31 12:00"
    assert "it says US/Eastern" in refused(texts, timezone="Europe/Berlin")
    noon = read(["2020-01-05 12:00 America/New_York", "2020-01-05 13:00 America/New_York"])
    assert shown(noon) == ["2020-01-05 17:00", "2020-01-05 18:00"]
    mixed = ["2020-01-05 00:00 US/Eastern", "2020-01-05 01:00 US/Central"]
    assert "carry the name of a zone, US/Eastern in row 2" in refused(mixed)


def test_a_zone_in_brackets_is_not_passed_over() -> None:
    assert "carry the name of a zone, EST in row 2" in refused(["2020-01-05 13:00 (EST)"])
    assert "carry the name of a zone, Berlin in row 2" in refused(["2020-01-05 13:00 (Berlin)"])


def test_an_order_that_is_said_and_cannot_be_is_to_be_changed() -> None:
    texts = written(hours("2020-01-05", 40, freq="D"), "%m/%d/%Y")
    message = refused(texts, date_order="dmy")
    assert "no day of the calendar, read as day, month, year" in message
    assert "Change --date-order (date_order under [data])" in message


@pytest.mark.parametrize("text", ["Sun Jan 05 25 o'clock", "Jan 5 12:00 UTC"])
def test_an_english_month_is_not_said_to_be_none(text: str) -> None:
    assert "no English name" not in refused([text] * 3)


# ---- what cannot be read


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["1.5782E+12"] * 3, "A spreadsheet has rounded the times"),
        (["1.57818E+12", "1.57827E+12", "1.57836E+12", "1.57844E+12"], "rounded the times"),
        (["1.57824E+12", "1.57833E+12", "1.57842E+12"], "rounded the times"),
        ([1578180000000, 1578180000000, 1578190000000], "rounded the times"),
        ([1578180000000, 1578190000000, 1578200000000], "rounded the times"),
        (["12", "2020-01-05 00:00", "2020-01-05 01:00"], "'12' is of another form"),
        (["1,5782E+12"] * 3, "a spreadsheet has rounded a number"),
        (["43882.54", "43882.58", "43882.63"], "it was rounded"),
        (["########"] * 3, "too narrow"),
        (["00:00.0"] * 3, "a time of day without a day"),
        (["21. Februar 2020"] * 3, "'Februar' is no English name of a month"),
        (["21 févr. 2020"] * 3, "no English name of a month"),
        (["2020-02-21", "2020-02-30"], "'2020-02-30' is no day of the calendar"),
        (["2020-02-21 25:00"], "no time of day"),
        (["2020-02-21 13:00 PM"], "no time of day"),
        (["20200221 500"], "no time of day"),
        (["yesterday", "today"], "no form that is known"),
        ([20201305, 20201306], "20201305 is no day of the calendar"),
        ([202002212500, 202002211300], "202002212500 is no time of the form YYYYMMDDHHMM"),
        ([5012020, 6012020], "5012020 is no time between 1990 and 2100"),
        (["1985-01-01", "1985-01-02"], "no time between 1990 and 2100"),
        (["2020-02-21", ""], "'' is of another form than the others, such as '2020-02-21'"),
        ([1578182400, 12], "12 is no time between 1990 and 2100"),
    ],
)
def test_what_cannot_be_read_says_what_it_is(texts: list[object], words: str) -> None:
    message = refused(texts)
    assert words in message
    assert "np.int64" not in message
    for cell in map(str, texts):
        assert message.count(f"'{cell}'") < 2


def test_exact_times_with_an_exponent_are_read() -> None:
    times = pd.date_range("2020-01-05", periods=30, freq="D")
    texts = [repr(float(time.timestamp() * 1000)).replace("000000.0", "e6") for time in times]
    assert (read(texts).opens == times.as_unit("ns").asi8).all()


# ---- any steady series, written in any form, comes back or is refused


_FORMS = [
    *("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d.%m.%y %H:%M", "%y-%m-%d %H:%M", "%m-%d-%y %H:%M:%S"),
    *("%Y-%m-%d %H:%M", "%Y/%m/%dT%H:%M:%SZ", "%b %d, %Y %I:%M %p", "%d-%b-%y %H:%M"),
    *("%Y%m%d%H%M", "%Y%m%d%H%M%S", "%Y%m%d %H%M", "%-m/%-d/%Y %-H:%M", "%A, %d %B %Y %H:%M"),
]


@given(
    first=st.datetimes(pd.Timestamp("2012-01-01"), pd.Timestamp("2026-01-01")),
    minutes=st.sampled_from([1, 5, 15, 60, 240, 1440]),
    number=st.integers(3, 400),
    form=st.sampled_from(_FORMS),
    backward=st.booleans(),
    dropped=st.sets(st.integers(0, 400), max_size=20),
)
@settings(max_examples=60, deadline=None)
def test_a_steady_series_comes_back_or_is_refused(
    first, minutes: int, number: int, form: str, backward: bool, dropped: set[int]
) -> None:
    step = pd.Timedelta(minutes=minutes)
    times = pd.date_range(pd.Timestamp(first).floor(step), periods=number, freq=step)
    times = times.delete([place for place in dropped if place < number])[:: -1 if backward else 1]
    if len(times) < 3:
        return
    texts = written(times, form)
    try:
        found = read([int(text) for text in texts] if texts[0].isdigit() else texts)
    except DataError as error:
        assert "--date-order" in str(error)
        return
    assert (found.opens == times.as_unit("ns").asi8).all()


# ---- through the file


def lines(times: Sequence[str], *, header: str = "time", cell: str = ",") -> str:
    numbers = itertools.count(100)
    rows = [
        f"{time}{cell}{n},{n + 2},{n - 1},{n + 1},3"
        for time, n in zip(times, numbers, strict=False)
    ]
    return "\n".join([f"{header},open,high,low,close,volume", *rows]) + "\n"


def saved(folder: Path, content: str | bytes, *, name: str = "candles.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def opened(path: Path, *, now: str | None = None, **options: str) -> CandleFile:
    return read_candle_file(
        path,
        symbol="ETH/USD",
        options=FileOptions(**options),
        now=None if now is None else pd.Timestamp(now, tz="UTC"),
    )


TEN = hours("2020-01-25", 10)


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
@pytest.mark.parametrize("form", ["%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M", "%s"])
def test_lines_end_as_they_like(tmp_path: Path, end: str, form: str) -> None:
    times = written(TEN, form) if form != "%s" else [str(t.value // 10**9) for t in TEN]
    text = lines(times)
    file = opened(saved(tmp_path, text.replace("\n", end)))
    assert (file.candles.index == TEN.tz_localize("UTC")).all()
    mixed = text.replace("\n", "\r", 3).replace("\n", end)
    broken = mixed.replace("106,", "x,")
    assert len(opened(saved(tmp_path, mixed)).candles) == 10
    with pytest.raises(DataError, match="first in row 7|first in row 8"):
        opened(saved(tmp_path, broken))


@pytest.mark.parametrize("code", ["utf-16", "utf-8-sig"])
def test_text_as_windows_programs_write_it(tmp_path: Path, code: str) -> None:
    text = lines(written(TEN, "%Y-%m-%d %H:%M"))
    assert len(opened(saved(tmp_path, text.encode(code))).candles) == 10


def test_utf_16_that_is_cut_off(tmp_path: Path) -> None:
    text = lines(written(TEN, "%Y-%m-%d %H:%M")).encode("utf-16")
    with pytest.raises(DataError, match="begins as UTF-16 text"):
        opened(saved(tmp_path, text[:-1]))


def test_metatrader_and_its_two_columns(tmp_path: Path) -> None:
    times = written(TEN, "%Y.%m.%d,%H:%M:%S")
    text = lines(times, header="<DATE>,<TIME>").replace(
        "<DATE>,<TIME>,open", "<DATE>,<TIME>,<OPEN>"
    )
    text = text.replace("high,low,close,volume", "<HIGH>,<LOW>,<CLOSE>,volume")
    file = opened(saved(tmp_path, text))
    assert (file.candles.index == TEN.tz_localize("UTC")).all()


def test_the_repeated_hour_of_autumn_asks_for_the_zone(tmp_path: Path) -> None:
    times = pd.date_range("2020-10-24 22:00", periods=30, freq="h", tz="UTC")
    local = written(times.tz_convert("Europe/Berlin"), "%Y-%m-%d %H:%M:%S")
    path = saved(tmp_path, lines(local))
    with pytest.raises(DataError) as caught:
        opened(path)
    message = str(caught.value)
    assert "an hour comes twice, as in Europe/Berlin" in message
    assert "--timezone Europe/Berlin" in message and "Delete" not in message
    assert (opened(path, timezone="Europe/Berlin").candles.index == times).all()


# ---- the bar in progress, and the future


def test_the_bar_in_progress_is_left_out_counted_and_named(tmp_path: Path) -> None:
    path = saved(tmp_path, lines(written(TEN, "%Y-%m-%d %H:%M")))
    file = opened(path, now="2020-01-25 09:59:59")
    assert len(file.candles) == 9
    assert file.repairs == {"unclosed": 1}
    assert file.notes[0].startswith("The bar of 2020-01-25 09:00Z was still in progress at 2020-01")
    assert file.source["notes"] == list(file.notes[1:])
    assert len(opened(path, now="2020-01-25 10:00").candles) == 10
    assert opened(path, now="2020-01-25 10:00").repairs == {}


def test_the_day_of_today_is_left_out(tmp_path: Path) -> None:
    days = written(hours("2020-01-15", 11, freq="D"), "%Y-%m-%d")
    file = opened(saved(tmp_path, lines(days)), now="2020-01-25 12:00")
    assert file.candles.index[-1] == pd.Timestamp("2020-01-24", tz="UTC")


def test_bars_from_the_future_are_left_out_counted_and_named(tmp_path: Path) -> None:
    path = saved(tmp_path, lines(written(TEN, "%Y-%m-%d %H:%M")))
    file = opened(path, now="2020-01-25 05:30")
    assert len(file.candles) == 5
    assert file.repairs == {"unclosed": 1, "future": 4}
    assert "4 bars from 2020-01-25 06:00Z to 2020-01-25 09:00Z lie in the future" in file.notes[1]
    assert "--timezone" in file.notes[1]


def test_one_bar_from_the_future_is_told_as_one(tmp_path: Path) -> None:
    path = saved(tmp_path, lines(written(TEN, "%Y-%m-%d %H:%M")))
    note = opened(path, now="2020-01-25 08:30").notes[1]
    assert note.startswith("1 bar, of 2020-01-25 09:00Z, lies in the future")


@pytest.mark.parametrize("now", ["2019-01-25", "2020-01-25 00:30"])
def test_a_file_of_which_no_bar_has_closed_is_refused(tmp_path: Path, now: str) -> None:
    path = saved(tmp_path, lines(written(TEN, "%Y-%m-%d %H:%M")))
    with pytest.raises(DataError, match="none of its 10 bars has closed yet.*clock says"):
        opened(path, now=now)


def test_a_stored_bar_that_was_in_progress_is_replaced_not_kept(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    texts = written(TEN, "%Y-%m-%d %H:%M")
    early = opened(saved(tmp_path, lines(texts[:6])))
    whole = lines(texts)
    late = opened(saved(tmp_path, whole.replace("105,107,104,106,3", "105,109,104,106,9")))
    about = {"symbol": "ETH/USD", "exchange": "local", "timeframe": "1h"}
    store.write(early.candles, **about, sources=[early.source])
    with pytest.raises(DataError) as caught:
        store.write(late.candles, **about, sources=[late.source])
    assert "in progress then: take the new values with --replace" in str(caught.value)
    assert "Keep" not in str(caught.value)
    store.write(late.candles, **about, sources=[late.source], conflicts="replace")
    older = opened(saved(tmp_path, whole.replace("105,107,104,106,3", "105,110,104,106,9")))
    with pytest.raises(DataError) as caught:
        store.write(older.candles, **about, sources=[older.source])
    assert "in progress then" in str(caught.value)
    other = opened(saved(tmp_path, whole.replace("102,104,101,103,3", "102,108,101,103,9")))
    with pytest.raises(DataError) as caught:
        store.write(other.candles, **about, sources=[other.source])
    assert "2 bars stored with other values" in str(caught.value)
    assert "once you know why the others differ" in str(caught.value)
