"""What lies on the disk since before a boot proves what was recorded, is finished and listed."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tallyd.domain.absence import Absence
from tallyd.domain.model import EndReason, Outcome, Reason, Status
from tallyd.domain.window import EPOCH
from tallyd.engine.tokens import token_for
from tallyd.ports.recordings import Label, Remnant, ShelfError
from tallyd.testing.virtual_time import START

FILE = Path("/recordings/a/lecture.mkv.part")


def at(seconds):
    """Give the instant so many seconds after the rig's beginning."""
    return START + timedelta(seconds=seconds)


def remnant(run, written_s, *, number=1, begun_s=100.0, **more):
    """Give a file of a part of a run."""
    label = Label(run.target, 0, token_for(run, number), at(begun_s))
    return replace(Remnant(FILE, 1_000, at(written_s), unfinished=True, label=label), **more)


async def begun(rig, *, until_s=200):
    """Have a lecture of ten minutes recorded for a while, and everything cut off then."""
    booked = await rig.book("lecture", 100, 600)
    with pytest.RaisesGroup(RuntimeError):
        async with rig.running():
            await rig.until(until_s)
            raise RuntimeError("the plug was pulled")
    rig.device("rooms.a")
    return booked


async def test_until_when_data_came_is_told_by_the_file(rig):
    """The ledger is seconds behind when the power goes: the file is believed."""
    booked = await begun(rig)
    run = await rig.run_of(booked)
    (part,) = run.parts
    label = Label(run.target, 0, part.token, at(100))
    rig.shelf.remnants = (Remnant(FILE, 7, at(199), unfinished=True, label=label),)
    await rig.until(260)
    async with rig.running():
        await rig.until(270)
        (first, second) = (await rig.run_of(booked)).parts
        await rig.until(800)
    assert first.last_data_at == at(199)
    assert first.end is EndReason.DAEMON_DIED
    assert first.files == (str(FILE.with_suffix("")),)
    assert second.first_data_at >= at(260)
    assert rig.log.of("recording.salvaged")[0]["files"] == [str(FILE.with_suffix(""))]
    assert [line["part"] for line in rig.log.of("run.interrupted")] == [1]
    assert (await rig.run_of(booked)).outcome is Outcome.PARTIAL


async def test_a_part_that_no_row_tells_of_is_filled_in(rig):
    """A daemon that died between a start and its row has recorded all the same."""
    booked = await rig.book("lecture", 100, 60)
    run = await rig.run_of(booked)
    rig.shelf.remnants = (remnant(run, 160),)
    await rig.until(300)
    async with rig.running():
        await rig.until(310)
    run = await rig.run_of(booked)
    assert run.outcome is Outcome.RECORDED
    (part,) = run.parts
    assert (part.first_data_at, part.last_data_at) == (at(100), at(160))


@pytest.mark.parametrize(
    ("written_s", "outcome", "reason"),
    [
        pytest.param(700, Outcome.RECORDED, None, id="whole"),
        pytest.param(400, Outcome.PARTIAL, Reason.LEDGER_RESTORED, id="in part"),
        pytest.param(None, Outcome.MISSED, Reason.LEDGER_RESTORED, id="no file is there"),
    ],
)
async def test_what_a_restored_ledger_lost_is_proved_by_files(rig, written_s, outcome, reason):
    """A run has another row then, and its file is known by the occurrence; else that is said."""
    booked = await rig.book("lecture", 100, 600)
    run = await rig.run_of(booked)
    await rig.until(1_000)
    rig.absence = Absence(EPOCH, rig.clock.now(), heard_at=at(990), ledger_ends=at(50))
    if written_s is not None:
        lost = replace(run, id=77)
        whole = FILE.with_suffix("")
        rig.shelf.remnants = (remnant(lost, written_s, path=whole, unfinished=False),)
    async with rig.running():
        await rig.until(1_010)
    run = await rig.run_of(booked)
    assert (run.outcome, run.reason) == (outcome, reason)
    assert rig.ledger_settled == 1
    assert rig.shelf.searches[0].since == at(50)


async def test_what_nobody_knows_is_listed_and_left(rig):
    """A file without a word of itself, or of another ledger, is named in the log."""
    booked = await rig.book("lecture", 500, 60)
    stranger = Remnant(Path("/recordings/x.part"), 3, at(1), unfinished=True)
    other = remnant(replace(await rig.run_of(booked), schedule_id=99), 50)
    rig.shelf.remnants = (stranger, other)
    await rig.until(60)
    async with rig.running():
        await rig.until(70)
    found = rig.log.of("recording.found")
    assert [line["path"] for line in found] == ["/recordings/x.part", str(FILE)]
    assert [line["target"] for line in found] == [None, "rooms.a"]
    assert rig.shelf.finished == []


async def test_a_file_of_a_final_run_gets_its_name(rig):
    """What the disk refused to rename when the run ended is renamed by a later daemon."""
    booked = await rig.book("lecture", 100, 60)
    async with rig.running():
        await rig.until(200)
    run = await rig.run_of(booked)
    (part,) = run.parts
    label = Label(run.target, 0, part.token, at(100))
    rig.shelf.remnants = (Remnant(FILE, 5, at(160), unfinished=True, label=label),)
    async with rig.running():
        await rig.until(210)
    run = await rig.run_of(booked)
    assert run.status is Status.FINISHED
    assert run.parts[0].files == (str(FILE.with_suffix("")),)


async def test_a_disk_that_hangs_delays_no_judgement_for_ever(rig):
    """Runs of before are judged after half a minute by what the ledger knows; new ones start."""
    booked = await rig.book("lecture", 100, 60)
    later = await rig.book("later", 320, 60)
    await rig.until(300)

    async def hang(_search):
        await rig.clock.sleep(10**6)

    rig.shelf.find = hang
    async with rig.running():
        await rig.until(320.5)
        assert (await rig.run_of(booked)).outcome is None
        assert (await rig.run_of(later)).status is Status.STARTED
        await rig.until(335)
    assert (await rig.run_of(booked)).outcome is Outcome.MISSED


async def test_a_disk_that_cannot_be_read_is_told(rig):
    """What cannot be looked through is said, and nothing else fails."""

    async def fail(_search):
        raise ShelfError("the disk is gone")

    rig.shelf.find = fail
    async with rig.running():
        await rig.until(1)
    assert [line["error"] for line in rig.log.of("recording.search_failed")] == ["the disk is gone"]
