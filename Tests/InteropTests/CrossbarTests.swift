// Our register and call against a real Crossbar.io router.

import Foundation
import Subprocess
import Testing

private let missing = Comment("Crossbar.io is not installed: run scripts/setup")

@Suite("Our commands and Crossbar.io", .enabled(if: Installed.hasCrossbar, missing))
struct CrossbarTests {
    // One test, because Crossbar.io takes seconds to start.
    @Test("Callees and calls under each rule, values and refusals, over both transports")
    func everything() async throws {
        try await withCrossbar { router in
            for link in Link.all {
                let at = ["-u", router.address(link.transport), "--serializer", link.serializer]
                let callees = try await distribution(link, at)
                try await refusals(link, at)
                try await values(link, at)
                for callee in callees { kill(callee, SIGTERM) }
            }
        }
    }

    /// Registers and calls under each rule; returns the processes that serve.
    private func distribution(_ link: Link, _ at: [String]) async throws -> [pid_t] {
        var callees: [pid_t] = []
        for rule in ["single", "roundrobin", "random", "first", "last"] {
            let procedure = "com.example.\(link.transport).\(link.serializer).\(rule)"
            let instances = rule == "single" ? "1" : "3"
            callees.append(
                try await registered(
                    [procedure, "--invoke", rule, "--instances", instances] + at))
            let called = try await run(
                Installed.wampctl,
                ["call", procedure, "-n", "600", "-c", "8", "--tally", "--verify", "-o", "json"]
                    + at)
            expectCode(0, of: called, "\(link) \(rule)")
            let tally = try JSONDecoder().decode(Tally.self, from: Data(called.output.utf8))
            #expect(tally.calls == 600 && tally.ok == 600 && tally.verdict.ok, "\(link) \(rule)")
            if rule == "roundrobin" {
                #expect(tally.callees.map(\.count) == [200, 200, 200], "\(link) \(rule)")
            }
        }
        return callees
    }

    private func refusals(_ link: Link, _ at: [String]) async throws {
        let prefix = "com.example.\(link.transport).\(link.serializer)"
        let other = try await run(
            Installed.wampctl, ["register", prefix + ".random", "--invoke", "last"] + at)
        expectCode(11, of: other, "\(link)")
        let second = try await run(Installed.wampctl, ["register", prefix + ".single"] + at)
        expectCode(11, of: second, "\(link)")
        let nobody = try await run(Installed.wampctl, ["call", prefix + ".nobody"] + at)
        expectCode(6, of: nobody, "\(link)")
    }

    private func values(_ link: Link, _ at: [String]) async throws {
        let procedure = "com.example.\(link.transport).\(link.serializer).echo"
        let callee = try await registered([procedure, "--echo"] + at)
        defer { kill(callee, SIGTERM) }
        let text = try await run(
            Installed.wampctl,
            [
                "call", procedure, "007", "1e5", "true", ":=9223372036854775807",
                ":=18446744073709551615", ":=-9223372036854775808", ":=[1.5,{\"a\":[null]}]",
                "%=AAEC",
            ] + at)
        expectCode(0, of: text, "\(link)")
        let expected =
            #"{"args":["007","1e5","true",9223372036854775807,18446744073709551615,"#
            + #"-9223372036854775808,[1.5,{"a":[null]}],"\u0000AAEC"],"kwargs":{}}"#
        #expect(text.output == expected + "\n", "\(link)")
    }

    /// Starts `wampctl register` in the background, once it serves.
    private func registered(_ arguments: [String]) async throws -> pid_t {
        let ended = try await run(Installed.wampctl, ["register"] + arguments + ["--detach"])
        let printed = ended.output.trimmingCharacters(in: .whitespacesAndNewlines)
        guard ended.status == .exited(0), let process = pid_t(printed) else {
            throw Trouble(description: "\(ended)")
        }
        return process
    }
}

/// The parts of `call --tally -o json` that these tests judge.
private struct Tally: Decodable {
    struct Callee: Decodable { let count: Int }
    struct Verdict: Decodable { let ok: Bool }

    let calls: Int
    let ok: Int
    let callees: [Callee]
    let verdict: Verdict
}
