// What a program left behind, and what a test expects of its end: a check that fails shows the
// command, its exit code and both streams.

import Testing
import WAMP
import WAMPClient

/// What a process left behind.
struct Outcome: CustomStringConvertible {
    /// The program and its arguments.
    let command: [String]
    let code: Int32
    let output: String
    let talk: String

    /// The output as one JSON document.
    var document: Value.Dictionary {
        get throws { try #require(try JSONText.parse(output).dictionary, "no object: \(self)") }
    }

    /// The last line of the output as JSON, behind what other programs of a script printed.
    var lastDocument: Value.Dictionary {
        get throws {
            let line = try #require(output.split(separator: "\n").last, "\(self)")
            return try #require(try JSONText.parse(String(line)).dictionary, "\(self)")
        }
    }

    var lines: [String] { output.split(separator: "\n").map(String.init) }

    var description: String {
        """
        $ \(command.joined(separator: " "))
        exit code \(code)
        stdout: \(output)
        stderr: \(talk)
        """
    }
}

/// Expects that a program ended with an exit code.
/// - Parameter row: what tells this program from others that the same line expects an end of.
func expectCode(
    _ code: Int32, of outcome: Outcome, _ row: @autoclosure () -> String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(outcome.code == code, "\(row())\n\(outcome)", sourceLocation: sourceLocation)
}

/// Expects that a program ended with any other exit code than one.
func expectCode(
    not code: Int32, of outcome: Outcome, _ row: @autoclosure () -> String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(outcome.code != code, "\(row())\n\(outcome)", sourceLocation: sourceLocation)
}

/// Ends the test unless a program ended with an exit code.
func requireCode(
    _ code: Int32, of outcome: Outcome, sourceLocation: SourceLocation = #_sourceLocation
) throws {
    try #require(outcome.code == code, "\(outcome)", sourceLocation: sourceLocation)
}
