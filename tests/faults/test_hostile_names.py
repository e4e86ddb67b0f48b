"""Names chosen to do harm: as files, as arguments, in the log, on a terminal."""

import json
import re
import sys
import unicodedata
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from house_rig import House, house_at
from tallyd.domain.errors import InvalidBooking
from tallyd.domain.model import MAX_NAME, Outcome
from tallyd.logs.events import EVENTS

pytestmark = pytest.mark.timeout(180)

CAMERA = (
    'driver = "ffmpeg"\ncapacity = 8\noptions = { source = "test", size = "64x64", rate = 5, '
    'audio_codec = "none" }'
)
HOSTILE = (
    "..",
    "../../../../etc/cron.d/x",
    "/etc/passwd",
    "-rf",
    "-i /etc/passwd",
    "$(touch owned)",
    "`touch owned`; touch owned | touch owned && touch owned",
    "%p%n%s",
    "%(name)s {room.__class__} {0}",
    "file:owned",
    "<0>forged",
    '","event":"daemon.stopped","x":"',
    "a/../../b",
    "con.part",
    "ü" * (MAX_NAME - 1),
    "'; DROP TABLE schedules; --",
    "line\nbreak",
    "\x1b[2J\x1b]0;owned\x07",
    "gnp.\u202eexe",
    "nul\x00nul",
    "\ud800",
)
LENGTH_S = 1.0


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Give an empty installation whose files are named after their schedules alone."""
    with house_at(tmp_path) as built:
        built.more = 'file_name = "{room}/{schedule}"\n'
        yield built


def is_harmless(name: str) -> bool:
    """Tell whether no shell, terminal, file system or program takes a file's name amiss."""
    kept = all(char in "._-" or unicodedata.category(char)[0] in "LNM" for char in name)
    return kept and name[0] not in ".-" and len(name.encode()) <= 255


async def test_hostile_names_are_recorded_or_refused_and_do_no_harm(house: House) -> None:
    """Each is booked and recorded under a harmless name, or refused when it is booked."""
    house.configure(zaal=CAMERA)
    daemon = await house.start()
    booked, refused = [], []
    for name in HOSTILE:
        try:
            booked.append(await house.book("zaal", LENGTH_S, in_s=0.3, name=name))
        except InvalidBooking:
            refused.append(name)
        if len(booked) % 8 == 0:
            await anyio.sleep(LENGTH_S + 0.5)
    runs = [await house.finished(schedule) for schedule in booked]
    assert not [name for name in refused if name.isprintable()]
    assert [run.outcome for run in runs] == [Outcome.RECORDED] * len(runs)
    reports = [sys.executable, "-m", "tallyd", "--config", str(house.config), "runs"]
    for more in ((), ("--json",)):
        done = await anyio.run_process([*reports, *more], check=True)
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", done.stdout.decode())
    assert await daemon.end() == 0
    files = [Path(file) for run in runs for part in run.parts for file in part.files]
    assert len(set(files)) == len(runs)
    for file in files:
        assert file.parent == house.state / "recordings" / "zaal"
        assert is_harmless(file.name), file
        assert file.stat().st_size > 0
    lines = daemon.lines
    assert {line["event"] for line in lines} <= EVENTS.keys()
    assert len([line for line in lines if line["event"] == "daemon.stopped"]) == 1
    text = (house.root / "daemon-0.log").read_text()
    assert len(lines) == text.count("\n")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e]", text)
    assert {json.loads(line)["level"] for line in text.splitlines()} <= {"info", "warning"}


def test_control_a_name_used_as_it_is_would_do_harm() -> None:
    """Control: what makes a name harmless is not that these are."""
    assert [name for name in HOSTILE if is_harmless(name)] == ["con.part"]
