"""`tallyd drivers`: what is installed, and which options each driver takes, from its own model."""

import types
from collections.abc import Sequence
from inspect import getdoc
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

import click

from tallyd.cli.output import Column, Output, emit, json_option
from tallyd.domain.model import TargetKind
from tallyd.notation.shapes import Shape

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

    from tallyd.drivers.registry import DriverRecord, Registry

_KINDS = {TargetKind.ROOM: "recorder", TargetKind.CHANNEL: "feed"}
_COLUMNS = (
    Column("driver", "name"),
    Column("kind", "kind"),
    Column("option", "option"),
    Column("type", "type"),
    Column("default", "default"),
    Column("description", "description"),
)


@click.command()
@json_option
def drivers(output: Output) -> None:
    """Show the drivers for rooms (recorders) and channels (feeds) and their options."""
    from tallyd.app import registry

    installed = registry()
    shapes = [driver_shape(installed, record) for record in installed.load_all()]
    if output is Output.JSON:
        emit(shapes, (), output)
    else:
        emit(option_rows(shapes), _COLUMNS, output, empty="no drivers are installed")


def driver_shape(installed: "Registry", record: "DriverRecord") -> Shape:
    """Give one driver with its options, or with the error for which it cannot be used."""
    model = None if record.error else installed.options_model(record.kind, record.name)
    return {
        "name": record.name,
        "kind": _KINDS[record.kind],
        "usable": record.error is None,
        "error": record.error,
        "description": (getdoc(model) or "") if model else None,
        "options": option_shapes(model) if model else [],
    }


def option_shapes(model: "type[BaseModel]") -> list[Shape]:
    """Give the options of a driver by its model, in the model's order."""
    return [
        {
            "name": field.alias or name,
            "type": type_text(field.annotation),
            "required": field.is_required(),
            "default": _default(field),
            "description": field.description,
        }
        for name, field in model.model_fields.items()
    ]


def type_text(annotation: Any) -> str:  # noqa: ANN401 - types of types have no common type
    """Write a type as an operator reads it: `int`, `text or none`, `"mp4" or "mpegts"`."""
    if isinstance(annotation, str):
        return annotation
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(
            f'"{each}"' if isinstance(each, str) else str(each) for each in arguments
        )
    if origin in {Union, types.UnionType}:
        return " or ".join(map(type_text, arguments))
    if arguments and hasattr(annotation, "__metadata__"):
        return type_text(arguments[0])
    if origin is not None:
        inner = ", ".join(type_text(each) for each in arguments if each is not Ellipsis)
        return f"{type_text(origin)} of {inner}"
    return _TYPE_WORDS.get(annotation, getattr(annotation, "__name__", str(annotation)))


_TYPE_WORDS: dict[Any, str] = {
    types.NoneType: "none",
    bool: "true or false",
    dict: "table",
    float: "number",
    int: "whole number",
    list: "list",
    str: "text",
    tuple: "list",
}


def _default(field: "FieldInfo") -> object:
    """Give the default as JSON can hold it; secrets stay hidden."""
    from pydantic_core import to_jsonable_python

    if field.is_required() or field.default_factory is not None:
        return None
    return to_jsonable_python(field.default, fallback=str)


def option_rows(shapes: Sequence[Shape]) -> list[Shape]:
    """Give a row for each option of each driver, and one for a driver that has none."""
    rows: list[Shape] = []
    for shape in shapes:
        options: Any = shape["options"]
        about = {**shape, "description": shape["error"] or shape["description"]}
        rows.append(about)
        rows.extend({**option, "name": "", "option": option["name"]} for option in options)
    return rows
