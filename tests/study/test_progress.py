import io

from replications.study import progress
from replications.study.progress import Progress, duration


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_durations_read_like_a_person_would_say_them():
    assert duration(12.4) == "12 s"
    assert duration(185) == "3 min 05 s"
    assert duration(4800) == "1 h 20 min"


def test_a_terminal_gets_a_bar(monkeypatch):
    monkeypatch.setattr(progress, "BAR_EVERY_S", 0.0)
    stream = Terminal()
    bar = Progress(2, "byol smoke", stream)
    bar.update(0, 0.5)
    bar.update(0, 0.2)  # late news do not go back
    bar.update(1, 1.0)
    bar.close()
    assert stream.getvalue().count("\r") >= 3
    assert "75%" in stream.getvalue().split("\r")[-1]
    assert "left" in stream.getvalue()


def test_a_log_gets_a_line_now_and_then(monkeypatch):
    stream = io.StringIO()
    bar = Progress(1, "byol smoke", stream)
    bar.update(0, 0.1)
    assert stream.getvalue() == ""  # not yet
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    bar.update(0, 0.25)
    bar.close()
    assert stream.getvalue().count("\n") == 1
    assert "byol smoke:  25%" in stream.getvalue()


def test_nothing_done_has_no_time_left():
    stream = io.StringIO()
    Progress(1, "x", stream).show()
    assert "estimating" in stream.getvalue()
