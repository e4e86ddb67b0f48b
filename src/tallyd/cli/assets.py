"""`tallyd assets`: the files that channels can play."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from tallyd.cli.output import Column, Output, emit, json_option
from tallyd.cli.root import Invocation
from tallyd.cli.types import typed
from tallyd.domain.window import MILLISECOND
from tallyd.notation.values import booking_duration

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tallyd.config import Settings
    from tallyd.domain.contents import Asset
    from tallyd.library import Library

T = TypeVar("T")

_COLUMNS = (
    Column("id", "id"),
    Column("name", "name"),
    Column("length (ms)", "dur_ms", justify="right"),
    Column("ad breaks (ms)", "ad_breaks_ms"),
    Column("ad", "ad"),
    Column("streams", "streams"),
    Column("file", "path"),
)


def _positions(text: str) -> tuple[timedelta, ...]:
    return tuple(booking_duration(each.strip()) for each in text.split(","))


@click.group()
def assets() -> None:
    """Keep the files that channels can play."""


@assets.command("add")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", help="What it is called; else the file's own name.")
@click.option(
    "--ad-breaks",
    "breaks",
    type=typed("positions", _positions),
    metavar="30s,95s",
    help="Where ads may interrupt it.",
)
@click.option("--ad", is_flag=True, help="It is an advertisement: ad breaks are filled with it.")
@json_option
@click.pass_obj
def add(  # noqa: PLR0913 - one for each option
    invocation: Invocation,
    file: Path,
    name: str | None,
    breaks: tuple[timedelta, ...] | None,
    output: Output,
    *,
    ad: bool,
) -> None:
    """Take a file into the library; it stays where it is."""

    async def work(library: "Library") -> "Asset":
        from tallyd.app.library import probed

        take = library.add_ad if ad else library.add
        return await take(await probed(file), name or file.stem, breaks or ())

    emit(_shape(_with_library(invocation.settings(), work)), _COLUMNS, output)


@assets.command("list")
@json_option
@click.pass_obj
def list_(invocation: Invocation, output: Output) -> None:
    """List the library."""

    async def work(library: "Library") -> "tuple[Asset, ...]":
        return await library.assets()

    found = _with_library(invocation.settings(), work)
    emit([_shape(each) for each in found], _COLUMNS, output, empty="the library is empty")


@assets.command("remove")
@click.argument("asset", metavar="ID")
@json_option
@click.pass_obj
def remove(invocation: Invocation, asset: str, output: Output) -> None:
    """Take a file out of the library, unless something is booked that plays it."""

    async def work(library: "Library") -> "Asset":
        return await library.remove(asset)

    emit(_shape(_with_library(invocation.settings(), work)), _COLUMNS[:2], output)


def _shape(asset: "Asset") -> dict[str, object]:
    return {
        "id": asset.id,
        "name": asset.name,
        "dur_ms": asset.duration // MILLISECOND,
        "ad_breaks_ms": [each // MILLISECOND for each in asset.breaks],
        "ad": asset.ad,
        "streams": list(asset.streams),
        "path": asset.path,
        "created": asset.created,
    }


def _with_library(settings: "Settings", work: "Callable[[Library], Awaitable[T]]") -> T:
    import anyio

    from tallyd.app.library import open_library

    async def opened() -> T:
        async with open_library(settings) as found:
            return await work(found)

    return anyio.run(opened)
