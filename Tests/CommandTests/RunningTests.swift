// The pure parts of running commands: admission of invocations, hints, the words of a detached
// child, log lines.

import Logging
import Testing
import WAMP
import WAMPTransport

@testable import wampctl

@Suite struct InvocationGateTests {
    @Test(
        "Up to the limit are served, then some wait, then none is taken; who waited longest is next"
    )
    func order() {
        var gate = InvocationGate<Int>(limit: 2, queueLimit: 2)
        #expect((1...5).map { gate.arrived($0) } == [.serve, .serve, .wait, .wait, .refuse])
        #expect(gate.answered() == 3)
        #expect(gate.arrived(6) == .wait)
        #expect(gate.answered() == 4)
        #expect(gate.answered() == 6)
        #expect(gate.running == 2)
        #expect(gate.answered() == nil)
        #expect(gate.answered() == nil)
        #expect(gate.isIdle)
    }

    @Test("Without a limit all are served")
    func unlimited() {
        var gate = InvocationGate<Int>(limit: 0, queueLimit: 0)
        #expect((1...5000).allSatisfy { gate.arrived($0) == .serve })
    }

    @Test("A queue that is never empty keeps its order and does not grow")
    func longQueue() {
        var gate = InvocationGate<Int>(limit: 1, queueLimit: 10)
        for item in 0...5 { _ = gate.arrived(item) }
        for item in 6..<5000 {
            #expect(gate.answered() == item - 5)
            #expect(gate.arrived(item) == .wait)
        }
        #expect(gate.waitingCount == 5)
    }
}

@Suite struct HintTests {
    @Test("A bare word that looks like a value is pointed at")
    func strings() {
        #expect(
            Hints.strings(["x", "2"]) == ["'2' was sent as a string; write :=2, or use -j"])
        #expect(Hints.strings(["true"]).count == 1)
        #expect(Hints.strings(["007", "word", "\"quoted\""]).isEmpty)
    }

    @Test("A router is suggested only where one could be started")
    func refused() throws {
        #expect(Hints.refused(at: try Endpoint("ws://localhost:1/ws")).count == 1)
        #expect(Hints.refused(at: try Endpoint("ws://example.com:1/ws")).isEmpty)
    }

    @Test("A conflict names the rule to join with")
    func conflict() {
        #expect(
            Hints.conflict(rule: "random", requested: "last") == [
                "to join them, use --invoke random"
            ])
        #expect(
            Hints.conflict(rule: "single", requested: "last") == [
                "the rule 'single' allows one callee"
            ])
        #expect(Hints.conflict(rule: nil, requested: "last").isEmpty)
    }

    @Test("A similar procedure is suggested")
    func similar() {
        #expect(
            Hints.similar(to: "com.example.helo", among: ["com.example.hello", "com.other"])
                == ["did you mean 'com.example.hello'?"])
    }
}

@Suite struct DetachmentTests {
    @Test("The child gets the same words with its own ready descriptor")
    func words() {
        #expect(
            Detachment.childArguments([
                "router", "--detach", "-p", "0", "--ready-fd", "5", "--ready-fd=6", "--",
                "--detach",
            ]) == ["router", "--ready-fd=3", "-p", "0", "--", "--detach"])
    }
}

@Suite struct LogLineTests {
    @Test("Text and JSON hold the same, keys in order, and no peer can forge a line")
    func lines() {
        let metadata: Logger.Metadata = ["session": "812", "realm": "a\nb"]
        let time = WallMoment(milliseconds: 204)
        let text = LogLines.line(.info, "session joined", metadata, at: time, isJSON: false)
        #expect(text.hasSuffix(".204 info    session joined  realm=a b session=812"))
        #expect(
            LogLines.line(.info, "session joined", metadata, at: time, isJSON: true)
                == #"{"time":"1970-01-01T00:00:00.204Z","level":"info","message":"session joined","#
                + #""realm":"a\nb","session":"812"}"#)
    }
}
