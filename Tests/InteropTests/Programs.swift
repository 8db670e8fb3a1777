// Runs programs to their end, or for as long as a test needs them; no process outlives its test.
// A check of an exit code that fails shows the command, its end and both streams.

import Foundation
import Subprocess
import Testing

/// What a program that ended left behind.
struct Ended: Sendable, CustomStringConvertible {
    /// The program and its arguments.
    let command: [String]
    let status: TerminationStatus
    let output: String
    let errors: String

    var description: String {
        """
        $ \(command.joined(separator: " "))
        \(status)
        stdout: \(output)
        stderr: \(errors)
        """
    }
}

/// Expects that a program ended with an exit code.
/// - Parameter row: what tells this program from others that the same line expects an end of.
func expectCode(
    _ code: Int32, of ended: Ended, _ row: @autoclosure () -> String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(ended.status == .exited(code), "\(row())\n\(ended)", sourceLocation: sourceLocation)
}

/// Why a test could not be carried out.
struct Trouble: Error, CustomStringConvertible {
    let description: String
}

private let outputLimitBytes = 64 << 20

/// Runs a program to its end.
func run(
    _ program: String, _ arguments: [String], environment: [String: String] = [:]
) async throws -> Ended {
    let result = try await Subprocess.run(
        .name("env"), arguments: Arguments([program] + arguments),
        environment: environmentAdding(environment), platformOptions: gentle,
        output: .string(limit: outputLimitBytes), error: .string(limit: outputLimitBytes))
    return Ended(
        command: [program] + arguments, status: result.terminationStatus,
        output: result.standardOutput, errors: result.standardError)
}

/// Runs `wampctl` to its end.
func wampctl(_ arguments: String...) async throws -> Ended {
    try await run(Installed.wampctl, arguments)
}

/// Keeps a program running while `body` works; `body` gets the program's lines of output.
/// - Returns: what `body` returned, and the end of the program; its output is not kept.
func whileRunning<Value: Sendable>(
    _ program: String, _ arguments: [String], environment: [String: String] = [:],
    _ body: (AsyncStream<String>) async throws -> Value
) async throws -> (Value, Ended) {
    let result = try await Subprocess.run(
        .name("env"), arguments: Arguments([program] + arguments),
        environment: environmentAdding(environment), platformOptions: gentle,
        input: .none, output: .sequence, error: .string(limit: outputLimitBytes)
    ) { execution in
        // All output is read, wanted or not: a program blocks on a pipe that is full.
        let (lines, feed) = AsyncStream.makeStream(of: String.self)
        let output = execution.standardOutput
        async let read: Void = {
            for try await line in output.strings() { feed.yield(line) }
            feed.finish()
        }()
        let value = try await body(lines)
        await execution.teardown(using: gentle.teardownSequence)
        try await read
        return value
    }
    let ended = Ended(
        command: [program] + arguments, status: result.terminationStatus,
        output: "(read by the test)", errors: result.standardError)
    return (result.closureResult, ended)
}

/// A program gets time to end by itself before it is killed, as when a test fails.
private let gentle = {
    var options = PlatformOptions()
    options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(15))]
    return options
}()

/// The tests' own environment without settings of `wampctl` that a developer may have made.
private func environmentAdding(_ extra: [String: String]) -> Environment {
    var variables = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("WAMPCTL_") }
    variables.merge(extra) { $1 }
    // The library hands these bytes to the system as they are, so each ends as C wants it.
    return .custom(variables.map { Array("\($0.key)=\($0.value)\0".utf8) })
}
