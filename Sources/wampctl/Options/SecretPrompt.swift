// Asks for a secret on the terminal, whatever the streams are. The terminal shows what is typed
// again afterwards, on every path.

import Glibc

enum SecretPrompt {
    private static let interrupt: UInt8 = 3

    static func ask(_ question: String) throws(CommandFailure) -> String {
        let terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
        guard terminal >= 0 else {
            throw CommandFailure(
                .usage, "there is no terminal to ask on",
                hints: ["--secret-file FILE takes the secret from a file"])
        }
        defer { close(terminal) }
        var before = termios()
        guard tcgetattr(terminal, &before) == 0 else {
            throw CommandFailure(.failure, "cannot ask on the terminal: \(File.reason())")
        }
        // Ctrl-C comes as a byte: a signal would leave the terminal without echo.
        var silent = before
        silent.c_lflag &= ~tcflag_t(ECHO | ISIG)
        tcsetattr(terminal, TCSAFLUSH, &silent)
        defer { tcsetattr(terminal, TCSAFLUSH, &before) }
        _ = File.write(Array(question.utf8), to: terminal)
        let line = readLine(terminal)
        _ = File.write([UInt8(ascii: "\n")], to: terminal)
        guard let line, !line.contains(interrupt) else {
            throw CommandFailure(.interrupted, "interrupted")
        }
        guard let secret = String(validating: line, as: UTF8.self), !secret.isEmpty else {
            throw CommandFailure(.usage, "no secret was given")
        }
        return secret
    }

    /// Nil at the end of input.
    private static func readLine(_ terminal: Int32) -> [UInt8]? {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while true {
            let count = read(terminal, &byte, 1)
            if count < 0, errno == EINTR { continue }
            guard count == 1 else { return nil }
            if byte == UInt8(ascii: "\n") { return line }
            line.append(byte)
            if byte == interrupt { return line }
        }
    }
}
