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
    init(trapping signals: [UnixSignal]) async {
        (stream, continuation) = AsyncStream.makeStream()
        let continuation = continuation
        Streams.shared.whenOutputBreaks { continuation.yield(.outputBroken) }
        let trapped = await UnixSignalsSequence(trapping: signals)
        Task {
            for await signal in trapped { continuation.yield(.signal(signal.rawValue)) }
        }
    }

    func send(_ event: RunEvent) { continuation.yield(event) }
}

extension ExitCode {
    /// How the shell sees a process that a signal ended.
    static func ended(by signal: Int32) -> Int32 { 128 + signal }
}
