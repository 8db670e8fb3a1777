// What happens to a running command, signals among it, as one stream of events of its own kind, so
// that all of it is handled in one place.

import Glibc
import UnixSignals

/// One stream of everything that can happen to a run.
struct RunEvents<Event: Sendable>: Sendable {
    let stream: AsyncStream<Event>
    private let continuation: AsyncStream<Event>.Continuation
    private let setup: AsyncStream<Setup>
    private let setupContinuation: AsyncStream<Setup>.Continuation

    /// What ends the setting up of a run.
    private enum Setup {
        case done
        case interrupted(by: Int32)
    }

    /// Takes over the given signals of the process and the loss of stdout's reader.
    ///
    /// - Parameters:
    ///   - signals: those that want the process to end.
    ///   - others: those that do not.
    ///   - onSignal: what either is to the run.
    ///   - onBrokenOutput: what the loss of stdout's reader is to the run.
    init(
        trapping signals: [UnixSignal], beside others: [UnixSignal] = [],
        onSignal: @escaping @Sendable (Int32) -> Event, onBrokenOutput: Event
    ) async {
        (stream, continuation) = AsyncStream.makeStream()
        (setup, setupContinuation) = AsyncStream.makeStream()
        let continuation = continuation, setup = setupContinuation
        Streams.shared.whenOutputBreaks { continuation.yield(onBrokenOutput) }
        Streams.shared.hurry(at: signals.map(\.rawValue))
        let trapped = await UnixSignalsSequence(trapping: signals + others)
        Task {
            for await signal in trapped {
                if signals.contains(signal) { setup.yield(.interrupted(by: signal.rawValue)) }
                continuation.yield(onSignal(signal.rawValue))
            }
        }
    }

    func send(_ event: Event) { continuation.yield(event) }

    /// Sets up what a run needs, while its events are attended to; `event` tells the end of it.
    func starting<Running: Sendable>(
        telling event: Event,
        _ start: @escaping @Sendable () async throws(CommandFailure) -> Running
    ) -> Task<Swift.Result<Running, CommandFailure>, Never> {
        let continuation = continuation
        return Task {
            defer { continuation.yield(event) }
            return await Self.outcome(of: start)
        }
    }

    /// Sets up what a run needs, and goes on with it. A signal before then ends the run at once;
    /// what else happens before waits in the stream for `proceed`.
    /// - Returns: the exit code.
    func run<Running: Sendable>(
        _ start: @escaping @Sendable () async throws(CommandFailure) -> Running,
        then proceed: (Running) async throws(CommandFailure) -> Int32
    ) async throws(CommandFailure) -> Int32 {
        let setupContinuation = setupContinuation
        let starting = Task {
            defer { setupContinuation.yield(.done) }
            return await Self.outcome(of: start)
        }
        for await end in setup {
            setupContinuation.finish()
            switch end {
            case .interrupted(let signal): return ExitCode.ended(by: signal)
            case .done: return try await proceed(try await starting.value.get())
            }
        }
        return ExitCode.failure.rawValue
    }

    private static func outcome<Running: Sendable>(
        of start: @Sendable () async throws(CommandFailure) -> Running
    ) async -> Swift.Result<Running, CommandFailure> {
        do throws(CommandFailure) {
            return .success(try await start())
        } catch {
            return .failure(error)
        }
    }
}

extension ExitCode {
    /// How the shell sees a process that a signal ended.
    static func ended(by signal: Int32) -> Int32 { 128 + signal }
}
