"""Any OHLC or tick file is read, or refused with the line, the reason and a hint."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ops.demo.bars import BadBars, Bar, read, survey
from ops.paths import EURUSD_BARS

E8 = 10**8
ONE = datetime(2024, 1, 31, 13, 0, tzinfo=UTC)
BAR = Bar(ONE, 107_160_000, 107_220_000, 107_083_000, 107_219_000)
OHLC = "1.0716,1.0722,1.07083,1.07219"


def file(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "prices.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        f",Open,High,Low,Close,Volume\n2024-01-31 13:00:00,{OHLC},1413\n",
        f"time,open,high,low,close\n2024-01-31T13:00:00Z,{OHLC}\n",
        f"timestamp,open,high,low,close\n2024-01-31T15:00:00+02:00,{OHLC}\n",
        f"time,open,high,low,close\n2024-01-31 08:30 -04:30,{OHLC}\n",
        f"timestamp,o,h,l,c\n1706706000,{OHLC}\n",
        f"Open time,Open,High,Low,Close\n1706706000000,{OHLC}\n",
        f"Date,Time,Open,High,Low,Close\n2024.01.31,13:00,{OHLC}\n",
        "close;open;low;high;unused;time\n1.07219;1.0716;1.07083;1.0722;x;2024-01-31 13:00\n",
        "Gmt time;Open;High;Low;Close\n31.01.2024 13:00:00.000;1,0716;1,0722;1,07083;1,07219\n",
        "date,open,high,low,close\n01/31/2024 13:00," + OHLC + "\n",
        "date,open,high,low,close\n31/01/2024 13:00," + OHLC + "\n",
        "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\n"
        "2024.01.31\t13:00:00\t1.07160\t1.07220\t1.07083\t1.07219\t1413\n",
        f"2024.01.31,13:00,{OHLC},1413\n",
        "20240131 130000;1.0716;1.0722;1.07083;1.07219;0\n",
        "20240131 130000 1.0716 1.0722 1.07083 1.07219\n",
        f"1706706000000,{OHLC},148976.1,1706709599999,2434.1,308\n",
        f'"time","open","high","low","close"\r\n\r\n"2024-01-31 13:00",{OHLC}\r\n',
        f"\ufefftime,open,high,low,close\n2024-01-31 13:00,{OHLC}\n",
        f"time,open,high,low,close\n2024-01-31 13:00,{OHLC}\n".encode("utf-16"),
    ],
)
def test_ohlc_files(tmp_path: Path, text: str | bytes) -> None:
    assert list(read(file(tmp_path, text))) == [BAR]


@pytest.mark.parametrize(
    ("text", "prices"),
    [
        ("time,bid,ask\n2024-01-31 13:00,1.5,1.7\n2024-01-31 13:00,1.7,1.9\n", [1.6, 1.8]),
        ("time,price\n2024-01-31 13:00,1.5\n2024-01-31 13:01,1.25\n", [1.5, 1.25]),
        ("20240131 130000123,1.5,1.7,0\n20240131 130000456,1.7,1.9,0\n", [1.6, 1.8]),
        (
            "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>\n"
            "2024.01.31\t13:00:00.123\t1.5\t1.7\t\t\t6\n"
            "2024.01.31\t13:00:00.456\t\t1.9\t\t\t4\n",
            [1.6, 1.7],
        ),
    ],
)
def test_ticks_are_bars_in_which_nothing_moved(tmp_path: Path, text: str, prices: list[float]) -> None:
    bars = list(read(file(tmp_path, text)))
    assert [bar[1:] for bar in bars] == [(round(price * E8),) * 4 for price in prices]


HEAD = "time,open,high,low,close\n"
GOOD = f"2024-01-31 13:00,{OHLC}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("\n\n", "the file is empty"),
        (HEAD, "there is a header, and not one row below it"),
        ("just words\nwithout a number\n", "line 1: no column is the time: just, words"),
        ("oneword\n1\n", "line 1: there is only one column"),
        ("time,colour\n2024-01-31 13:00,blue\n", "line 1: no columns with prices among time, colour"),
        ("open,high,low,close\n1,1,1,1\n", "line 1: no column is the time: open, high, low, close"),
        (HEAD + f"yesterday,{OHLC}\n", "line 2: 'yesterday' is not a time"),
        (HEAD + f"01/02/2024 13:00,{OHLC}\n", "line 2: '01/02/2024 13:00' may be day or month first"),
        (HEAD + f"2024-13-31 13:00,{OHLC}\n", "line 2: '2024-13-31 13:00' is not a time"),
        (HEAD + GOOD + f"31.01.2024 14:00,{OHLC}\n", "line 2: times are written in different ways"),
        (HEAD + GOOD + f"2024-01-31 12:00,{OHLC}\n", "line 3: 2024-01-31 12:00:00 is before the row above"),
        (HEAD + GOOD + "2024-01-31 14:00,1.0\n", "line 3: 2 columns where the first row has 5"),
        (HEAD + GOOD + "2024-01-31 14:00,1,x,1,1\n", "line 3: high is 'x', which is not a number"),
        (HEAD + GOOD + "2024-01-31 14:00,1,,1,1\n", "line 3: high is '', which is not a number"),
        (HEAD + GOOD + "2024-01-31 14:00,1,nan,1,1\n", "line 3: high is nan, and a price lies between 0 and 1e9"),
        (HEAD + GOOD + "2024-01-31 14:00,1,1,-1,1\n", "line 3: low is -1, and a price lies between 0 and 1e9"),
        (HEAD + GOOD + "2024-01-31 14:00,1,1e12,1,1\n", "line 3: high is 1e12, and a price lies between 0 and 1e9"),
        (HEAD + GOOD + "2024-01-31 14:00,2,1,1,1\n", "line 3: high is not the highest or low not the lowest"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\xff\xfe", "this is not a text file"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str | bytes, said: str) -> None:
    path = file(tmp_path, text)
    with pytest.raises(BadBars) as caught:
        survey(path)
    assert caught.value.message.startswith(str(path))
    assert said in caught.value.message
    assert caught.value.hint
    assert caught.value.code == "TRD15"


def test_a_row_beyond_the_sample_is_held_to_the_same_time_format(tmp_path: Path) -> None:
    rows = "".join(f"2024-01-31 13:{n // 60:02}:{n % 60:02},{OHLC}\n" for n in range(300))
    with pytest.raises(BadBars, match="line 302: '1706706999' is not a time like those above it"):
        survey(file(tmp_path, HEAD + rows + f"1706706999,{OHLC}\n"))


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_a_path_that_is_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadBars) as caught:
        survey(tmp_path / name)
    assert "check the path" in caught.value.hint


def test_the_survey_ends_at_the_limit_and_never_sees_what_is_behind(tmp_path: Path) -> None:
    found = survey(file(tmp_path, HEAD + GOOD + GOOD + "broken\n"), limit=2)
    assert (found.count, found.digits, found.first, found.last) == (2, 5, ONE, ONE)
    assert found.point == 1000


def test_the_bars_that_come_with_the_demo() -> None:
    found = survey(EURUSD_BARS)
    assert (found.count, found.digits) == (5000, 5)
    assert f"{found.first:%Y-%m-%d %H:%M} {found.last:%Y-%m-%d %H:%M}" == "2017-04-19 09:00 2018-02-07 15:00"
