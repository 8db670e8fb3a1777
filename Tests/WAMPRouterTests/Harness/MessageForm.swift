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
