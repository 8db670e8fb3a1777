// Runs the built program as a person would: in a process of its own, with files for its streams.

import Dispatch
import Glibc
import Synchronization
import Testing
import WAMP
import WAMPClient
import WAMPTransport

@testable import wampctl

/// A process that has been started.
final class Program: Sendable {
    let id: pid_t
    private let command: [String]
    private let folder: String
    private let exit: Task<Int32, Never>
    private let ready: Int32?
    private let talk: Transcript

    /// The program beside the test bundle.
    static let path: String = {
        let parts = Detachment.executable.split(separator: "/", omittingEmptySubsequences: false)
        return parts.dropLast().joined(separator: "/") + "/wampctl"
    }()

    /// - Parameters:
    ///   - announces: give it `--ready-fd 3`, for `ready()`.
    ///   - stdout: its stdout, instead of a file.
    ///   - stdin: its stdin, instead of the input.
    init(
        _ words: [String], executable: String = Program.path, input: String? = nil,
        environment: [String: String] = [:], announces: Bool = false, output stdout: Int32? = nil,
        typed stdin: Int32? = nil
    ) throws {
        var template = Array("/tmp/wampctl-test-XXXXXX".utf8CString)
        let made = mkdtemp(&template)
        try #require(made != nil)
        let folder = String(
            decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        self.folder = folder
        command = [executable.split(separator: "/").last.map(String.init) ?? executable] + words
        let file = { (name: String) in
            open("\(folder)/\(name)", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        }
        let output = file("out"), talk = try ChildProcess.pipe()
        defer {
            close(output)
            close(talk.write)
        }
        var streams: [ChildProcess.Source] = [
            .null, .descriptor(stdout ?? output), .descriptor(talk.write),
        ]
        if let input {
            let source = file("in")
            defer { close(source) }
            _ = File.write(Array(input.utf8), to: source)
            lseek(source, 0, SEEK_SET)
            streams[0] = .descriptor(fcntl(source, F_DUPFD_CLOEXEC, 100))
        } else if let stdin {
            streams[0] = .descriptor(fcntl(stdin, F_DUPFD_CLOEXEC, 100))
        }
        let ready = announces ? try ChildProcess.pipe() : nil
        if let ready { streams.append(.descriptor(ready.write)) }
        self.talk = Transcript(of: talk.read)
        var variables = ProgramEnvironment.inherited
        variables.removeAll {
            $0.hasPrefix("WAMPCTL_") || $0 == "NO_COLOR" || $0 == "CLICOLOR_FORCE"
        }
        variables["PATH"] =
            Program.path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
            .joined(separator: "/") + ":" + (variables["PATH"] ?? "/usr/bin:/bin")
        for (name, value) in environment { variables[name] = value }
        let words = words + (announces ? ["--ready-fd=3"] : [])
        let child = try ChildProcess(
            executable, arguments: words.map { Array($0.utf8) },
            environment: variables, streams: streams)
        if let ready { close(ready.write) }
        if case .descriptor(let source) = streams[0] { close(source) }
        self.ready = ready?.read
        id = child.id
        exit = Task {
            await withCheckedContinuation { continuation in
                child.whenEnded { continuation.resume(returning: $0) }
            }
        }
    }

    deinit {
        kill(id, SIGKILL)
        for name in ["in", "out"] { unlink("\(folder)/\(name)") }
        rmdir(folder)
        if let ready { close(ready) }
    }

    /// Waits for the ready line.
    func ready() async throws -> Value.Dictionary {
        let descriptor = try #require(ready)
        let bytes = await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                var bytes: [UInt8] = []
                _ = File.readAll(descriptor, into: &bytes)
                continuation.resume(returning: bytes)
            }
        }
        return try #require(
            try JSONText.parse(String(decoding: bytes, as: UTF8.self)).dictionary)
    }

    func signal(_ signal: Int32) { kill(id, signal) }

    /// Waits for its end.
    func ended() async throws -> Outcome {
        let code = await exit.value
        let output = String(decoding: try File.contents("\(folder)/out"), as: UTF8.self)
        return Outcome(
            command: command, code: code, output: output, talk: await talk.whole())
    }

    /// What it has said on stderr until now.
    var saidSoFar: String { talk.soFar }

    /// Waits until it has said something on stderr so many times.
    func said(_ text: String, times: Int = 1) async throws {
        try #require(await talk.holds(text, times: times), "it never said '\(text)'")
    }

    /// Runs the program to its end.
    static func run(
        _ words: String..., input: String? = nil, environment: [String: String] = [:]
    ) async throws -> Outcome {
        try await Program(words, input: input, environment: environment).ended()
    }

    /// Runs a shell script with a router of its own.
    static func script(_ script: String) async throws -> Outcome {
        try await Program(["router", "-p", "0", "--", "sh", "-c", script]).ended()
    }
}

/// What comes through a pipe, and who waits for a part of it.
final class Transcript: Sendable {
    private struct State {
        var text = ""
        var isWhole = false
        var waiting:
            [(needle: String, times: Int, continuation: CheckedContinuation<Bool, Never>)] =
                []
    }

    private let state = Mutex(State())

    init(of descriptor: Int32) {
        DispatchQueue(label: "transcript").async { [self] in
            var chunk = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = read(descriptor, &chunk, chunk.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { break }
                let text = String(decoding: chunk[..<count], as: UTF8.self)
                state.withLock { state in
                    state.text += text
                    Self.wake(&state)
                }
            }
            close(descriptor)
            state.withLock { state in
                state.isWhole = true
                Self.wake(&state)
            }
        }
    }

    /// Waits until the text holds the needle so often; false if it ends before.
    func holds(_ needle: String, times: Int) async -> Bool {
        await withCheckedContinuation { continuation in
            state.withLock { state in
                state.waiting.append((needle, times, continuation))
                Self.wake(&state)
            }
        }
    }

    /// What has come until now.
    var soFar: String { state.withLock { $0.text } }

    /// Waits for the end.
    func whole() async -> String {
        _ = await holds("\u{0}", times: 1)
        return state.withLock { $0.text }
    }

    private static func wake(_ state: inout State) {
        state.waiting.removeAll { waiter in
            let isThere = state.text.ranges(of: waiter.needle).count >= waiter.times
            if isThere || state.isWhole { waiter.continuation.resume(returning: isThere) }
            return isThere || state.isWhole
        }
    }
}

/// A router in a process of its own, for one test.
struct TestRouter {
    let program: Program
    let url: String

    init(_ options: String...) async throws {
        program = try Program(["router", "-p", "0", "-q"] + options, announces: true)
        let listeners = try await program.ready()["listeners"]?.list
        url = try #require(listeners?.first?.dictionary?["url"]?.string)
    }

    var environment: [String: String] { ["WAMPCTL_URL": url] }

    func run(_ words: String..., input: String? = nil) async throws -> Outcome {
        try await run(words, input: input)
    }

    func run(_ words: [String], input: String? = nil) async throws -> Outcome {
        try await Program(words, input: input, environment: environment).ended()
    }

    /// Starts a `register`, and returns when it is ready.
    func register(_ words: String...) async throws -> Program {
        let program = try Program(
            ["register"] + words, environment: environment, announces: true)
        _ = try await program.ready()
        return program
    }
}
