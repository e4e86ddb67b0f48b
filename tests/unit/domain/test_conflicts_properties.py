"""Laws of who holds a target, for any crowd of contenders."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tallyd.domain.conflicts import Claim, Contender, Rank, Rules, settle, smallest_piece
from tallyd.domain.model import Reason, Verdict
from tallyd.domain.window import FAR_FUTURE, Window, full_where, merge, subtract

TEN = datetime(2026, 12, 1, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@st.composite
def contenders(draw: st.DrawFn) -> list[Contender]:
    """Draw schedules that want the same two hours, now and then beside a manual recording."""
    count = draw(st.integers(0, 9))
    return [_contender(draw, number) for number in range(1, count + 1)]


def _contender(draw: st.DrawFn, number: int) -> Contender:
    start = TEN + draw(st.integers(0, 119)) * MINUTE
    window = Window(start, start + draw(st.integers(1, 90)) * MINUTE)
    scheduled = draw(st.sampled_from([True, True, True, False]))
    rank = Rank(
        scheduled=scheduled,
        negated_priority=draw(st.integers(-1, 1)) if scheduled else 0,
        waiting=draw(st.booleans()) if scheduled else False,
        start=window.start,
        created=TEN - draw(st.integers(0, 2)) * MINUTE,
        id=number,
        slot="",
    )
    if scheduled:
        return Contender(rank, window, schedule_id=number)
    return Contender(rank, window, run_id=number)


rules = st.builds(
    Rules,
    capacity=st.integers(1, 3),
    min_piece=st.sampled_from([timedelta(0), MINUTE, 10 * MINUTE]),
    locked=st.one_of(
        st.none(),
        st.integers(0, 200).map(lambda minute: Window(TEN + minute * MINUTE, FAR_FUTURE)),
    ),
)


def settled(crowd: list[Contender], rule: Rules) -> list[tuple[Contender, Claim]]:
    """Give each contender with its claim, highest rank first."""
    both = zip(crowd, settle(crowd, rule), strict=True)
    return sorted(both, key=lambda pair: pair[0].rank)


@given(contenders(), rules)
def test_no_more_run_at_once_than_the_target_has_inputs(crowd, rule):
    """At no instant do more claims hold a target than it can serve, and none while it is locked."""
    pieces = [piece for _, claim in settled(crowd, rule) for piece in claim.pieces]
    assert full_where(pieces, rule.capacity + 1) == ()
    assert not any(rule.locked and piece.overlaps(rule.locked) for piece in pieces)


@given(contenders(), rules, st.randoms(use_true_random=False))
def test_the_order_of_asking_does_not_matter(crowd, rule, random):
    """The same wishes give the same claims, whatever order the database lists them in."""
    shuffled = crowd.copy()
    random.shuffle(shuffled)
    assert settled(shuffled, rule) == settled(crowd, rule)


@given(contenders(), rules)
def test_a_higher_rank_never_loses_to_a_lower_one(crowd, rule):
    """What a contender gets is settled by those above it: nobody below changes a minute of it."""
    ranked = settled(crowd, rule)
    for place in range(len(ranked)):
        above = [contender for contender, _ in ranked[: place + 1]]
        assert settled(above, rule) == ranked[: place + 1]


@given(contenders(), rules)
def test_a_claim_is_made_of_pieces_of_its_window(crowd, rule):
    """Pieces come in order, apart from one another, inside the window, and worth having."""
    for contender, claim in settled(crowd, rule):
        assert merge(claim.pieces) == claim.pieces
        assert subtract(contender.window, claim.pieces) or claim.verdict is Verdict.CLEAR
        least = smallest_piece(rule.min_piece, contender.window)
        for piece in claim.pieces:
            assert piece.common(contender.window) == piece
            assert piece == contender.window or piece.length >= least


@given(contenders(), rules)
def test_nothing_worth_having_is_left_to_nobody(crowd, rule):
    """What a contender does not get is taken by higher ranks, or too short to be of use."""
    ranked = settled(crowd, rule)
    for place, (contender, claim) in enumerate(ranked):
        higher = [piece for _, other in ranked[:place] for piece in other.pieces]
        taken = [*full_where(higher, rule.capacity), *([rule.locked] if rule.locked else [])]
        least = smallest_piece(rule.min_piece, contender.window)
        left = subtract(contender.window, [*taken, *claim.pieces])
        assert all(piece.length < least for piece in left)


@given(contenders(), rules)
def test_the_verdict_says_what_the_claim_is(crowd, rule):
    """Clear is the whole window, conflict a part of it, blocked nothing; the rest has a reason."""
    for contender, claim in settled(crowd, rule):
        if claim.pieces == (contender.window,):
            assert (claim.verdict, claim.reason, claim.by) == (Verdict.CLEAR, None, ())
        else:
            assert claim.verdict is (Verdict.CONFLICT if claim.pieces else Verdict.BLOCKED)
            assert claim.reason in {Reason.OCCUPIED, Reason.LOCKED, Reason.TOO_SHORT}
            assert claim.by


@given(contenders(), rules)
def test_blockers_are_higher_ranks_and_hold_what_they_are_blamed_for(crowd, rule):
    """Who is named as a blocker goes first, and holds the target in the part that is named."""
    ranked = settled(crowd, rule)
    for place, (contender, claim) in enumerate(ranked):
        higher = {(c.schedule_id, c.run_id): other.pieces for c, other in ranked[:place]}
        for blocker in claim.by:
            assert blocker.window.common(contender.window) == blocker.window
            if blocker.schedule_id is None and blocker.run_id is None:
                held = (rule.locked,)
            else:
                held = higher[blocker.schedule_id, blocker.run_id]
            assert any(piece and piece.common(blocker.window) == blocker.window for piece in held)


@given(contenders(), rules)
def test_blockers_explain_everything_that_was_taken(crowd, rule):
    """The parts that blockers are named for are all that a window lost to others."""
    for contender, claim in settled(crowd, rule):
        lost = subtract(contender.window, claim.pieces)
        unexplained = [
            piece
            for part in lost
            for piece in subtract(part, [blocker.window for blocker in claim.by])
        ]
        least = smallest_piece(rule.min_piece, contender.window)
        assert all(piece.length < least for piece in unexplained)
