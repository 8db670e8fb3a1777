// Every ERROR of the router's own begins its arguments with a sentence for people. That is seen to
// here, for all tests; what they look at is without it.

import Testing
import WAMP

@testable import WAMPRouter

struct Sentences {
    private(set) var said: [String] = []
    /// The ERRORs of callees, which are passed on as they are.
    private var ofCallees: [(ErrorURI, Payload)] = []

    mutating func sent(_ message: Message) {
        if case .error(let error) = message { ofCallees.append((error.error, error.payload)) }
    }

    mutating func takenOut(of effects: [Effect]) -> [Effect] {
        effects.map { effect in
            guard case .send(.error(var error), let session) = effect,
                !ofCallees.contains(where: { $0 == (error.error, error.payload) })
            else { return effect }
            guard let (args, kwargs) = try? error.payload.values(),
                let sentence = args.first?.string, Self.isGood(sentence)
            else {
                Issue.record("no sentence: \(error)")
                return effect
            }
            said.append(sentence)
            // Part of the rule (SR-51), or of what is tested.
            if sentence == "callee left" || error.error == .invalidArgument { return effect }
            error.payload = Payload(args: Array(args.dropFirst()), kwargs: kwargs)
            return .send(.error(error), to: session)
        }
    }

    /// One sentence, not too long, on one line.
    private static func isGood(_ sentence: String) -> Bool {
        !sentence.isEmpty && sentence.count < 400 && !sentence.contains { $0.isNewline }
            && !sentence.hasSuffix(".")
    }
}
