"""At the end of a long run: how many inputs were tried, by command and answer."""

from fuzzing import TIMES, tried


def pytest_terminal_summary(terminalreporter):
    for what, count in sorted(tried.items()) if TIMES else ():
        terminalreporter.write_line(f"fuzz: {count:8,d}  {what}")
