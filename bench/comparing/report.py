"""From single runs to medians and ratios, and those as Markdown."""
from statistics import median

from .run import STATES

TIMES = "server_cpu_us", "p50_us", "p99_us", "p99_9_us"


def grouped(runs, *keys):
    groups = {}
    for run in runs:
        groups.setdefault(tuple(run[key] for key in keys), []).append(run)
    return groups


def case_name(run):
    depth = run.get("depth", 1)
    pipeline = f", {depth} in flight" if depth > 1 else ""
    plural = "s" if run["connections"] > 1 else ""
    return f"{run['connections']} connection{plural}, {run['size']} B{pipeline}"


def best_limit(rows, key, choose):
    values = [row[key] for row in rows if row["role"] == "limit"]
    return choose(values) if values else None


def ratio(value, base):
    return value / base if base else None


def summarise_self(runs):
    cases = {}
    for run in runs:
        cases.setdefault(case_name(run), []).append(run)
    return cases


def two_row(server, runs, used):
    rate = median(run["rate"] for run in used)
    return {
        "server": server, "role": runs[0]["role"], "runs": len(runs), "counted": len(used), "rate": rate,
        "lowest": min(run["rate"] for run in used) / rate, "highest": max(run["rate"] for run in used) / rate,
        "limited": sum(run["limited_by_generator"] for run in used) * 2 > len(used),
        **{key: median(run[key] for run in used) for key in TIMES},
    }


def summarise_two(runs, state_of):
    """Of each case the runs in one state of the machine: that in which the server with the fewest has most."""
    cases = {}
    for (_, _, _), of_case in grouped(runs, "connections", "size", "depth").items():
        servers = grouped(of_case, "server")
        in_state = {state: {server: [run for run in of_server if state_of(run) == state]
                            for server, of_server in servers.items()} for state in STATES}
        state = max(STATES, key=lambda state: min(map(len, in_state[state].values())))
        rows = [{"cores": state} | two_row(server[0], servers[server], used)
                for server, used in in_state[state].items() if used]
        rate, cpu = best_limit(rows, "rate", max), best_limit(rows, "server_cpu_us", min)
        for row in rows:
            row["rate_ratio"], row["cpu_ratio"] = ratio(row["rate"], rate), ratio(row["server_cpu_us"], cpu)
        cases[case_name(of_case[0])] = rows
    return cases


def summarise_micro(runs):
    table = {}
    for (what, peer), of_peer in grouped(runs, "what", "peer").items():
        times = [run["ns"] for run in of_peer]
        table.setdefault(what, {})[peer] = {"median": median(times), "best": min(times), "passes": len(times)}
    return table


def summarise(results, state_of):
    summary = {}
    if "self" in results:
        summary["self"] = summarise_self(results["self"])
    if "two" in results:
        summary["two"] = summarise_two(results["two"], state_of)
    if "idle" in results:
        summary["idle"] = results["idle"]
    if "micro" in results:
        summary["micro"] = summarise_micro(results["micro"])
    return summary


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows] + [""]


def name_of(row):
    return f"**{row['server']}**" if row["role"] == "ours" else row["server"]


def shown(value, digits=2):
    return "" if value is None else f"{value:.{digits}f}"


def environment_lines(about):
    peers = ", ".join(f"{name} {version}" for name, version in about["peers"].items() if version)
    lines = [
        f"- date {about['date']}, commit {about['commit'] or 'none'}, engine {about['engine']}",
        f"- kernel {about['kernel']}, {about['processor']}",
        f"- {about['compiler']}, flags `{about['flags']}`",
        f"- peers: {peers}",
    ]
    if distance := about.get("ping_pong_ns"):
        lines.append("- one way between the two cores: {seen_from:.0f} to {seen_to:.0f} ns, far from "
                     "{border:.0f} ns on".format(**distance))
    return lines


def self_lines(cases):
    lines = ["## Self-echo: server ns per message, one thread", ""]
    for case, rows in cases.items():
        lines += [f"{case}, {rows[0]['passes']} passes:", ""]
        lines += table(
            ["server", "median", "best", "worst", "median to best limit", "best to best limit"],
            [[name_of(row), f"{row['median_ns']:.0f}", f"{row['best_ns']:.0f}", f"{row['worst_ns']:.0f}",
              shown(row["of_median"], 3), shown(row["of_best"], 3)] for row in rows])
    return lines


def two_cells(row):
    star = "*" if row["limited"] else ""
    return [name_of(row), f"{row['counted']}/{row['runs']}", f"{row['rate']:,.0f}{star}",
            f"{row['lowest']:.2f}..{row['highest']:.2f}", shown(row["rate_ratio"]),
            shown(row["server_cpu_us"]), shown(row["cpu_ratio"]), *(shown(row[key], 1) for key in ("p50_us", "p99_us", "p99_9_us"))]


def two_lines(cases):
    lines = ["## Two processes: server on one core, generator on another", "",
             "`*`: the generator was the limit, so the rate is not the server's; look at its processor time. "
             "Runs: those that count of all, which are those in one state of the cores.", ""]
    for case, rows in cases.items():
        lines += [f"{case}, cores {rows[0]['cores']}:" if rows else f"{case}: no run counts", ""]
        lines += table(
            ["server", "runs", "messages/s", "spread", "rate to best limit", "server CPU us/message",
             "CPU to best limit", "p50 us", "p99 us", "p99.9 us"], map(two_cells, rows))
    return lines


def idle_lines(rows):
    if not rows:
        return []
    ordered = sorted(rows, key=lambda row: row["bytes_per_connection"])
    return ["## Idle connections: resident memory", "",
            f"{rows[0]['connections']} connections, one echo of 64 B on each, then silence:", ""] + table(
        ["server", "before, KiB", "bytes per connection"],
        [[name_of(row), f"{row['base_bytes'] / 1024:.0f}", f"{row['bytes_per_connection']:.0f}"]
         for row in ordered])


def micro_lines(questions):
    peers = list(dict.fromkeys(peer for answers in questions.values() for peer in answers))
    lines = ["## Micro benchmarks: ns per operation, median (best) of the passes", ""]
    return lines + table(
        ["", *(f"**{peer}**" if peer == "libasync" else peer for peer in peers)],
        [[what, *(f"{answers[peer]['median']:.0f} ({answers[peer]['best']:.0f})" if peer in answers else ""
                  for peer in peers)] for what, answers in questions.items()])


def markdown(about, summary):
    lines = ["# Benchmark results", "",
             "Written by `bench/compare`; see [how they were measured](../benchmarks.md).", ""]
    if about["quick"]:
        lines += ["**A quick look with few and short runs, not a measurement.**", ""]
    lines += environment_lines(about) + [""]
    parts = {"self": self_lines, "two": two_lines, "idle": idle_lines, "micro": micro_lines}
    for part, write in parts.items():
        if summary.get(part):
            lines += write(summary[part])
    return "\n".join(lines)
