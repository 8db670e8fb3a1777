// What a failing check of an exit code tells.

import Testing

@Suite("Outcome of a program") struct OutcomeTests {
    @Test("A failing check of an exit code shows the command, its code, both streams and the row")
    func told() async throws {
        let outcome = try await Program(
            ["-c", "echo out; echo err >&2; exit 7"], executable: "sh"
        ).ended()
        expectCode(7, of: outcome)
        expectCode(not: 0, of: outcome)
        let parts = ["a row", "$ sh -c echo out", "exit code 7", "stdout: out\n", "stderr: err\n"]
        withKnownIssue {
            expectCode(0, of: outcome, "a row")
        } matching: { issue in
            parts.allSatisfy { issue.comments.map(\.rawValue).joined().contains($0) }
        }
    }
}
