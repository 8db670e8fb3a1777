// Signals as events of a command's own stream, so that they are handled where everything else is.

import Glibc
import UnixSignals
import WAMPClient

/// What a running command waits for.
enum RunEvent: Sendable {
    case signal(Int32)
    /// The child process ended, with this exit code.
    case childEnded(Int32)
    /// What had to be set up is set up, or could not be.
    case started
    /// The work is done.
    case finished
    /// A session ended, the numbered one of several.
    case sessionEnded(Int, SessionEnd)
    /// If the router had gone, all would know by now.
    case lossesSettled
    /// The router took a registration or subscription away, that of the numbered session or topic.
    case revoked(Int, Revocation)
    /// As many invocations or events as asked for have come.
    case countReached
    /// The router has let go of all registrations.
    case unregistered
    /// An instance has nothing to do.
    case idle
    /// The run has lasted as long as it should.
    case durationOver
    /// It is time to look again, or to draw again.
    case tick
    /// The time to finish is over.
    case drainExpired
    /// The reader of stdout went away.
    case outputBroken
}

/// One stream of everything that can happen to a running command.
struct RunEvents: Sendable {
    let stream: AsyncStream<RunEvent>
    private let continuation: AsyncStream<RunEvent>.Continuation

    /// Takes over the given signals of the process and the loss of stdout's reader.
    /// - Parameter others: signals that do not want the process to end.
    init(trapping signals: [UnixSignal], beside others: [UnixSignal] = []) async {
        (stream, continuation) = AsyncStream.makeStream()
        let continuation = continuation
        Streams.shared.whenOutputBreaks { continuation.yield(.outputBroken) }
        Streams.shared.hurry(at: signals.map(\.rawValue))
        let trapped = await UnixSignalsSequence(trapping: signals + others)
        Task {
            for await signal in trapped { continuation.yield(.signal(signal.rawValue)) }
        }
    }

    func send(_ event: RunEvent) { continuation.yield(event) }

    /// Sets up what a run needs, while its events are attended to; `.started` tells the end of it.
    func starting<Running: Sendable>(
        _ start: @escaping @Sendable () async throws(CommandFailure) -> Running
    ) -> Task<Swift.Result<Running, CommandFailure>, Never> {
        Task {
            defer { send(.started) }
            do throws(CommandFailure) {
                return .success(try await start())
            } catch {
                return .failure(error)
            }
        }
    }

    /// Sets up what a run needs, and goes on with it. A signal before then ends the run at once;
    /// what else happens before is left to `proceed` to handle.
    /// - Returns: the exit code.
    func run<Running: Sendable>(
        _ start: @escaping @Sendable () async throws(CommandFailure) -> Running,
        then proceed: (Running) async throws(CommandFailure) -> Int32
    ) async throws(CommandFailure) -> Int32 {
        let starting = starting(start)
        var early: [RunEvent] = []
        for await event in stream {
            switch event {
            case .started:
                let running = try await starting.value.get()
                early.forEach(send)
                return try await proceed(running)
            case .signal(let signal) where signal != SIGUSR1: return ExitCode.ended(by: signal)
            default: early.append(event)
            }
        }
        return ExitCode.failure.rawValue
    }
}

extension ExitCode {
    /// How the shell sees a process that a signal ended.
    static func ended(by signal: Int32) -> Int32 { 128 + signal }
}
