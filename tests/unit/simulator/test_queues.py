"""Where an order stands in the line: tables of what happens at its price, with the place and the fills by hand.

    joins | what happens | what is ahead after each step

- `joins`: the size displayed at our price when we arrive.
- `4`: 4 traded at our price. `10>6`: the displayed size changed from 10 to 6.
- `6`: 6 are ahead of us. `0+2`: none is ahead, and 2 of this step's trade reached us.
"""

from __future__ import annotations

from fractions import Fraction

import pytest

from onepath.simulator.queues import Back, Front, Place, Probability, QueueModel, Through

BACK = """
10 | 4, 3                 | 6, 3            trades bring us forward
10 | 4, 8, 1              | 6, 0+2, 0+1     6 ahead, 8 trade: 2 reach us; then all do
10 | 10, 0.5              | 0, 0+0.5        all ahead is gone, nothing over
10 | 4, 10>6              | 6, 6            the size shows the trade: counted once
10 | 4, 10>6, 6>2         | 6, 6, 2         a size of 2 proves that at most 2 are ahead
10 | 10>30, 30>15, 15>5   | 10, 10, 5       who cancels was behind us, as far as that can be
10 | 10>9, 9>12, 12>10    | 9, 9, 9
10 | 10>0, 0>5, 1         | 0, 0, 0+1       the level went; those who come back are behind us
0  | 5                    | 0+5             a price that nobody was at
10 | 10>6, 4              | 6, 6            the size came before the trade that it shows: counted once
10 | 10>6, 4, 6>5, 1      | 6, 6, 5, 5
10 | 10>6, 10             | 6, 0            10 ahead, 10 trade, 4 of them shown before: none reaches us
10 | 10>6, 12             | 6, 0+2
10 | 10>0, 10, 1          | 0, 0, 0+1
10 | 10>6, 3, 1, 2        | 6, 6, 6, 4      in parts: 3 + 1 were shown, 2 were not
10 | 10>14, 14>11, 5      | 10, 10, 5       nothing had come forward by the 3 that were shown before
10 | 4, 10>9              | 6, 6            4 traded and 3 came
10 | 0, 10>10             | 10, 10
"""

SHARED_EQUALLY = """
10 | 10>6                 | 6               nobody is behind us: all of it was ahead
10 | 10>20, 20>16         | 10, 8           10 ahead, 10 behind: 4 is 2 and 2
10 | 10>40, 40>20, 20>10  | 10, 5, 2.5      a quarter is ours: 10 - 20/4; 5 - 10/4
10 | 10>20, 4, 20>16      | 10, 6, 6        explained by the trade: nothing to share
10 | 10>20, 20>16, 4      | 10, 8, 6        the same, the size first: 10 again, less 4
10 | 10>20, 4, 20>12      | 10, 6, 4.5      8 less, 4 traded; of 4 cancelled 6/16 were ahead: 6 - 1.5
10 | 10>20, 20>16, 2      | 10, 8, 7        2 of the 4 traded: half of the advance is taken back, 9 - 2
10 | 10>20, 20>16, 6      | 10, 8, 4        10 again, less 6
10 | 10>20, 20>16, 11     | 10, 8, 0+1
"""

SHARED_BY_SQUARES = """
10 | 10>30, 30>25         | 10, 9           100 to 400: a fifth of 5 was ahead
10 | 10>30, 30>25, 25>10  | 10, 9, 1818/337  9 ahead, 16 behind: 9 - 15 * 81 / (81 + 256) = 9 - 1215/337
10 | 10>15, 15>10         | 10, 6           100 to 25: 4 of 5 were ahead
"""

SHARED_BY_ROOTS = """
16 | 16>20, 20>2          | 16, 2           4 behind: a third of 18 would be 6, but there are 4: 14 were ahead
"""


def rows(table: str) -> list[tuple[str, str, str]]:
    """Joins, happenings and places; what stands after two spaces behind the places is a remark."""
    cells = [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]
    return [(joins, steps, places.split("  ")[0]) for joins, steps, places in cells]


def check(model: QueueModel, joins: str, steps: str, places: str) -> None:
    position = model.join(float(joins))
    assert isinstance(position, Place)
    for step, place in zip(steps.split(", "), places.split(", "), strict=True):
        reached = 0.0
        if ">" in step:
            before, after = step.split(">")
            position.changed(float(before), float(after))
        else:
            reached = position.traded(float(step))
        ahead, _, ours = place.partition("+")
        assert (position.ahead, reached) == pytest.approx((float(Fraction(ahead)), float(ours or 0))), (step, place)


@pytest.mark.parametrize(("joins", "steps", "places"), rows(BACK))
def test_back(joins: str, steps: str, places: str) -> None:
    """Only trades bring us forward, each once, whichever of trade and size comes first; ahead is at most the size."""
    check(Back(), joins, steps, places)


@pytest.mark.parametrize(("joins", "steps", "places"), rows(SHARED_EQUALLY))
def test_probability_of_equal_chances(joins: str, steps: str, places: str) -> None:
    """Power 1: what is cancelled comes from ahead and behind in proportion to their sizes."""
    check(Probability(1.0), joins, steps, places)


@pytest.mark.parametrize(("joins", "steps", "places"), rows(SHARED_BY_SQUARES))
def test_probability_by_squares(joins: str, steps: str, places: str) -> None:
    """Power 2, the default: in proportion to the squares."""
    check(Probability(), joins, steps, places)


@pytest.mark.parametrize(("joins", "steps", "places"), rows(SHARED_BY_ROOTS))
def test_probability_takes_no_more_than_there_is(joins: str, steps: str, places: str) -> None:
    """Power 1/2: those behind cannot cancel more than they have."""
    check(Probability(0.5), joins, steps, places)


def test_front() -> None:
    """First in line: all that trades reaches us, whatever the size says."""
    position = Front().join(10.0)
    assert position.traded(0.4) == 0.4
    position.changed(10.0, 500.0)
    assert position.traded(7.0) == 7.0


def test_through() -> None:
    """No trade at the price reaches us."""
    position = Through().join(0.0)
    position.changed(10.0, 0.0)
    assert position.traded(1e9) == 0.0


def test_who_watches() -> None:
    """Only `through` can do without what happens at the order's own price."""
    assert [model.watches for model in (Through(), Front(), Back(), Probability())] == [False, True, True, True]


def test_dust_is_not_a_fill() -> None:
    """0.1 + 0.2 in floats is more than 0.3: with 0.3 ahead, trades of 0.1 and 0.2 still do not reach us."""
    position = Back().join(0.3)
    assert [position.traded(0.1), position.traded(0.2)] == [0.0, 0.0]
    assert Back().join(0.3).traded(0.1 + 0.2) == 0.0
