"""The breaker: a few failures open it, one probe closes it."""

from server.cache.stores import Clock

from wb_cli.server.cache.breaker import Breaker, BreakerState


def opened(clock: Clock) -> Breaker:
    breaker = Breaker(clock, failures=3, cooldown=1)
    for _ in range(3):
        assert breaker.allows()
        breaker.failed()
    return breaker


def test_it_opens_after_a_few_failures_in_a_row() -> None:
    breaker = opened(Clock())
    assert not breaker.allows()
    assert (breaker.state, breaker.openings) == (BreakerState.OPEN, 1)


def test_a_success_in_between_keeps_it_closed() -> None:
    breaker = Breaker(Clock(), failures=2)
    for _ in range(10):
        breaker.failed()
        breaker.succeeded()
    assert breaker.state is BreakerState.CLOSED


def test_after_the_cooldown_one_probe_goes_and_the_rest_do_not() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now = 1
    assert [breaker.allows() for _ in range(5)] == [True, False, False, False, False]
    assert breaker.state is BreakerState.HALF_OPEN


def test_a_probe_that_succeeds_closes_it() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now = 1
    assert breaker.allows()
    breaker.succeeded()
    assert (breaker.allows(), breaker.allows()) == (True, True)


def test_a_probe_that_fails_opens_it_for_another_cooldown() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now = 1
    assert breaker.allows()
    breaker.failed()
    assert not breaker.allows()
    clock.now = 1.9
    assert not breaker.allows()
    clock.now = 2
    assert breaker.allows()
    assert breaker.openings == 1


def test_after_a_probe_that_proved_nothing_another_call_may_probe() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now = 1
    assert breaker.allows()
    breaker.proved_nothing()
    assert breaker.allows()


def test_news_of_the_server_lets_a_probe_through_at_once() -> None:
    breaker = opened(Clock())
    breaker.probe_now()
    assert [breaker.allows(), breaker.allows()] == [True, False]
