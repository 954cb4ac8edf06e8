"""Failed sign-ins: how many in which span, and that memory has an end."""

from callwright.web.throttle import FAILURES_PER_SOURCE, SPAN_S, Failures, SignInThrottle


def fail(throttle: SignInThrottle, name: bytes, source: bytes, now: float, times: int) -> None:
    for _ in range(times):
        throttle.note_failure(name, source, now)


def test_ten_failures_in_a_minute_and_the_eleventh_waits():
    failures = Failures(10)
    for second in range(10):
        assert failures.wait_s(b"a", second) == 0
        failures.note(b"a", second)
    assert failures.wait_s(b"a", 10) == SPAN_S - 10


def test_no_span_of_a_minute_ever_holds_more():
    failures = Failures(10)
    moments = []
    now = 0.0
    while now < 600:
        if failures.wait_s(b"a", now) == 0:
            failures.note(b"a", now)
            moments.append(now)
        now += 0.7
    assert len(moments) == 100
    assert all(later - first >= SPAN_S for first, later in zip(moments, moments[10:], strict=False))


def test_the_wait_is_over_when_it_said():
    failures = Failures(2)
    failures.note(b"a", 100.0)
    failures.note(b"a", 130.0)
    wait_s = failures.wait_s(b"a", 150.0)
    assert wait_s == 10.0
    assert failures.wait_s(b"a", 150.0 + wait_s) == 0


def test_another_source_and_another_name_are_not_held_up():
    throttle = SignInThrottle()
    fail(throttle, b"victim", b"attacker", 5.0, 10)
    assert throttle.wait_s(b"victim", b"attacker", 5.0, shared=False) > 0
    assert throttle.wait_s(b"victim", b"home", 5.0, shared=False) == 0
    assert throttle.wait_s(b"other", b"attacker", 5.0, shared=False) == 0


def test_a_source_that_tries_many_names_waits_as_a_whole():
    throttle = SignInThrottle()
    for i in range(FAILURES_PER_SOURCE):
        fail(throttle, b"name%d" % i, b"attacker", 5.0, 1)
    assert throttle.wait_s(b"new", b"attacker", 5.0, shared=False) == SPAN_S
    assert throttle.wait_s(b"new", b"home", 5.0, shared=False) == 0


def test_behind_a_shared_source_nobody_is_locked_out_by_others():
    throttle = SignInThrottle()
    for i in range(FAILURES_PER_SOURCE * 2):
        fail(throttle, b"name%d" % i, b"proxy", 5.0, 1)
    assert throttle.wait_s(b"new", b"proxy", 5.0, shared=True) == 0
    fail(throttle, b"new", b"proxy", 5.0, 10)
    assert throttle.wait_s(b"new", b"proxy", 5.0, shared=True) > 0


def test_more_failures_at_once_than_counted_do_not_lengthen_the_wait():
    failures = Failures(10)
    for i in range(40):
        failures.note(b"a", i / 100)
    assert failures.wait_s(b"a", 1.0) <= SPAN_S
    assert failures.wait_s(b"a", 0.3 + SPAN_S) == 0


def test_what_is_remembered_has_an_end_and_the_oldest_goes_first():
    failures = Failures(1, kept=100)
    for i in range(1000):
        failures.note(b"%d" % i, 1.0)
    assert len(failures) == 100
    assert failures.wait_s(b"899", 1.0) == 0
    assert failures.wait_s(b"900", 1.0) > 0
