// What the help of `wampctl bench` tells beside its options: how it measures, and its formats.

enum BenchNotes {
    static let all = [scenarios, method, formats, files, quantities]

    private static let scenarios = HelpPage.Note(
        title: "SCENARIOS",
        lines: [
            "rpc       sessions call a procedure of callees that bench starts, or "
                + "--procedure; a call is measured from CALL to RESULT",
            "pubsub    sessions publish, acknowledged, to subscribers that bench starts; an "
                + "event is measured from PUBLISH to each subscriber, by a time stamp in its "
                + "payload",
            "join      sessions are opened and closed; measured from connecting to WELCOME",
            "register  a procedure is registered and unregistered; both are one operation",
            "Its procedures and topics begin with com.wampctl.bench. followed by the "
                + "process and the run: on a router with permissions the role needs call, "
                + "register, publish and subscribe on that prefix, for what the scenario does.",
        ])

    private static let method = HelpPage.Note(
        title: "HOW IT MEASURES",
        lines: [
            "closed loop   (default) each session keeps -c operations in flight and issues "
                + "the next when one ends. A router that stalls is asked less: latency is service "
                + "time, not what a user would wait.",
            "open loop     (--rate) operations are due at moments fixed in advance, and "
                + "latency counts from that moment, so a stall shows in full. Service time, from "
                + "the actual sending, stands beside it. If less than 98 % of what was due was "
                + "achieved, the row is saturated and its latencies are lower bounds.",
            "errors        are counted apart and are in no latency, like events that were "
                + "lost and operations without an answer within 5s after the end. If there are "
                + "any, and no --threshold judges errors, the exit code is 12.",
            "CPU and MiB   are the router's: CPU microseconds per operation (in pubsub per "
                + "event delivered) and resident memory, with the processes it started.",
            "generator     bench runs on half of the cores, at most 4. Above 80 % of them, "
                + "or where it waits longer than 10 ms for a core, it is the limit and says so.",
            "several runs  a table shows the median rate, and the latencies of all runs together",
            "--against     runs each cell on the routers in turn, A B B A. What is compared "
                + "are the medians of the runs; intervals hold the ratio in 95 of 100 cases "
                + "(bootstrap). Where one contains 1, no difference is shown. With fewer than 3 "
                + "runs there is no interval, and no verdict.",
        ])

    private static let formats = HelpPage.Note(
        title: "OUTPUT FORMATS",
        lines: [
            "text   a table per router, times in milliseconds",
            "json   an object: scenario, command, version, date, targets, environment, "
                + "cells, comparisons, warnings, thresholds, compared",
            "jsonl  an object per --interval with type interval, then that object with type result",
            "tsv    a row per cell: router (0 = this), cell, rate, errors, unanswered and "
                + "lost, min, the percentiles, max, mean in ms, and 'saturated' if it is",
            HelpPage.Note.errors,
            HelpPage.Note.errorObject,
        ])

    private static let files = HelpPage.Note(
        title: "THRESHOLDS AND FILES",
        lines: [
            "--threshold   p50 and any other percentile, min, mean, max with a duration; "
                + "rate; errors as a number or with %. With <, <=, > or >=. Errors include what "
                + "was lost or unanswered. Each cell of this router must hold all.",
            "--compare     rate, p50, p99 and the share of failures of cells of the same "
                + "kind; exit 13 if there is none. Single runs on a busy machine differ by more "
                + "than the default --tolerance: save and compare several --runs.",
            "--hdr         latencies as histogram log 1.3 of HdrHistogram, in ns, a line per cell",
        ])

    private static let quantities = HelpPage.Note(
        title: "QUANTITIES",
        lines: HelpPage.Note.quantities.lines + ["list      values with commas between: 16,1k,64k"])
}
