// Runs programs to their end, or for as long as a test needs them; no process outlives its test.

import Foundation
import Subprocess

/// What a program that ended left behind.
struct Ended: Sendable {
    let status: TerminationStatus
    let output: String
    let errors: String
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
        status: result.terminationStatus, output: result.standardOutput,
        errors: result.standardError)
}

/// Runs `wampctl` to its end.
func wampctl(_ arguments: String...) async throws -> Ended {
    try await run(Installed.wampctl, arguments)
}

/// Keeps a program running while `body` works; `body` gets the program's lines of output.
func whileRunning<Value: Sendable>(
    _ program: String, _ arguments: [String], environment: [String: String] = [:],
    _ body: (AsyncStream<String>) async throws -> Value
) async throws -> (Value, TerminationStatus) {
    let result = try await Subprocess.run(
        .name("env"), arguments: Arguments([program] + arguments),
        environment: environmentAdding(environment), platformOptions: gentle,
        input: .none, output: .sequence, error: .discarded
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
    return (result.closureResult, result.terminationStatus)
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
