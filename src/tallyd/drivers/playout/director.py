"""Who is on air in each slot: takes what is wanted when it is ready, falls back where it is not.

Pure but for the sources that it asks for pictures: the time is an argument.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf

from tallyd.domain.window import Window, to_ms
from tallyd.drivers.playout.asrun import Change
from tallyd.drivers.playout.mixing import Mixer
from tallyd.drivers.playout.rundown import (
    Clip,
    Entry,
    LiveTake,
    SlateTake,
    clips_of,
    coming,
    wanted,
)
from tallyd.drivers.playout.sources import Source
from tallyd.drivers.playout.transport import TICKS_PER_S
from tallyd.ports.as_run import Kind

PREPARED_AHEAD = timedelta(seconds=4)
"""So long before it is wanted a source is started.

To find out what a camera sends takes 1.5 s, and its next picture to begin with two more.
"""

HELD_S = 1.0
"""So long what was on air goes on where its successor is not ready, and a picture may stand."""

_AGAIN_AFTER_S = (0.0, *(0.5,) * 6, 1.0, 2.0, 5.0)
"""Most inputs that end are back within seconds: until then each half second is one of slate."""

_STUCK_AFTER_S = 10.0
"""A source that has written nothing for so long is started anew."""

_SILENT_AFTER_S = 2.0
"""So is one that was on air, and has fallen silent for so long."""

_STEADY_AFTER_S = 10.0
"""What was on air for so long is well: what ends it is a new trouble."""

_WORTH_A_START = timedelta(seconds=1)
_REMEMBERED = timedelta(days=1)
_LOOK_EVERY_S = 0.1
_NOTHING = timedelta(0)

MakeSource = Callable[[Clip, timedelta], Source]
"""Starts a source for a clip, so long after its beginning."""


@dataclass(slots=True)
class FallBacks:
    """How often the slate had to stand in, and what for the last time, and why."""

    count: int = 0
    token: str | None = None
    why: str | None = None


@dataclass(slots=True)
class Told:
    """What there is to say of an entry: when it was on air, how much, what stands in its way."""

    entry: Entry
    first_at: datetime | None = None
    last_at: datetime | None = None
    bytes: int = 0
    trouble: str | None = None


@dataclass(slots=True)
class _Cue:
    """A clip that is or soon will be on air, and what it is played from."""

    clip: Clip
    source: Source | None = None
    late: timedelta = _NOTHING
    tries: int = 0
    again_s: float = 0.0
    since_s: float = 0.0
    taken_s: float = inf
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class Out:
    """What leaves in a slot. `entry` tells whether a viewer can begin with it."""

    data: bytes
    entry: bool


@dataclass(frozen=True, slots=True)
class Desk:
    """What a director works with; `log` is told of every change on air, and must not block."""

    mixer: Mixer
    make_source: MakeSource
    slate: Callable[[SlateTake], Source]
    log: Callable[[Change], None]
    default: Clip


@dataclass(frozen=True, slots=True)
class _OnAir:
    """What the last picture came from; `stand_in` where the slate stands in for a clip."""

    clip: Clip
    source: Source
    stand_in: bool = False


@dataclass(slots=True)
class Director:
    """Puts one channel together, a slot at a time."""

    desk: Desk
    told: dict[str, Told] = field(default_factory=dict[str, Told])
    fallen_back: FallBacks = field(default_factory=FallBacks)
    _clips: tuple[Clip, ...] = ()
    _cues: dict[Clip, _Cue] = field(default_factory=dict[Clip, _Cue])
    _on_air: _OnAir | None = None
    _edge_s: float = 0.0
    _picture_s: float = 0.0
    _wanted: Clip | None = None
    _looked_s: float = -1.0

    def play(self, entry: Entry) -> None:
        """Take an entry into the rundown, or in place of the one with its token."""
        self.told[entry.token] = Told(entry)
        self._arrange()

    def drop(self, token: str) -> Told | None:
        """Take an entry out of the rundown, and give what is to be said of it."""
        told = self.told.pop(token, None)
        self._arrange()
        return told

    def close(self) -> None:
        """Let go of all sources."""
        for cue in self._cues.values():
            if cue.source is not None:
                cue.source.close()
        self._cues.clear()

    @property
    def on_air(self) -> tuple[Clip, str | None] | None:
        """Give the clip that is on air, and why the slate stands in for it, if it does."""
        if self._on_air is None:
            return None
        cue = self._cues.get(self._on_air.clip)
        trouble = cue.trouble if cue is not None and self._on_air.stand_in else None
        return self._on_air.clip, trouble

    def slot(self, slot: int, at: datetime, now_s: float) -> Out | None:
        """Give what goes out in a slot that is at `at`; None where the picture stands.

        `now_s` is the steady clock's, by which patience is measured.
        """
        clip = wanted(self._clips, self.desk.default, at)
        if clip != self._wanted:
            self._wanted, self._edge_s = clip, now_s
        if clip not in self._cues or now_s - self._looked_s >= _LOOK_EVERY_S:
            self._looked_s = now_s
            self._prepare(clip, at, now_s)
        chosen = self._choose(clip, at, now_s)
        frame = chosen.source.next() if chosen is not None else None
        if chosen is None or frame is None:
            return None
        self._picture_s = now_s
        self._note(chosen, at)
        data = self.desk.mixer.write(slot, frame)
        self._count(chosen, at, len(data))
        return Out(data, frame.picture.entry)

    def _choose(self, clip: Clip, at: datetime, now_s: float) -> _OnAir | None:
        present, cue = self._on_air, self._cues[clip]
        if cue.source is None:
            self._inherit(cue)
        if present is not None and present.source is cue.source and present.source.ready():
            if clip.window is not None:
                present.source.keep_up(_ticks(_due(cue, clip.window, at)))
            return present if present.clip == clip else self._gone_on(cue, present.source, now_s)
        if cue.source is not None and cue.source.can_begin():
            return self._taken(cue, cue.source, at, now_s)
        if present is not None and not present.stand_in:
            if present.clip != clip and present.source.ready():
                if now_s - self._edge_s < HELD_S:
                    return present
            elif now_s - self._picture_s < HELD_S:
                return None  # the picture stands for a moment: most troubles are shorter
        return self._stand_in(cue)

    def _taken(self, cue: _Cue, source: Source, at: datetime, now_s: float) -> _OnAir:
        clip = cue.clip
        late = _due(cue, clip.window, at) if clip.window is not None else _NOTHING
        source.join(max(0, _ticks(late)))
        return self._gone_on(cue, source, now_s)

    def _gone_on(self, cue: _Cue, source: Source, now_s: float) -> _OnAir:
        cue.trouble, cue.taken_s = None, now_s
        if cue.clip.token in self.told:
            self.told[cue.clip.token].trouble = None
        return _OnAir(cue.clip, source)

    def _stand_in(self, cue: _Cue) -> _OnAir:
        present = self._on_air
        if present is not None and present.stand_in and present.clip == cue.clip:
            return present
        if present is not None:  # else the channel has just come on, and its first source not yet
            cue.trouble = cue.trouble or _why(cue.source)
            count = self.fallen_back.count + 1
            self.fallen_back = FallBacks(count, cue.clip.token, cue.trouble)
        if cue.clip.token in self.told:
            self.told[cue.clip.token].trouble = cue.trouble
        slate = self.desk.slate(SlateTake())
        slate.join(0)
        return _OnAir(cue.clip, slate, stand_in=True)

    def _note(self, chosen: _OnAir, at: datetime) -> None:
        before, self._on_air = self._on_air, chosen
        clip = chosen.clip
        if before is not None and (before.clip, before.stand_in) == (clip, chosen.stand_in):
            return
        kind = Kind.SLATE if chosen.stand_in else clip.kind
        trouble = self._cues[clip].trouble if chosen.stand_in and clip in self._cues else None
        live = isinstance(clip.take, LiveTake) and not chosen.stand_in
        self.desk.log(Change(to_ms(at), kind, clip.token, clip.name, trouble, live))

    def _count(self, chosen: _OnAir, at: datetime, size: int) -> None:
        told = self.told.get(chosen.clip.token or "")
        if told is not None and not chosen.stand_in:
            told.first_at = told.first_at or at
            told.last_at = at
            told.bytes += size

    def _arrange(self) -> None:
        entries = sorted((told.entry for told in self.told.values()), key=_by_start)
        self._clips = tuple(clip for entry in entries for clip in clips_of(entry))

    def _forget_before(self, at: datetime) -> None:
        """Forget entries that are long over, and that no daemon has come to ask for."""
        self.told = {key: each for key, each in self.told.items() if each.entry.window.stop >= at}
        self._arrange()

    def _prepare(self, clip: Clip, at: datetime, now_s: float) -> None:
        """See to it that what will be on air soon has a source, and nothing else."""
        if any(told.entry.window.stop < at - _REMEMBERED for told in self.told.values()):
            self._forget_before(at - _REMEMBERED)
        soon = (clip, *coming(self._clips, self.desk.default, at, PREPARED_AHEAD))
        keep = {*soon, *([self._on_air.clip] if self._on_air is not None else [])}
        for old in [each for each in self._cues if each not in keep]:
            source = self._cues.pop(old).source
            if source is not None:
                source.close()
        for each in dict.fromkeys(soon):
            self._tend(self._cues.setdefault(each, _Cue(each, since_s=now_s)), at, now_s)

    def _tend(self, cue: _Cue, at: datetime, now_s: float) -> None:
        """Start the source of a clip, or start it anew where it died or is stuck."""
        source = cue.source
        if source is not None and source.ready():
            cue.since_s = now_s
            if now_s - cue.taken_s > _STEADY_AFTER_S:
                cue.tries = 0
            return
        patience_s = _STUCK_AFTER_S if cue.taken_s == inf else _SILENT_AFTER_S
        is_stuck = source is not None and now_s - cue.since_s > patience_s
        if source is not None and (source.ended is not None or is_stuck):
            cue.trouble = source.ended or "nothing came from it"
            source.close()
            cue.source = None
            cue.again_s = now_s + _AGAIN_AFTER_S[min(cue.tries, len(_AGAIN_AFTER_S) - 1)]
            cue.tries += 1
        is_due = now_s >= cue.again_s and _has_more(cue.clip, at)
        if cue.source is None and is_due and self._lender(cue) is None:
            begins = cue.clip.window.start if cue.clip.window is not None else at
            cue.late = max(_NOTHING, at - begins)
            cue.since_s, cue.taken_s = now_s, inf
            cue.source = self._source(cue)

    def _lender(self, cue: _Cue) -> _Cue | None:
        """Give what plays the same input already: many an input is there for one reader only."""
        if not isinstance(cue.clip.take, LiveTake):
            return None
        same = (each for each in self._cues.values() if each.clip.take == cue.clip.take)
        playing = (each for each in same if each.source is not None and each.source.ended is None)
        return next(playing, None)

    def _inherit(self, cue: _Cue) -> None:
        """Go on with the source of what plays the same input already, which needs it no more."""
        lender = self._lender(cue)
        if lender is not None:
            cue.source, lender.source = lender.source, None
            cue.since_s, cue.taken_s, cue.late = lender.since_s, lender.taken_s, _NOTHING

    def _source(self, cue: _Cue) -> Source:
        if isinstance(cue.clip.take, SlateTake):
            return self.desk.slate(cue.clip.take)
        return self.desk.make_source(cue.clip, cue.late)


def _by_start(entry: Entry) -> tuple[datetime, str]:
    return entry.window.start, entry.token


def _due(cue: _Cue, window: Window, at: datetime) -> timedelta:
    """Give how far a source should be by now, from where it was started."""
    return at - window.start - cue.late


def _ticks(length: timedelta) -> int:
    return round(length.total_seconds() * TICKS_PER_S)


def _has_more(clip: Clip, at: datetime) -> bool:
    """Tell whether there is enough left of a clip to start a source for."""
    return clip.window is None or clip.window.stop - at > _WORTH_A_START


def _why(source: Source | None) -> str:
    if source is None:
        return "it could not be started yet"
    return source.ended or "nothing comes from it"
