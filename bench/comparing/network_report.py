"""Medians, spreads and ratios of what `bench/network` has measured, as Markdown."""
from statistics import median

from .report import environment_lines, grouped, name_of, ratio, shown, table as markdown_table
from .run import STATES

BUSY = 0.85  # a server that was busy for less was not the limit


def chosen(runs, state_of, rounds):
    """Of each server the runs in the state of the cores in which the server with the fewest has most; all runs if that
    is not half of what was wanted."""
    of_servers = grouped(runs, "server")
    in_state = {state: {name: [run for run in of_server if state_of(run) == state]
                        for name, of_server in of_servers.items()} for state in STATES}
    if not of_servers:
        return {}, ""
    state = max(STATES, key=lambda one: min(map(len, in_state[one].values())))
    if min(map(len, in_state[state].values())) * 2 >= rounds:
        return in_state[state], f"cores {state}"
    return of_servers, "NOISY: all runs, also those beside other work"


def row_of(name, used, total, size):
    rates = [run["rate"] / size for run in used]
    middle = median(rates)
    return {"server": name, "role": used[0]["role"], "runs": total, "counted": len(used), "rate": middle,
            "lowest": min(rates) / middle, "highest": max(rates) / middle,
            "cpu_us": median(run["server_cpu_us"] for run in used) * size,
            "limited": sum(run["limited"] or run["server_busy"] < BUSY for run in used) * 2 > len(used), "lost": sum(run["lost"] for run in used),
            "parts": [run["parts"] for run in used if run["parts"]]}


def summarise(table, runs_of_cases, state_of, rounds):
    cases = {}
    for title, runs in runs_of_cases.items():
        used, note = chosen(runs, state_of, rounds)
        totals = {name: len(of_server) for name, of_server in grouped(runs, "server").items()}
        rows = [row_of(name[0], of_server, totals[name], table.size) for name, of_server in used.items()]
        base = [row for row in rows if row["server"] == table.base] if table.base else \
            [row for row in rows if row["role"] == "limit"]
        rate = max((row["rate"] for row in base), default=None)
        cpu = min((row["cpu_us"] for row in base), default=None)
        for row in rows:
            row["rate_ratio"], row["cpu_ratio"] = ratio(row["rate"], rate), ratio(row["cpu_us"], cpu)
        cases[title] = {"note": note, "rows": rows}
    return {"title": table.title, "unit": table.unit, "base": table.base or "best limit", "shared": table.shared,
            "cases": cases}


def number(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"


def cells(row, shared):
    mark = "*" if row["limited"] and not shared else ""
    return [name_of(row), f"{row['counted']}/{row['runs']}", number(row["rate"]) + mark,
            f"{row['lowest']:.2f}..{row['highest']:.2f}", shown(row["rate_ratio"]), number(row["cpu_us"]),
            shown(row["cpu_ratio"])]


def share_lines(row):
    """The smallest part that any worker took in any run."""
    many = [parts for parts in row["parts"] if len(parts) > 1]
    if not many:
        return []
    smallest = min(min(parts) / max(1, sum(parts)) for parts in many)
    return [f"{row['server']}: of {len(many)} runs, the smallest part that a worker took of a run's messages was "
            f"{smallest:.0%}.", ""]


def lines(summary):
    result = []
    one = summary["unit"].removesuffix("s")
    for title, case in summary["cases"].items():
        result += [f"{title} ({case['note']}):", ""] if case["rows"] else [f"{title}: nothing was measured", ""]
        if not case["rows"]:
            continue
        result += markdown_table(
            ["server", "runs", f"{summary['unit']}/s", "spread", f"rate to {summary['base']}", f"server CPU us/{one}",
             f"CPU to {summary['base']}"], [cells(row, summary["shared"]) for row in case["rows"]])
        result += [line for row in case["rows"] for line in share_lines(row)]
        lost = {row["server"]: row["lost"] for row in case["rows"] if row["lost"]}
        result += [f"Datagrams lost: {lost}", ""] if lost else []
    return result


def markdown(results):
    text = ["# Benchmark results: streams, datagrams, TLS, files, workers", "",
            "Written by `bench/network --record`; see [how they were measured](../benchmarks.md). `*`: the "
            "generator, or waking up, was the limit, so the rate is not the server's; look at its processor time. Runs: those that count of "
            "all.", ""]
    for name, result in results.items():
        about = result["about"]
        text += [f"## {result['summary']['title']}", "", f"`bench/network {name}`", ""]
        text += environment_lines(about) + [f"- {about['rounds']} rounds of {about['seconds']} s", ""]
        text += lines(result["summary"])
    return "\n".join(text)
