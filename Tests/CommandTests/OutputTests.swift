// Exit codes, error lines, results and what a terminal is.

import Testing
import WAMP

@testable import wampctl

@Suite struct ExitCodeTests {
    @Test(
        "Error URIs map to the codes of the table",
        arguments: [
            ("wamp.error.not_authorized", 5), ("wamp.error.authorization_failed", 5),
            ("wamp.error.option_disallowed.disclose_me", 5), ("wamp.error.option_not_allowed", 5),
            ("wamp.error.no_such_procedure", 6), ("wamp.error.no_available_callee", 7),
            ("wamp.error.unavailable", 7), ("wamp.error.network_failure", 7),
            ("wamp.error.timeout", 8), ("wamp.error.canceled", 9),
            ("wamp.error.procedure_already_exists", 11), ("wamp.error.payload_size_exceeded", 15),
            ("wamp.error.feature_not_supported", 15), ("wamp.error.invalid_argument", 10),
            ("com.example.bad", 10),
        ] as [(String, Int32)])
    func mapping(uri: String, code: Int32) {
        #expect(ExitCode(ErrorURI(uri)).rawValue == code)
    }

    @Test("A run ends with the code that all failures share, else with partial")
    func runs() {
        #expect(ExitCode.ofRun(succeeded: 5, failures: [:]) == .ok)
        #expect(ExitCode.ofRun(succeeded: 0, failures: [.timeout: 5]) == .timeout)
        #expect(ExitCode.ofRun(succeeded: 1, failures: [.timeout: 5]) == .partial)
        #expect(ExitCode.ofRun(succeeded: 0, failures: [.timeout: 1, .canceled: 1]) == .partial)
    }

    @Test("The table lists every code with its kind")
    func table() {
        for code in ExitCode.allCases {
            #expect(ExitCode.table.contains(" \(code.rawValue)  \(code.kind)"), "\(code)")
        }
    }
}

@Suite struct FailureTests {
    @Test("An error is one line that names subject, sentence and URI; hints follow")
    func text() {
        let failure = CommandFailure(
            error: .noSuchProcedure, args: [], kwargs: [:], subject: "com.example.add",
            hints: ["is a callee registered?"])
        #expect(
            failure.text(command: "wampctl call") == """
                wampctl call: com.example.add: no such procedure (wamp.error.no_such_procedure)
                hint: is a callee registered?
                """)
    }

    @Test("A sentence of the router that says no more than URI and subject is not said twice")
    func sentence() {
        func text(_ uri: ErrorURI, _ sentence: String) -> String {
            CommandFailure(error: uri, args: [.string(sentence)], kwargs: [:], subject: "a.b")
                .text(command: "c")
        }
        for (uri, words) in [
            (ErrorURI.noSuchProcedure, "no such procedure"), (.notAuthorized, "not authorized"),
            (.timeout, "timeout"), (.canceled, "canceled"),
        ] {
            for code in [MessageCode.call, .register, .publish, .subscribe] {
                let sentence = uri.sentence(refusing: code, about: "a.b")
                #expect(text(uri, sentence) == "c: a.b: \(words) (\(uri))", "\(uri) \(code)")
            }
        }
        #expect(
            text(.canceled, "callee left") == "c: a.b: canceled: callee left (wamp.error.canceled)")
        #expect(
            text(.noSuchProcedure, "no callee has registered 'x'")
                == "c: a.b: no such procedure: no callee has registered 'x' "
                + "(wamp.error.no_such_procedure)")
        #expect(
            text(.maxConcurrencyReached, "all are busy")
                == "c: a.b: all are busy (crossbar.error.max_concurrency_reached)")
    }

    @Test("The JSON form is one line with every key present")
    func json() throws {
        let failure = CommandFailure(
            error: "com.example.bad", args: ["no\nline"], kwargs: ["a": 1], subject: "x")
        #expect(
            failure.json
                == #"{"error":{"code":10,"kind":"application","uri":"com.example.bad","args":["no\nline"],"#
                + #""kwargs":{"a":1},"message":"x: no\nline","hint":null}}"#)
    }

    @Test("What a peer says cannot forge lines or steer the terminal")
    func sanitized() {
        let failure = CommandFailure(
            error: "com.example.bad", args: ["a\nhint: \u{1b}[2J\u{9b}x"], kwargs: [:], subject: "x"
        )
        #expect(
            failure.text(command: "wampctl call")
                == "wampctl call: x: a hint: ?[2J?x (com.example.bad)")
    }
}

@Suite struct TerminalTests {
    private func terminal(
        _ environment: Environment, color: ColorChoice = .auto, out: Bool = true, err: Bool = true
    ) -> Terminal {
        Terminal(
            stdoutIsTerminal: out, stderrIsTerminal: err, color: color, environment: environment)
    }

    @Test("Colour needs a terminal, and the streams are judged apart")
    func streams() {
        let mixed = terminal([:], out: false, err: true)
        #expect(!mixed.stdoutHasColor)
        #expect(mixed.stderrHasColor)
    }

    @Test("NO_COLOR, TERM=dumb and --color never take colour away; NO_COLOR empty does not")
    func without() {
        #expect(!terminal(["NO_COLOR": "1"]).stdoutHasColor)
        #expect(terminal(["NO_COLOR": ""]).stdoutHasColor)
        #expect(!terminal(["TERM": "dumb"]).stdoutHasColor)
        #expect(!terminal(["CLICOLOR_FORCE": "1"], color: .never).stdoutHasColor)
        #expect(!terminal(["NO_COLOR": "1"]).canRedraw)
        #expect(!terminal(["TERM": "dumb"]).canRedraw)
    }

    @Test("--color always and CLICOLOR_FORCE colour a pipe too")
    func forced() {
        #expect(terminal(["NO_COLOR": "1"], color: .always, out: false).stdoutHasColor)
        #expect(terminal(["CLICOLOR_FORCE": "1"], out: false).stdoutHasColor)
        #expect(!terminal(["CLICOLOR_FORCE": "0"], out: false).stdoutHasColor)
        #expect(!terminal(["CLICOLOR_FORCE": "1", "NO_COLOR": "1"], out: false).stdoutHasColor)
    }

    @Test("The locale decides on block characters; LC_ALL beats LANG")
    func locale() {
        #expect(terminal(["LANG": "en_US.UTF-8"]).isUTF8)
        #expect(terminal(["LC_CTYPE": "C.utf8"]).isUTF8)
        #expect(!terminal(["LC_ALL": "C", "LANG": "en_US.UTF-8"]).isUTF8)
        #expect(!terminal([:]).isUTF8)
    }
}

@Suite struct ResultTextTests {
    @Test("One argument is printed bare, nothing for nothing, else both parts")
    func text() {
        func text(_ args: [Value], _ kwargs: Value.Dictionary = [:]) -> String? {
            ResultText.text(args: args, kwargs: kwargs, pretty: false, colored: false)
        }
        #expect(text([]) == nil)
        #expect(text([5]) == "5")
        #expect(text(["a"]) == "\"a\"")
        #expect(text([1, 2]) == #"{"args":[1,2],"kwargs":{}}"#)
        #expect(text([1], ["k": 2]) == #"{"args":[1],"kwargs":{"k":2}}"#)
        #expect(text([.uint(.max)]) == "18446744073709551615")
    }

    @Test("On a terminal values are indented and coloured")
    func pretty() {
        #expect(
            ResultText.text([1, ["a": "b"], []], pretty: true, colored: false) == """
                [
                  1,
                  {
                    "a": "b"
                  },
                  []
                ]
                """)
        #expect(
            ResultText.text(true, pretty: true, colored: true) == "\u{1b}[35mtrue\u{1b}[0m")
    }

    @Test("Raw gives strings without quotes and bytes as they are")
    func raw() {
        #expect(ResultText.raw(args: ["a"]) == Array("a\n".utf8))
        #expect(ResultText.raw(args: [.binary([0, 255])]) == [0, 255])
        #expect(ResultText.raw(args: [[1, 2]]) == Array("[1,2]\n".utf8))
        #expect(ResultText.raw(args: []).isEmpty)
    }

    @Test("The document of one call has every key, null where nothing is known")
    func document() {
        let outcome = AnsweredCall(
            procedure: "a.b", args: [5], callee: 8_126_371, latency: .microseconds(412))
        #expect(
            JSONText.text(.dictionary(ResultText.document(outcome)))
                == #"{"procedure":"a.b","args":[5],"kwargs":{},"details":{},"callee":8126371,"#
                + #""callee_authid":null,"latency_ms":0.412}"#)
    }

    @Test("A record of a stream has type and time, and an error its URI")
    func record() {
        let outcome = AnsweredCall(procedure: "a.b", latency: .zero, error: .timeout)
        let record = ResultText.record(outcome, id: 7, at: WallMoment(milliseconds: 204))
        #expect(record["type"] == "error")
        #expect(record["time"] == "1970-01-01T00:00:00.204Z")
        #expect(record["uri"] == "wamp.error.timeout")
        #expect(record["id"] == 7)
    }

    @Test("Figures are grouped, fixed and shortened as people read them")
    func figures() {
        #expect(Figures.grouped(1_234_567) == "1 234 567")
        #expect(Figures.grouped(999) == "999")
        #expect(Figures.fixed(0.0626, 3) == "0.063")
        #expect(Figures.fixed(12, 0) == "12")
        #expect(Figures.fixed(-0.001, 2) == "0.00")
        #expect(
            [0.0384, 0.384, 1.23, 9.96, 123.4].map(Figures.short) == [
                "0.038", "0.38", "1.2", "10", "123",
            ])
        #expect(WallMoment(milliseconds: 1_767_225_599_999).timestamp == "2025-12-31T23:59:59.999Z")
    }
}
