"""What the engine says of devices, disk and clock, for people; old news are never told as news."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tallyd.domain.health import DeviceState, DiskState
from tallyd.domain.planner import Planned

if TYPE_CHECKING:
    from tallyd.app import Appliance

STALE_AFTER = timedelta(seconds=15)
"""A daemon says something every five seconds."""

_GIGABYTE = 10**9
_DISK_DANGERS = frozenset({DiskState.LOW, DiskState.FULL, DiskState.MISSING})
_UNKNOWN: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class News:
    """What is known now: health by target, disk, clock; or `silence`, why nothing is known."""

    targets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    disk: Mapping[str, Any] = field(default_factory=dict[str, Any])
    clock: Mapping[str, Any] = field(default_factory=dict[str, Any])
    silence: str | None = None


async def news_of(appliance: "Appliance", now: datetime) -> News:
    """Ask the daemon; where there never was one, there is no news and nothing to say of it."""
    from anyio import to_thread

    picture = await to_thread.run_sync(appliance.snapshot)
    if picture is None:
        return News()
    if not appliance.daemon_runs():
        return News(silence="no daemon runs: nothing is known of devices, disk and clock")
    return news_in(picture, now)


def news_in(picture: Mapping[str, Any], now: datetime) -> News:
    """Take the health out of the picture of a daemon that runs."""
    if (silence := _silence(picture, now)) is not None:
        return News(silence=silence)
    targets = {key: doing.get("health", _UNKNOWN) for key, doing in picture["targets"].items()}
    return News(targets, picture.get("disk", _UNKNOWN), picture.get("clock", _UNKNOWN))


def without_old_news(picture: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Give a picture in which health is null where the daemon has been silent since."""
    if _silence(picture, now) is None:
        return picture
    targets = {key: {**doing, "health": None} for key, doing in picture["targets"].items()}
    return {**picture, "disk": None, "clock": None, "targets": targets}


def _silence(picture: Mapping[str, Any], now: datetime) -> str | None:
    heartbeat = picture.get("heartbeat_at")
    if heartbeat is None:
        return None
    silent_for = now - datetime.fromisoformat(heartbeat)
    if abs(silent_for) <= STALE_AFTER:
        return None
    seconds = round(silent_for.total_seconds())
    return (
        f"the daemon has said nothing for {seconds} s: how devices, disk and clock are is unknown"
    )


def danger(entry: Planned, news: News, now: datetime) -> str | None:
    """Say in a few words what endangers an occurrence that is to come; None where nothing does."""
    if entry.occurrence.window.start <= now or not entry.claim:
        return None
    found = [
        *_device_danger(news.targets.get(entry.schedule.target, _UNKNOWN)),
        *_disk_danger(news.disk, entry.claim[-1].stop),
        *(["clock"] if news.clock.get("trusted") is False else ()),
    ]
    return ", ".join(found) or None


def _device_danger(health: Mapping[str, Any]) -> Iterator[str]:
    if _is_troubled(health):
        yield f"device {health['device']}"


def _disk_danger(disk: Mapping[str, Any], stop: datetime) -> Iterator[str]:
    full_at = disk.get("full_at")
    if disk.get("state") in _DISK_DANGERS:
        yield f"disk {disk['state']}"
    elif full_at is not None and stop > datetime.fromisoformat(full_at):
        yield "disk full before its end"


def warnings(news: News, targets: Iterable[str]) -> Iterator[str]:
    """Say what is wrong with the devices of some targets, and with disk and clock."""
    if news.silence is not None:
        yield news.silence
    for target in targets:
        health = news.targets.get(target, _UNKNOWN)
        if _is_troubled(health):
            yield f"{target}: device {health['device']}: {health['sentence']}"
    if news.disk.get("sentence") is not None:
        yield f"disk: {news.disk['sentence']}"
    if news.clock.get("trusted") is False:
        yield f"clock: {news.clock['sentence']}; {news.clock['next']}"


def _is_troubled(health: Mapping[str, Any]) -> bool:
    """Tell whether something is wrong with a device; one that nobody has asked yet is not."""
    return health.get("device", DeviceState.OK) != DeviceState.OK and bool(health.get("sentence"))


def device_cells(doing: Mapping[str, Any]) -> Mapping[str, object]:
    """Give the cells of a target in `status`: its device, and what is wrong with it."""
    health = doing.get("health") or _UNKNOWN
    problem = doing.get("problem") or (health["sentence"] if _is_troubled(health) else None)
    return {"device": health.get("device"), "problem": problem}


def disk_cell(disk: Mapping[str, Any]) -> str:
    """Write how the disk is."""
    free = disk.get("free_bytes")
    room = f", {free / _GIGABYTE:.1f} GB free" if free is not None else ""
    return _with_sentence(f"{disk['state']}{room}", disk)


def clock_cell(clock: Mapping[str, Any]) -> str:
    """Write how the clock is."""
    trusted = "" if clock.get("trusted", True) else ", not trusted"
    return _with_sentence(f"{clock['state']}{trusted}", clock)


def _with_sentence(state: str, health: Mapping[str, Any]) -> str:
    sentence = health.get("sentence")
    return f"{state}: {sentence}" if sentence else state
