"""A small share of the fuzzing, in every run; `decoders.py` is the command for the million."""

from __future__ import annotations

from random import Random

import decoders
from spoil import spoilt


def test_spoilt_messages_give_sane_events_or_our_own_error() -> None:
    """15,000 inputs: no decoder raises anything else, and nothing insane comes out."""
    assert list(decoders.hammered(decoders.decoders(), 1, range(15_000))) == []


def test_faults_in_the_decoders_are_noticed() -> None:
    """Each fault put into a decoder is noticed within 40,000 inputs."""
    assert decoders.caught(1, 40_000) == list(decoders.mutants())


def test_good_messages_are_read() -> None:
    """Unspoilt, every message is an event: the hammer does not only see refusals."""
    for decoder in decoders.decoders():
        for message in decoder.messages:
            assert decoder.sane(decoder.call(message)), message


def test_recorded_messages_are_what_the_venue_sent() -> None:
    """By hand, from the recording: the first depth change, and a candle that has not closed."""
    first, *others = map(decoders.wire.decode, decoders.recorded())
    assert first == decoders.wire.Depth(
        "COMPUSDT", 1633998274793 * 10**6, (), ((297.32, 19.08719),), 113129219, 113129219
    )
    candle = next(found for found in others if isinstance(found, decoders.wire.Candle))
    assert (candle.bar.open, candle.bar.close, candle.bar.volume, candle.closed) == (13.7212, 13.8048, 183.49, False)
    assert candle.bar.start == 1633998240000 * 10**6
    assert candle.bar.venue_at == 1633998300000 * 10**6


def test_an_input_is_made_of_its_seed_and_number_alone() -> None:
    """The same seed gives the same bytes; one in fifty is left as it was, most are not."""
    messages = decoders.recorded()
    made = [spoilt(messages[0], messages, Random(number)) for number in range(1_000)]  # noqa: S311 - seeded
    assert made == [spoilt(messages[0], messages, Random(number)) for number in range(1_000)]  # noqa: S311 - seeded
    assert 10 < sum(data == messages[0] for data in made) < 200


def test_the_command_prints_its_count(capsys: object) -> None:
    """The last line is the proof."""
    assert decoders.main(["--inputs", "500", "--only", "3"]) == 0
    assert capsys.readouterr().out == "inputs 1, decoders 7, bad 0, mutants caught 5/5\n"  # type: ignore[attr-defined]
