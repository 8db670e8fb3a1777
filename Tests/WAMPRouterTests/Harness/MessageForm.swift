// A message has two forms, which must mean the same: bytes that are passed on, and decoded in full.

import Testing

/// How the messages of a test come, as far as they can be plain.
enum MessageForm {
    case plain, full
    /// By turns, for sequences that chance makes: what one form leaves behind the other finds.
    case mixed

    /// That of the test that runs.
    @TaskLocal static var current = MessageForm.mixed
}

/// Runs each test of a suite twice: with its plain messages as a connection receives them, and with
/// all messages in full.
struct InBothForms: SuiteTrait, TestTrait, TestScoping {
    var isRecursive: Bool { true }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing body: @Sendable () async throws -> Void
    ) async throws {
        for form in [MessageForm.plain, .full] {
            try await MessageForm.$current.withValue(form) { try await body() }
        }
    }
}

extension Trait where Self == InBothForms {
    static var inBothForms: Self { Self() }
}
