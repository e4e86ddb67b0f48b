"""The options of the command recorder and feed: what is refused, and what to write instead."""

from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from tallyd.domain.model import TargetKind
from tallyd.drivers.feeds.command import CommandFeed
from tallyd.drivers.recorders.command import CommandRecorder
from tallyd.drivers.registry import Stage, load_drivers

RUN = {"run": ["record", "{token}"]}
FILE = {"run": ["record", "{file}"], "file_ending": ".mkv"}
DEVICE = {"start": ["on"], "stop": ["off"], "status": ["is-on"]}


def record(**options: Any) -> CommandRecorder.Options:
    """Check a recorder's options."""
    return CommandRecorder.Options.model_validate(options)


@pytest.mark.parametrize(
    ("options", "fix"),
    [
        ({}, "give either `run`, or `start` and `stop`"),
        ({**RUN, **DEVICE}, "give either `run`, or `start` and `stop`"),
        ({"start": ["on"]}, "`start` and `stop` go together"),
        ({**RUN, "stop": ["off"]}, "`start` and `stop` go together"),
        ({"run": "record --all"}, r'must be a list of arguments, as \["program"'),
        ({"run": []}, "is empty"),
        ({"run": [""]}, "begins with the program"),
        ({"run": ["{name}"]}, "begins with the program"),
        ({"run": ["bin/record"]}, "absolute path of bin/record"),
        ({"run": ["record", 5]}, "valid string"),
        ({"run": {"a": 1}}, "valid tuple"),
        ({"run": ["record", "{room}"]}, r"there is no \{room\}"),
        ({"run": ["record", SecretStr("s3cret")]}, "put the credential into `environment`"),
        ({"run": SecretStr("s3cret")}, "must be a list of arguments"),
        (
            {**RUN, "probe": ["look", "{token}"]},
            r"there is no \{token\} here; there are \{target\}",
        ),
        ({**RUN, "watch": "relative"}, "pattern"),
        ({**RUN, "watch": "/x/{room}"}, r"there is no \{room\}"),
        ({**RUN, "directory": "relative"}, "pattern"),
        ({**RUN, "stop_signal": "KILL"}, "'INT', 'TERM'"),
        ({**RUN, "stop_timeout_s": 5.0}, "`stop_timeout_s` goes with `start`"),
        ({**RUN, "status_every_s": 5.0}, "`status_every_s` goes with `status`"),
        ({**DEVICE, "stop_signal": "INT"}, "`stop_signal` goes with `run`"),
        ({**DEVICE, "ok_exit_codes": [0]}, "`ok_exit_codes` goes with `run`"),
        ({**RUN, "ok_exit_codes": [256]}, "less than or equal to 255"),
        ({**RUN, "confirm": "status"}, "`confirm` = status needs `status`"),
        ({**RUN, "confirm": "file"}, "`confirm` = file needs a file"),
        ({"start": ["on"], "stop": ["off"]}, "shows nothing: give `status`"),
        ({**DEVICE, "confirm": "alive"}, "shows nothing: give `status`"),
        ({**DEVICE, "status_match": "("}, "no regular expression"),
        ({**DEVICE, "status_every_s": 6.0}, "`stall_timeout_s` must exceed"),
        ({**RUN, "alive_after_s": 20.0}, "`start_timeout_s` must exceed"),
        ({**RUN, "lead_ms": 10_000}, "`start_timeout_s` must exceed"),
        ({**RUN, "environment": {"A-B": "x"}}, "'A-B' is no name for a variable"),
        ({**RUN, "environment": {"A": "x\0"}}, "A holds a NUL"),
        ({**RUN, "environment": {"A": SecretStr("\0")}}, "A holds a NUL"),
        ({**RUN, "outputs": "file"}, r"`outputs` = file needs \{file\}"),
        ({**FILE, "outputs": "none"}, r"needs `outputs` = file"),
        ({"run": ["record", "{file}"]}, "needs `file_ending`"),
        ({**RUN, "file_ending": ".mkv"}, r"`file_ending` needs \{file\}"),
        ({**FILE, "file_ending": ".mkv.part"}, "cannot be .part"),
        ({**FILE, "file_ending": "/../x"}, "pattern"),
        ({**DEVICE, "stop": ["get", "{file}"], "file_ending": ".ts", "confirm": "file"}, "a file:"),
        ({**RUN, "inputs": 0}, "greater than or equal to 1"),
        ({**RUN, "shell": True}, "Extra inputs"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_due(options: dict[str, Any], fix: str):
    """Each mistake has its sentence, and no secret is in it."""
    with pytest.raises(ValidationError, match=fix) as caught:
        record(**options)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "proof"),
    [
        (RUN, "alive"),
        (FILE, "file"),
        ({**FILE, "confirm": "alive"}, "alive"),
        ({**RUN, "watch": "/x/{token}"}, "file"),
        ({**RUN, "status": ["is-on"]}, "status"),
        ({**FILE, "status": ["is-on"]}, "status"),
        (DEVICE, "status"),
        ({**DEVICE, "stop": ["get", "{file}"], "file_ending": ".ts"}, "status"),
        ({"start": ["on", "{file}"], "stop": ["off"], "file_ending": ".wav"}, "file"),
        ({"start": ["on"], "stop": ["off"], "watch": "/x"}, "file"),
        ({**DEVICE, "watch": "/x", "confirm": "file"}, "file"),
    ],
)
def test_the_best_proof_there_is_is_the_default(options: dict[str, Any], proof: str):
    """Status before file before mere life, unless the options say otherwise."""
    assert record(**options).proof == proof


def test_a_feed_has_content_and_no_file():
    """A channel's commands may name the content; {file} and its options are a recorder's."""
    feed = CommandFeed.Options.model_validate({"run": ["play", "{content}", "{offset_ms}"]})
    assert (feed.ending, feed.proof) == (None, "alive")
    for options, fix in (
        ({"run": ["play", "{file}"]}, r"there is no \{file\}"),
        ({"run": ["play"], "file_ending": ".ts"}, "Extra inputs"),
        ({"run": ["play"], "confirm": "file"}, "needs a file"),
    ):
        with pytest.raises(ValidationError, match=fix):
            CommandFeed.Options.model_validate(options)


@pytest.mark.parametrize("kind", list(TargetKind))
def test_both_are_installed_and_say_what_is_wrong_where(kind: TargetKind):
    """`tallyd drivers` lists them, and `tallyd check` names the option at fault."""
    registry = load_drivers()
    assert registry.options_model(kind, "command").__doc__
    (record,) = (r for r in registry.records() if (r.kind, r.name) == (kind, "command"))
    assert (record.stage, record.error) == (Stage.LOADED, None)
    (problem,) = registry.validate(kind, "command", {"run": "record --password s3cret"})
    assert problem.field == "run"
    assert "list of arguments" in problem.fix
    model = registry.options_model(kind, "command")
    assert [name for name, field in model.model_fields.items() if not field.description] == []


def test_secrets_are_shown_nowhere():
    """Neither literal nor credential values of variables are in what the options print."""
    options = record(**RUN, environment={"A": "s3cret", "B": SecretStr("s3cret")})
    assert "s3cret" not in repr(options)
    assert options.variables == {"A": "s3cret", "B": "s3cret"}
    assert options.secrets == ("s3cret",)
