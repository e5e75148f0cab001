"""The threads of the program: the newest request wins, long work can be stopped, results arrive on the main thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("PySide6.QtCore")

from pytestqt.qtbot import QtBot

from explorer.workers import Jobs, JobState, LatestWins, MainThread, Report

SECONDS = 10.0  # far more than anything here takes


class Gate:
    """Work that waits to be let through, so that a test decides what happens while it runs."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()

    def wait(self) -> None:
        self.entered.set()
        assert self.opened.wait(SECONDS)

    def blocks(self, *results: object) -> Callable[[], Iterator[object]]:
        """Work that waits once, then gives ``results``."""

        def work() -> Iterator[object]:
            self.wait()
            yield from results

        return work


@pytest.fixture
def failures() -> list[BaseException]:
    return []


@pytest.fixture
def main(qtbot: QtBot) -> Iterator[MainThread]:
    main = MainThread()
    yield main
    main.close()


@pytest.fixture
def thread(main: MainThread, failures: list[BaseException]) -> Iterator[LatestWins]:
    thread = LatestWins(main, ("urgent", "usual", "background"), failures.append)
    yield thread
    thread.close()


@pytest.fixture
def jobs(main: MainThread, failures: list[BaseException]) -> Iterator[Jobs]:
    jobs = Jobs(main, failures.append)
    yield jobs
    jobs.close()


# --- the way back to the main thread ---


def test_what_is_posted_runs_on_the_main_thread(main: MainThread, qtbot: QtBot) -> None:
    ran_on: list[threading.Thread] = []
    other = threading.Thread(target=lambda: main.post(lambda: ran_on.append(threading.current_thread())))
    other.start()
    other.join()
    assert ran_on == []  # only once the event loop gets to it
    qtbot.waitUntil(lambda: bool(ran_on))
    assert ran_on == [threading.main_thread()]


def test_what_is_posted_keeps_its_order(main: MainThread, qtbot: QtBot) -> None:
    ran: list[int] = []
    for number in range(100):
        main.post(lambda number=number: ran.append(number))  # type: ignore[misc]  # mypy cannot infer a default's type
    qtbot.waitUntil(lambda: len(ran) == 100)
    assert ran == list(range(100))


def test_what_is_posted_after_closing_is_dropped(main: MainThread, qtbot: QtBot) -> None:
    ran: list[str] = []
    main.post(lambda: ran.append("before"))  # has not run yet when it closes
    main.close()
    main.post(lambda: ran.append("after"))
    other = MainThread()
    other.post(lambda: ran.append("mark"))
    qtbot.waitUntil(lambda: "mark" in ran)
    assert ran == ["mark"]
    other.close()


# --- the render thread ---


def test_results_arrive_on_the_main_thread_in_order(thread: LatestWins, qtbot: QtBot) -> None:
    shown: list[tuple[int, threading.Thread]] = []
    thread.submit("usual", lambda: iter(range(5)), lambda result: shown.append((result, threading.current_thread())))
    qtbot.waitUntil(lambda: len(shown) == 5)
    assert shown == [(number, threading.main_thread()) for number in range(5)]


def test_work_does_not_run_on_the_main_thread(thread: LatestWins, qtbot: QtBot) -> None:
    shown: list[str] = []
    thread.submit("usual", lambda: iter([threading.current_thread().name]), shown.append)
    qtbot.waitUntil(lambda: bool(shown))
    assert shown == ["explorer-render"]


def test_of_many_requests_only_the_last_runs(thread: LatestWins, qtbot: QtBot) -> None:
    gate, ran, shown = Gate(), list[int](), list[object]()

    def request(number: int) -> Callable[[], Iterator[int]]:
        def work() -> Iterator[int]:
            ran.append(number)
            yield number

        return work

    thread.submit("usual", gate.blocks("blocked"), shown.append)
    assert gate.entered.wait(SECONDS)
    for number in range(50):
        thread.submit("usual", request(number), shown.append)
    gate.opened.set()
    qtbot.waitUntil(lambda: 49 in shown)
    assert ran == [49]


def test_what_is_finished_is_shown_although_something_newer_waits(thread: LatestWins, qtbot: QtBot) -> None:
    gate, shown = Gate(), list[object]()
    thread.submit("usual", gate.blocks("older", "rest of the older"), shown.append)
    assert gate.entered.wait(SECONDS)
    thread.submit("usual", lambda: iter(["newer"]), shown.append)
    gate.opened.set()
    qtbot.waitUntil(lambda: "newer" in shown)
    assert shown == ["older", "newer"]


def test_lanes_are_served_in_the_order_of_their_urgency(thread: LatestWins, qtbot: QtBot) -> None:
    gate, shown = Gate(), list[object]()
    thread.submit("usual", gate.blocks(), shown.append)
    assert gate.entered.wait(SECONDS)
    for lane in ("background", "usual", "urgent"):
        thread.submit(lane, lambda lane=lane: iter([lane]), shown.append)  # type: ignore[misc]  # as above
    gate.opened.set()
    qtbot.waitUntil(lambda: len(shown) == 3)
    assert shown == ["urgent", "usual", "background"]


def test_what_was_interrupted_by_something_urgent_goes_on_afterwards(thread: LatestWins, qtbot: QtBot) -> None:
    gate, shown = Gate(), list[object]()

    def background() -> Iterator[int]:
        yield 1
        gate.wait()
        yield 2
        yield 3

    thread.submit("background", background, shown.append)
    assert gate.entered.wait(SECONDS)
    thread.submit("urgent", lambda: iter("ab"), shown.append)
    gate.opened.set()
    qtbot.waitUntil(lambda: len(shown) == 5)
    assert shown == [1, 2, "a", "b", 3]


def test_a_reset_drops_results_of_before(thread: LatestWins, qtbot: QtBot) -> None:
    gate, shown = Gate(), list[object]()
    thread.submit("urgent", lambda: iter(["posted"]), shown.append)
    thread.submit("usual", gate.blocks("in progress", "never reached"), shown.append)
    thread.submit("background", lambda: iter(["waiting"]), shown.append)
    assert gate.entered.wait(SECONDS)  # the first is posted, but the event loop has not run
    thread.reset()
    gate.opened.set()
    thread.submit("background", lambda: iter(["after"]), shown.append)
    qtbot.waitUntil(lambda: bool(shown))
    assert shown == ["after"]


def test_a_reset_drops_errors_of_before(thread: LatestWins, failures: list[BaseException], qtbot: QtBot) -> None:
    gate, shown = Gate(), list[object]()

    def work() -> Iterator[object]:
        gate.wait()
        raise ValueError("of the old model")
        yield

    thread.submit("usual", work, shown.append)
    assert gate.entered.wait(SECONDS)
    thread.reset()
    gate.opened.set()
    thread.submit("usual", lambda: iter(["after"]), shown.append)
    qtbot.waitUntil(lambda: bool(shown))
    assert failures == []


def test_a_dropped_request_does_not_run(thread: LatestWins, qtbot: QtBot) -> None:
    gate, shown = Gate(), list[object]()
    thread.submit("urgent", gate.blocks("urgent"), shown.append)
    assert gate.entered.wait(SECONDS)
    thread.submit("usual", lambda: iter(["dropped"]), shown.append)
    thread.submit("background", lambda: iter(["kept"]), shown.append)
    thread.drop("usual")
    gate.opened.set()
    qtbot.waitUntil(lambda: "kept" in shown)
    assert shown == ["urgent", "kept"]


@pytest.mark.parametrize("error", [ValueError("broken"), MemoryError(), SystemExit(3)])
def test_an_error_is_told_and_the_thread_lives_on(
    thread: LatestWins, failures: list[BaseException], qtbot: QtBot, error: BaseException
) -> None:
    shown: list[object] = []

    def work() -> Iterator[int]:
        yield 1
        raise error

    thread.submit("usual", work, shown.append)
    qtbot.waitUntil(lambda: bool(failures))
    thread.submit("usual", lambda: iter([2]), shown.append)
    qtbot.waitUntil(lambda: len(shown) == 2)
    assert failures == [error]
    assert shown == [1, 2]


def test_an_error_before_the_first_result_is_told(
    thread: LatestWins, failures: list[BaseException], qtbot: QtBot
) -> None:
    def work() -> Iterator[int]:
        raise KeyError("no iterator at all")

    thread.submit("usual", work, print)
    qtbot.waitUntil(lambda: bool(failures))
    assert isinstance(failures[0], KeyError)


def test_the_thread_is_idle_when_all_is_done(thread: LatestWins, qtbot: QtBot) -> None:
    gate = Gate()
    thread.submit("usual", gate.blocks(1), lambda _: None)
    assert gate.entered.wait(SECONDS)
    assert not thread.is_idle()
    gate.opened.set()
    qtbot.waitUntil(thread.is_idle)


def test_the_thread_is_not_idle_while_a_result_is_on_its_way(thread: LatestWins, qtbot: QtBot) -> None:
    made, shown = threading.Event(), list[str]()

    def work() -> Iterator[str]:
        yield "last"
        made.set()

    thread.submit("usual", work, shown.append)
    assert made.wait(20)  # the main thread has not looked at what was posted to it
    assert not thread.is_idle()
    qtbot.waitUntil(thread.is_idle)
    assert shown == ["last"]


def test_closing_waits_for_the_result_in_progress(main: MainThread, qtbot: QtBot) -> None:
    thread, gate, shown, ended = LatestWins(main, ("only",), print), Gate(), list[object](), threading.Event()

    def work() -> Iterator[int]:
        gate.wait()
        ended.set()
        yield 1
        raise AssertionError("nothing should go on after closing")

    thread.submit("only", work, shown.append)
    assert gate.entered.wait(SECONDS)
    opening = threading.Timer(0.01, gate.opened.set)  # while close waits
    opening.start()
    thread.close()
    opening.join()
    assert ended.is_set()
    assert "explorer-render" not in {running.name for running in threading.enumerate()}
    main.post(lambda: shown.append("mark"))
    qtbot.waitUntil(lambda: bool(shown))
    assert shown == ["mark"]


def test_closing_twice_is_closing_once(main: MainThread) -> None:
    thread = LatestWins(main, ("only",), print)
    thread.close()
    thread.close()


# --- jobs ---


def test_the_value_of_a_job_arrives_on_the_main_thread(jobs: Jobs, qtbot: QtBot) -> None:
    done: list[tuple[int, threading.Thread]] = []
    jobs.start("add", lambda report: 1 + 1, lambda value: done.append((value, threading.current_thread())))
    qtbot.waitUntil(lambda: bool(done))
    assert done == [(2, threading.main_thread())]


def test_jobs_run_one_after_another_in_order(jobs: Jobs, qtbot: QtBot) -> None:
    running, most, done = [0], [0], list[int]()

    def work(report: Report, number: int) -> int:
        running[0] += 1
        most[0] = max(most[0], running[0])
        report(1, 2)
        running[0] -= 1
        return number

    for number in range(10):
        jobs.start("count", lambda report, number=number: work(report, number), done.append)  # type: ignore[misc]  # as above
    qtbot.waitUntil(lambda: len(done) == 10)
    assert done == list(range(10))
    assert most == [1]


def test_progress_is_told_while_a_job_runs(jobs: Jobs, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.workers.REPORT_SECONDS", -1.0)  # every report, however soon after the last
    told: list[tuple[JobState, ...]] = []
    keep: Callable[[Any], None] = told.append
    jobs.changed.connect(keep)
    key = jobs.start("export", lambda report: report(3, 8, "frame 3"))
    qtbot.waitUntil(lambda: jobs.states() == ())
    assert (JobState(key, "export", 3, 8, "frame 3"),) in told
    assert told[0] == (JobState(key, "export"),)
    assert told[-1] == ()


def test_reports_in_quick_succession_do_not_flood_the_main_thread(jobs: Jobs, qtbot: QtBot) -> None:
    told: list[object] = []
    keep: Callable[[Any], None] = told.append
    jobs.changed.connect(keep)

    def work(report: Report) -> None:
        for number in range(20_000):
            report(number, 20_000)

    jobs.start("export", work)
    qtbot.waitUntil(lambda: jobs.states() == ())
    assert len(told) < 200


def test_a_cancelled_job_stops_at_its_next_report(jobs: Jobs, failures: list[BaseException], qtbot: QtBot) -> None:
    gate, done = Gate(), list[str]()

    def work(report: Report) -> str:
        gate.wait()
        report(1, 2)
        done.append("went on")
        return "value"

    key = jobs.start("export", work, done.append)
    assert gate.entered.wait(SECONDS)
    jobs.cancel(key)
    gate.opened.set()
    qtbot.waitUntil(lambda: jobs.states() == ())
    assert done == []
    assert failures == []


def test_a_job_cancelled_after_its_last_report_gives_nothing(
    jobs: Jobs, failures: list[BaseException], qtbot: QtBot
) -> None:
    for error in (None, ValueError("torn down")):
        gate, done = Gate(), list[str]()

        def work(report: Report, gate: Gate = gate, error: Exception | None = error) -> str:
            gate.wait()
            if error is not None:
                raise error
            return "value"

        key = jobs.start("export", work, done.append)
        assert gate.entered.wait(SECONDS)
        jobs.cancel(key)
        gate.opened.set()
        qtbot.waitUntil(lambda: jobs.states() == ())
        assert done == []
    assert failures == []


def test_a_job_cancelled_before_it_starts_never_runs(jobs: Jobs, qtbot: QtBot) -> None:
    gate, ran = Gate(), list[str]()
    jobs.start("first", lambda report: gate.wait())
    assert gate.entered.wait(SECONDS)
    key = jobs.start("second", lambda report: ran.append("second"))
    jobs.start("third", lambda report: ran.append("third"))
    jobs.cancel(key)
    gate.opened.set()
    qtbot.waitUntil(lambda: jobs.states() == ())
    assert ran == ["third"]


def test_cancelling_all_stops_what_runs_and_what_waits(jobs: Jobs, qtbot: QtBot) -> None:
    gate, ran = Gate(), list[str]()

    def work(report: Report) -> None:
        gate.wait()
        report(1, 2)
        ran.append("first")

    jobs.start("first", work)
    jobs.start("second", lambda report: ran.append("second"))
    assert gate.entered.wait(SECONDS)
    jobs.cancel_all()
    gate.opened.set()
    qtbot.waitUntil(lambda: jobs.states() == ())
    assert ran == []


def test_the_error_of_a_job_goes_to_its_own_handler_or_to_that_of_all(
    jobs: Jobs, failures: list[BaseException], qtbot: QtBot
) -> None:
    own: list[BaseException] = []
    error = ValueError("broken")

    def work(report: Report) -> None:
        raise error

    jobs.start("first", work, failed=own.append)
    jobs.start("second", work)
    qtbot.waitUntil(lambda: bool(failures))
    assert own == failures == [error]


def test_jobs_that_wait_are_listed_oldest_first(jobs: Jobs, qtbot: QtBot) -> None:
    gate = Gate()
    jobs.start("first", lambda report: gate.wait())
    jobs.start("second", lambda report: None)
    assert [state.title for state in jobs.states()] == ["first", "second"]
    gate.opened.set()
    qtbot.waitUntil(lambda: jobs.states() == ())


def test_closing_while_a_job_runs_ends_it(main: MainThread, failures: list[BaseException], qtbot: QtBot) -> None:
    jobs, gate, done = Jobs(main, failures.append), Gate(), list[str]()

    def work(report: Report) -> None:
        gate.entered.set()
        while True:
            report(1, 2)

    jobs.start("endless", work, lambda _: done.append("value"))
    jobs.start("waiting", lambda report: done.append("ran"))
    assert gate.entered.wait(SECONDS)
    jobs.close()
    jobs.close()
    main.post(lambda: done.append("mark"))
    qtbot.waitUntil(lambda: bool(done))
    assert done == ["mark"]
    assert failures == []
