"""However a trial ends, nothing of it stays: no file, no process, no port."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from trial.desk import Desk, Trial
from trial.terminal import terminal

Options = tuple[str, ...]
FOLLOWS = b"Its error log follows."


def assert_gone(trial: Trial) -> None:
    assert trial.desk.left_behind() == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", trial.port), timeout=5)


# By a person


def test_ctrl_c_ends_it_and_all_is_well(either: Desk, server: Options) -> None:
    with terminal(either, "try", "--demo", *server) as screen:
        assert "websocket    ok" in screen.await_shown(FOLLOWS)
        assert len(either.belongings()) > 1
        screen.type(b"\x03")
        assert screen.wait() == 0
    assert either.belongings() == [], "it has ended before all was cleared away"


def test_a_second_ctrl_c_disturbs_nothing(desk: Desk, installed: Options) -> None:
    with terminal(desk, "try", "--demo", *installed) as screen:
        screen.await_shown(FOLLOWS)
        for _ in range(20):
            screen.type(b"\x03")
            time.sleep(0.005)
        assert screen.wait() == 0
        assert b"Traceback" not in screen.screen
    assert desk.belongings() == []


def test_ctrl_c_before_it_runs_is_an_interruption(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        backend = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with terminal(desk, "try", "a.localhost", backend) as screen:
            silent.accept()[0].close()  # it is being verified
            assert len(desk.belongings()) > 2
            screen.type(b"\x03")
            assert screen.wait() == 130
    assert desk.belongings() == []


def test_closing_the_terminal_ends_it(either: Desk, server: Options) -> None:
    with terminal(either, "try", "--demo", *server) as screen:
        screen.await_shown(FOLLOWS)
        screen.close()
        assert screen.wait() == 129
    assert either.belongings() == []


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_it_in_order(
    desk: Desk, installed: Options, number: signal.Signals, code: int
) -> None:
    with desk.trying("--demo", *installed) as trial:
        trial.process.send_signal(number)
        assert trial.process.wait(timeout=20) == code
        assert desk.belongings() == [], "it has ended before all was cleared away"
        assert_gone(trial)
        assert trial.said() == ""


def test_a_signal_to_the_whole_group_ends_it_in_order(desk: Desk, installed: Options) -> None:
    with desk.trying("--demo", *installed) as trial:
        os.killpg(trial.process.pid, signal.SIGTERM)
        assert trial.process.wait(timeout=20) == 143
        assert_gone(trial)


def test_nohup_keeps_it_running(desk: Desk) -> None:
    process = desk.start("try", "--demo", under=("setsid", "sh", "-c", 'trap "" HUP; "$@"', "sh"))
    assert process.stderr is not None
    with process:
        try:
            assert FOLLOWS in process.stderr.readline()
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
            inner = int(children.split()[0])
            os.kill(inner, signal.SIGHUP)
            time.sleep(0.5)
            assert desk.belongings() != []
            os.kill(inner, signal.SIGTERM)
            assert process.wait(timeout=20) == 143
        finally:
            process.kill()
    assert desk.left_behind() == []


# By force


def test_kill_9_at_any_moment_leaves_nothing(desk: Desk, installed: Options) -> None:
    started = time.monotonic()
    assert desk.run("try", "--demo", "--once", *installed).returncode == 0
    took_s = time.monotonic() - started
    for step in range(14):
        process = desk.start("try", "--demo", *installed)
        time.sleep(took_s * step / 12)
        process.kill()
        process.communicate()
        assert desk.left_behind() == [], f"killed after {took_s * step / 12:.3f} s"


def test_kill_9_as_soon_as_there_is_a_directory_or_a_server_leaves_nothing(
    desk: Desk, installed: Options
) -> None:
    for awaited in (1, 2, 3, 4):
        process = desk.start("try", "--demo", *installed)
        deadline = time.monotonic() + 10
        while len(desk.belongings()) < 1 + awaited:
            assert time.monotonic() < deadline  # no pause: the moments in between are short
        process.kill()
        process.communicate()
        assert desk.left_behind() == []


def test_kill_9_while_it_runs_leaves_nothing(either: Desk, server: Options) -> None:
    with either.trying("--demo", *server) as trial:
        assert len(trial.server_pids()) > 1
        trial.process.kill()
        assert_gone(trial)


def test_kill_9_of_its_group_leaves_nothing(desk: Desk, installed: Options) -> None:
    with desk.trying("--demo", *installed) as trial:
        os.killpg(trial.process.pid, signal.SIGKILL)
        trial.process.wait(timeout=20)
        assert_gone(trial)


def test_a_guardian_that_is_killed_is_not_needed(desk: Desk, installed: Options) -> None:
    with desk.trying("--demo", *installed) as trial:
        (guardian,) = (
            pid
            for pid in map(int, filter(str.isdigit, os.listdir("/proc")))
            if desk.tmp in command_line(pid) and command_line(pid)[-2].endswith("guardian.py")
        )
        os.kill(guardian, signal.SIGKILL)
        trial.process.terminate()
        assert trial.process.wait(timeout=20) == 143
        assert_gone(trial)


def command_line(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace").split("\0")[:-1]
    except OSError:
        return []


def test_a_crash_of_the_server_is_said_with_its_last_words(desk: Desk, server: Options) -> None:
    with desk.trying("--demo", *server) as trial:
        os.kill(trial.server_pids()[0], signal.SIGKILL)
        assert trial.process.wait(timeout=20) == 1
        said = trial.said()
        assert "vhostsmith: the private server went down (killed by signal 9)" in said
        assert_gone(trial)


def test_the_last_words_are_in_the_message(desk: Desk) -> None:
    with desk.trying("--demo", "--server", "apache") as trial:
        log = trial.directory / "logs" / "server-error.log"
        with log.open("a") as file:
            file.writelines(f"word {number}\n" for number in range(100))
        os.kill(trial.server_pids()[0], signal.SIGKILL)
        assert trial.process.wait(timeout=20) == 1
        message = trial.said().partition("vhostsmith: ")[2]
        assert "word 99" in message
        assert "word 50" not in message, "a message is no whole log"


def test_a_server_that_was_asked_to_end_by_somebody_else_is_said(
    desk: Desk, installed: Options
) -> None:
    with desk.trying("--demo", *installed) as trial:
        os.kill(trial.server_pids()[0], signal.SIGTERM)
        assert trial.process.wait(timeout=20) == 1
        assert "the private server went down (exit code 0)" in trial.said()
        assert_gone(trial)


def test_a_server_that_hangs_is_ended_all_the_same(desk: Desk) -> None:
    with desk.trying("--demo", "--server", "apache") as trial:
        for pid in trial.server_pids():
            os.kill(pid, signal.SIGSTOP)
        trial.process.send_signal(signal.SIGINT)
        assert trial.process.wait(timeout=20) == 0
        assert_gone(trial)


def test_open_connections_do_not_hold_it_up(desk: Desk, installed: Options) -> None:
    with desk.trying("--demo", *installed) as trial, socket.socket() as visitor:
        visitor.connect(("127.0.0.1", trial.port))
        started = time.monotonic()
        trial.process.send_signal(signal.SIGINT)
        assert trial.process.wait(timeout=20) == 0
        assert time.monotonic() - started < 3
        assert_gone(trial)


# By a reader who leaves


def test_a_reader_who_leaves_ends_it_without_a_word(desk: Desk, installed: Options) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    process = desk.start("try", "--demo", *installed, stdout=writes)
    os.close(writes)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (1, b"")
    assert desk.belongings() == []


def test_a_reader_of_the_log_who_leaves_ends_it(desk: Desk) -> None:
    process = desk.start("try", "--demo")
    assert process.stderr is not None
    assert FOLLOWS in process.stderr.readline()
    process.stderr.close()
    (name,) = os.listdir(desk.tmp)
    with Path(desk.tmp, name, "logs", "demo.localhost-error.log").open("a") as file:
        file.write("something happened\n")
    assert process.wait(timeout=20) == 1
    assert process.stdout is not None
    process.stdout.close()
    assert desk.left_behind() == []


def test_closed_streams_are_no_defect(desk: Desk) -> None:
    script = '"$@" <&- >&- 2>&-'
    process = subprocess.run(
        ("sh", "-c", script, "sh", *desk.program, "try", "--demo", "--once"),
        env=desk.environment,
        check=False,
        timeout=30,
    )
    assert process.returncode == 0
    assert desk.belongings() == []


# Side by side


def test_two_at_once_do_not_meet(desk: Desk, installed: Options) -> None:
    with desk.trying("--demo", "a.localhost", *installed) as one:
        with desk.trying("--demo", "b.localhost", *installed) as two:
            assert one.port != two.port
            assert one.shown["certificate_sha256"] != two.shown["certificate_sha256"]
            assert len(os.listdir(desk.tmp)) == 2
            assert one.ask().status == two.ask().status == 200
            two.process.send_signal(signal.SIGINT)
            assert two.process.wait(timeout=20) == 0
        assert len(os.listdir(desk.tmp)) == 1
        assert one.ask().status == 200
        one.process.kill()
        assert_gone(one)


def test_two_that_start_together_both_run(desk: Desk, installed: Options) -> None:
    processes = [desk.start("try", "--demo", "--once", *installed) for _ in range(3)]
    for process in processes:
        out, said = process.communicate(timeout=60)
        assert (process.returncode, said) == (0, b""), out
    assert desk.belongings() == []
