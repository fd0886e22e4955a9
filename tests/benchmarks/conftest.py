"""After the benchmarks: what each thing costs, and beside what."""


def pytest_terminal_summary(terminalreporter, config):
    session = getattr(config, "_benchmarksession", None)
    benchmarks = [b for b in session.benchmarks if b.extra_info] if session else []
    first = {}
    for one in benchmarks:
        each = one.stats.median / one.extra_info["n"] * 1e3
        group = first.setdefault(one.group, each)
        if group is each:
            terminalreporter.write_line(f"\n{one.group}")
        terminalreporter.write_line(f"  {one.name:42} {each:12.4f} ms each   x {each / group:.4f}")
