// What the help of `wampctl call` tells beside its options: arguments, stdin, formats, the verdict.

enum CallNotes {
    static let all = [arguments, stdin, formats, tally, signals, HelpPage.Note.quantities]

    private static let arguments = HelpPage.Note(
        title: "ARGUMENTS OF A CALL",
        lines: [
            "word                  a string, whatever it looks like: 42, true, null",
            ":=JSON                a value: ':=42', ':=[1,2]', ':={\"a\":1}'",
            "key=text, key:=JSON   keyword arguments",
            "=text                 a string that holds an =, or an empty one",
            "=@FILE, key=@FILE     a string from a file",
            ":=@FILE, key:=@FILE   JSON from a file",
            "%=BASE64, key%=BASE64, %=@FILE, key%=@FILE",
            "                      binary, from base64 or the bytes of a file",
            "=@@text, key=@@text   a string that begins with one @",
            "--                    what follows are arguments, even if they begin with -",
            "A key begins with a letter of any script or _, and goes on with letters, digits, _, "
                + ". and -. Behind anything else := is refused, and = is part of a string.",
            "All words are UTF-8 text; bytes that are none are refused, and sent with %=@FILE.",
            "In JSON a string of NUL and base64, such as \"\\u0000AAEC\", is binary: in "
                + "arguments and in results.",
        ])

    private static let stdin = HelpPage.Note(
        title: "CALLS FROM STDIN",
        lines: [
            "--stdin json    one document: a list gives the arguments, an object the "
                + "keyword arguments, any other value one argument",
            "--stdin text    one string; one newline at its end is removed",
            "--stdin bytes   one binary argument",
            "--stdin jsonl   a call per line, each as with json",
            "--stdin lines   a call per line with that line as a string",
            "-               (in place of the URI) a call per line, each an object with the keys",
            "                  procedure   the URI; the only one that is needed",
            "                  args        a list",
            "                  kwargs      an object",
            "                  options     an object: CALL options",
            "                  id          any value, for the answer; else the line's number",
            "A line that cannot be read is answered with the error wampctl.error.usage. When the "
                + "connection is lost, stderr tells how many lines were not sent.",
            "With -c above 1 answers come as they are ready, not in the order of the lines; "
                + "the id in jsonl, and in the answers to -, which are always jsonl, tells whose "
                + "they are.",
        ])

    private static let formats = HelpPage.Note(
        title: "OUTPUT FORMATS",
        lines: [
            "text   the value, if it is one; else {\"args\":[...],\"kwargs\":{...}}",
            "json   (one call) an object: procedure, args, kwargs, details, callee, "
                + "callee_authid, latency_ms",
            "jsonl  the same, a line for each call: type (result or error), time, id (of "
                + "many calls) and uri (of an error, else null) come first",
            "raw    the first argument alone: a string without quotes, bytes as they are",
            HelpPage.Note.errors,
            HelpPage.Note.errorObject,
        ])

    private static let signals = HelpPage.Note(
        title: "SIGNALS",
        lines: [
            "SIGINT, SIGTERM or SIGHUP cancels a single call. Of many, no more are made, "
                + "those under way have 5 seconds to end, and the figures are printed. Both end "
                + "with 128 + signal, a run without limit (-n 0) too; to have its verdict as the "
                + "exit code, give --duration. A second signal ends at once. SIGUSR1 prints the "
                + "figures so far on stderr."
        ])

    private static let tally = HelpPage.Note(
        title: "TALLY AND VERDICT",
        lines: [
            "--verify implies a tally. Its formats:",
            "text   a picture on a terminal, elsewhere as tsv",
            "tsv    a row per callee: callee, name, count, share, errors, p50_ms, p99_ms",
            "json   an object with the figures, callees, events and verdict",
            "jsonl  an object per call: type, time, id, uri, caller (the session, from 1), "
                + "callee, callee_authid, latency_ms; then the object of json with the type tally",
            "Callees that have one name, as those of one user do, are told apart by the "
                + "first digits of their sessions. Rule and callees are learnt from the meta API: "
                + "where the role may not ask it, --rule names the rule.",
            "A verdict needs 5 calls per callee; with fewer it does not hold. random is "
                + "judged by chi-square tests of shares, and from 5 calls per pair of callees on "
                + "of order, and no callee may be silent where chance can hardly be the cause. "
                + "All of them together share one level of significance: a correct router fails "
                + "one run in 1000 at most. roundrobin must rotate, or hold each callee once in "
                + "every round; other callers of the procedure, and callees that decline calls, "
                + "break that. Where callees join or leave, each stretch is judged alone, without "
                + "the calls that were under way; the tests number the stretches.",
            "Calls that fail count for the exit code as without a tally, unless the verdict fails.",
        ])
}
