// A run as a value: what happens goes in, and what is to be done about it comes out. It knows no
// session, task or clock; whoever carries its actions out does.

protocol Run {
    associatedtype Event: Sendable
    associatedtype Action

    /// - Returns: what to do now, in this order.
    mutating func handle(_ event: Event) -> [Action]
}

/// What comes of an action that was carried out.
enum ActionOutcome<Event> {
    case done
    /// The answer, which the run hears before anything else.
    case heard(Event)
    /// The run is over, with this exit code.
    case ended(Int32)
}

extension RunEvents {
    /// Lets a run decide about each event, until an action ends it.
    /// - Returns: the exit code.
    func follow<Course: Run>(
        _ run: Course,
        _ carryOut: (Course.Action) async throws(CommandFailure) -> ActionOutcome<Event>
    ) async throws(CommandFailure) -> Int32 where Course.Event == Event {
        var run = run
        for await event in stream {
            var actions = run.handle(event)[...]
            while let action = actions.popFirst() {
                switch try await carryOut(action) {
                case .done: continue
                case .heard(let answer): actions += run.handle(answer)
                case .ended(let code): return code
                }
            }
        }
        return ExitCode.failure.rawValue
    }
}
