"""Clocks that differ: told once, believed only as far as the answer allows."""

from cryptonn.paper.clock_watch import ClockWatch


def watch() -> tuple[ClockWatch, list[str]]:
    notes: list[str] = []
    return ClockWatch(warn_ms=500, most_ms=2_500, note=notes.append), notes


def test_an_answer_that_took_long_proves_little() -> None:
    clocks, notes = watch()
    clocks.saw("it", 10_001, asked_ms=5_000, answered_ms=15_000)
    assert clocks.ahead_ms("it") == 0 and notes == []
    clocks.saw("it", 10_001, asked_ms=9_901, answered_ms=9_951)
    assert clocks.ahead_ms("it") == 50
    clocks.saw("it", 20_001, asked_ms=19_900, answered_ms=20_000)
    assert clocks.ahead_ms("it") == 50


def test_whole_seconds_are_the_start_of_one() -> None:
    clocks, notes = watch()
    clocks.saw("it", 10_000, asked_ms=10_700, answered_ms=10_800)
    assert clocks.ahead_ms("it") == 0 and notes == []
    clocks.saw("it", 10_000, asked_ms=11_400, answered_ms=11_500)
    assert clocks.ahead_ms("it") == -401


def test_it_is_told_when_it_gets_worse_and_not_again_until_it_was_well() -> None:
    clocks, notes = watch()
    for ahead, told, far in [
        *((100, 0, False), (600, 1, False), (700, 1, False), (3_001, 2, True), (9_001, 2, True)),
        *((601, 2, False), (3_001, 3, True), (1, 3, False), (-601, 4, False)),
    ]:
        clocks.saw("it", 1_000_001 + ahead, asked_ms=1_000_001, answered_ms=1_000_001)
        assert (clocks.ahead_ms("it"), len(notes), clocks.is_far("it")) == (ahead, told, far)
    assert notes[1] == "the clock of it is 3,001 ms ahead of this machine's"


def test_several_clocks() -> None:
    clocks, _ = watch()
    clocks.saw("one", 1_001, asked_ms=1_001, answered_ms=1_001)
    assert clocks.too_far() is None
    clocks.saw("two", 9_001, asked_ms=1_001, answered_ms=1_001)
    assert "the clock of two is 8,000 ms ahead of this machine's" in str(clocks.too_far())
    assert clocks.is_far("two") and not clocks.is_far("one") and not clocks.is_far("three")


def test_a_clock_that_was_set_back_while_it_was_asked() -> None:
    clocks, _ = watch()
    clocks.saw("it", 10_001, asked_ms=10_001, answered_ms=2_001)
    assert clocks.ahead_ms("it") == 0
